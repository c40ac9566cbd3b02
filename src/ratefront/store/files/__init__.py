"""Files that are whole or absent, paths that stay in their folder, outputs that a user names, checksums, locks.

Any room that writes files imports from here. Nothing here knows of sweeps; of the package only the errors are imported.
"""
