"""The commands of ``ratefront``; each file is named after the commands in it.

A command is a plain function with typer's annotations; ``cli.app`` imports all of them, no other module does. A command
imports ``api`` and what the arguments share, and no other command.
"""
