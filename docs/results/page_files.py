"""What the scripts of the results pages share: the page's files, their command line, and how an error ends them."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ratefront import RatefrontError


def page_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option --out; it shows the script's docstring as it is written."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder of the page's files")
    return parser


def write_page(
    folder: Path,
    summary: Mapping[str, Any],
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    table: str = "front.csv",
) -> None:
    """Write summary.json and a CSV file into a folder, which need not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / table).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")


def run_script(main: Callable[[], None]) -> None:
    """Run a script; an error of ratefront ends it with one line instead of a trace."""
    try:
        main()
    except RatefrontError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
