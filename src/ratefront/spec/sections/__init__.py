"""Sections of the sweep file that are large enough for a file of their own.

``sweep_spec`` has a field for each of them. They import the catalogue's limits, and nothing of this room's parent.
"""
