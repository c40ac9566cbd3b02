"""Files that are whole or absent, paths that stay in their folder, folders with checksums, locks between processes.

Any room that writes files imports from here. Nothing here knows of sweeps; of the package only the errors are imported.
"""
