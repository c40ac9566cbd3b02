"""Faults for simulated sweeps, drawn from a seed, and the rules that must hold whatever goes wrong.

``ratefront.api`` takes ``seeded_sweeps``, ``faulty_sweep`` and ``invariants`` from here. The rig puts its conditions,
its observer and its disk in the place of the simulator's. The simulator must not import it; the rig must import neither
Ray and torch nor the tests of codecs beside it.
"""
