"""Commands that a user may want to type next, quoted for a shell."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path


def ratefront_command(*words: str | Path) -> str:
    """Return a command line ``ratefront …`` with the program's path as this process was called.

    Passwords in addresses are left out.
    """
    from ratefront.safe_text import without_credentials

    program = sys.argv[0] if Path(sys.argv[0]).name == "ratefront" else "ratefront"
    return shlex.join([program, *(without_credentials(_as_argument(word)) for word in words)])


def _as_argument(word: str | Path) -> str:
    """Write a path that begins with a dash so that it is not taken for an option."""
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def resume_command(folder: Path, tracking_uri: str | None = None, address: str | None = None) -> str:
    """Return the command that resumes a sweep. Its ledger holds all but the addresses of the tracker and of Ray."""
    cluster = [] if address is None else ["--address", address]
    return ratefront_command(
        "sweep", "--out", folder, "--resume", *tracking_arguments(tracking_uri), *cluster
    )


def command_with_more(folder: Path, larger: Mapping[str, float], tracking_uri: str | None = None) -> str:
    """Return the command that resumes a sweep with a larger budget; ``larger`` has values by keys of the sweep file."""
    words = [word for key, value in larger.items() for word in ("--set", f"{key}={value:g}")]
    return ratefront_command("sweep", "--out", folder, "--resume", *words, *tracking_arguments(tracking_uri))


def tracking_arguments(uri: str | None) -> list[str]:
    """Return the arguments that name the tracker's address, if there is one."""
    return [] if uri is None else ["--tracking-uri", uri]
