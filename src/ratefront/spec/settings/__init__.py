"""Sections of a sweep file that say how its space is searched, one module each.

``sweep_spec`` puts them together. They import nothing of the room above.
"""
