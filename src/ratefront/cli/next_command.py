"""Commands that a user may want to type next, quoted for a shell."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
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


def resume_command(folder: Path, *more: str) -> str:
    """Return the command that resumes a sweep; ``more`` is what its ledger does not hold, as addresses."""
    return ratefront_command("sweep", "--out", folder, "--resume", *more)


def setting_arguments(settings: Mapping[str, float] | Sequence[str]) -> list[str]:
    """Return the arguments that change a sweep file; ``settings`` are values by key, or the words of ``--set``."""
    words = (
        [f"{key}={value:g}" for key, value in settings.items()] if isinstance(settings, Mapping) else settings
    )
    return [argument for word in words for argument in ("--set", word)]


def cluster_arguments(address: str | None, autoscaling: bool) -> list[str]:
    """Return the arguments that name a cluster, if there is one."""
    return [*([] if address is None else ["--address", address]), *(["--autoscaling"] if autoscaling else [])]


def tracking_arguments(uri: str | None) -> list[str]:
    """Return the arguments that name the tracker's address, if there is one."""
    return [] if uri is None else ["--tracking-uri", uri]
