"""Sweeps in virtual time: the engine of a real sweep, on trials that cost nothing.

Trials are synthetic, or answer as those of a recorded sweep did. ``ratefront.api`` takes ``simulation_input``,
``run_simulation`` and ``outcome`` from here. The room uses the engine, the store and the tracker's protocol; it must
import neither Ray nor torch. Nothing here goes wrong on purpose: faults come from ``ratefront.testing.faults``, which
this room must not import.
"""
