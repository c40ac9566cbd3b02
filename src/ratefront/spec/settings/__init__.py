"""Sections of the sweep file that are more than a few numbers, one a file.

``sweep_spec`` has a field for each of them; other rooms import a section where they act on it. Nothing here may import
``sweep_spec`` or any other part of the sweep file's room.
"""
