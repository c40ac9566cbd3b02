"""Commands that one may want to type next, put as one would type them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def ratefront_command(*words: str | Path) -> str:
    """``ratefront …``, called as this process was; passwords in addresses are left out."""
    from ratefront.safe_text import without_credentials

    program = sys.argv[0] if Path(sys.argv[0]).name == "ratefront" else "ratefront"
    return shlex.join([program, *(without_credentials(str(word)) for word in words)])


def resume_command(folder: Path, tracking_uri: str | None = None) -> str:
    """How to go on with a sweep: all but the tracker's address stands in its ledger."""
    return ratefront_command("sweep", "--out", folder, "--resume", *tracking_arguments(tracking_uri))


def tracking_arguments(uri: str | None) -> list[str]:
    return [] if uri is None else ["--tracking-uri", uri]
