"""The command line: the program, its commands, and the arguments that they share.

Only ``app`` and ``main`` are imported from outside. A command works through ``api``; the import contracts name the few
exceptions. Each command imports what is heavy when it runs, so that ``--help`` stays fast.
"""

from ratefront.cli.app import app, main

__all__ = ["app", "main"]
