"""``ratefront schema``: what editors complete a sweep file with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(out: Annotated[Path, typer.Option(help="The file to write.")]) -> None:
    """Write the JSON schema of sweep files, for editors."""
    from ratefront.api.sweep_files import write_schema

    write_schema(out)
    print(out)
