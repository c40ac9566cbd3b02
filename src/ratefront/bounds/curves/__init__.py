"""The curves of the theory, one file each."""
