"""Files that are whole or absent: atomic writes, outputs that a user names, checksummed folders, locks.

Any room that writes files imports from here. Nothing here knows of sweeps; of the package only the errors are imported.
"""
