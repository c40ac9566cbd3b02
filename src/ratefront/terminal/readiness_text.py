"""Prints what ``ratefront doctor`` has found, a line for each check, with what to do below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from ratefront.readiness import CheckLine, Level, Readiness
from ratefront.safe_text import visible

_STYLES: Mapping[Level, str] = {"ok": "green", "warning": "bold yellow", "error": "bold red"}
#: A line with more nodes names as many of them, and counts the others.
_NAMED_NODES = 5
_LEVEL_WIDTH, _CHECK_WIDTH = 9, 12


def print_check_line(line: CheckLine, console: Console) -> None:
    """Print one line. Lines are as long as they are: a terminal wraps them, a file keeps them whole."""
    indent = " " * (_LEVEL_WIDTH + _CHECK_WIDTH)
    first, *rest = visible(line.text).splitlines() or [""]
    text = Text.assemble(
        (f"{line.level:<{_LEVEL_WIDTH}}", _STYLES[line.level]),
        (f"{line.check:<{_CHECK_WIDTH}}", "bold"),
        f"{nodes_phrase(line)}{first}",
    )
    console.print(text, soft_wrap=True)
    for more in rest:
        console.print(Text(f"{indent}{more}"), soft_wrap=True)
    if line.advice:
        console.print(Text.assemble(f"{indent}", ("→ ", "bold"), visible(line.advice)), soft_wrap=True)


def nodes_phrase(line: CheckLine) -> str:
    """Return of which nodes the line is: ``98 nodes: ``; with names where there is something to do, or few nodes."""
    nodes: Sequence[str] = line.nodes
    if not nodes:
        return ""
    if len(nodes) == 1:
        return f"node {nodes[0]}: "
    if line.level == "ok" and len(nodes) > _NAMED_NODES:
        return f"{len(nodes)} nodes: "
    more = len(nodes) - _NAMED_NODES
    named = [*nodes[:_NAMED_NODES], *([f"and {more} more"] if more > 0 else [])]
    return f"{len(nodes)} nodes ({', '.join(named)}): "


def print_verdict(found: Readiness, console: Console) -> None:
    """Print in one line whether a sweep can run."""
    errors, warnings = found.count("error"), found.count("warning")
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    verdict = "ready for a sweep" if found.is_ready else "not ready for a sweep"
    console.print(Text(f"{verdict}: {counted}", style=_STYLES[found.level]), soft_wrap=True)
