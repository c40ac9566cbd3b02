"""Files that are whole or absent: atomic writes, folders with checksums, and locks between processes.

Any room that writes files imports from here. Nothing here knows of sweeps; nothing else of the package is imported.
"""
