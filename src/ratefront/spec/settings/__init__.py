"""Sections of the sweep file that say how its space is searched, one a file.

``sweep_spec`` has a field for each of them; other rooms import a section where they act on it. Nothing here may import
``sweep_spec`` or any other part of the sweep file's room.
"""
