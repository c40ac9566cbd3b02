"""Sweeps in virtual time: the very engine of a real one, on problems that cost nothing, with faults from a seed."""
