"""Describes the environment of a sweep: commits, packages, machine, and how two of them differ.

``sweep_driver`` writes the description, and ``rf.open(...).environment_changes()`` compares it. It imports the store
and the catalogue, nothing else of orchestrate.
"""
