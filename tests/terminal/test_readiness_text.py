"""What doctor prints: a line for each check, for one node and for a hundred."""

from __future__ import annotations

import io

import pytest

from ratefront.readiness import CheckLine, Level, NodeFinding, Readiness, grouped
from ratefront.terminal.console import SafeConsole
from ratefront.terminal.readiness_text import nodes_phrase, print_check_line, print_verdict


def printed(*lines: CheckLine) -> str:
    stream = io.StringIO()
    console = SafeConsole(file=stream, width=40)
    for line in lines:
        print_check_line(line, console)
    return stream.getvalue()


def names(count: int) -> tuple[str, ...]:
    return tuple(f"10.0.0.{number}" for number in range(count))


@pytest.mark.parametrize(
    ("level", "count", "phrase"),
    [
        ("ok", 0, ""),
        ("error", 1, "node 10.0.0.0: "),
        ("ok", 2, "2 nodes (10.0.0.0, 10.0.0.1): "),
        ("ok", 100, "100 nodes: "),
        ("error", 5, "5 nodes (10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4): "),
        ("warning", 100, "100 nodes (10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, and 95 more): "),
    ],
)
def test_nodes_are_named_where_there_is_something_to_do(level: Level, count: int, phrase: str) -> None:
    assert nodes_phrase(CheckLine(level, "software", "x", nodes=names(count))) == phrase


def test_a_line_is_whole_and_its_advice_is_below() -> None:
    text = "x" * 100
    assert printed(CheckLine("error", "software", text, "install it", names(1))) == (
        f"error    software    node 10.0.0.0: {text}\n                     → install it\n"
    )


def test_lines_of_a_text_stay_below_each_other() -> None:
    shown = printed(CheckLine("ok", "data", "first\nsecond\x1b[31m"))
    assert shown == "ok       data        first\n                     second\\x1b[31m\n"


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ((), "ready for a sweep: 0 errors, 0 warnings\n"),
        (("ok", "warning"), "ready for a sweep: 0 errors, 1 warning\n"),
        (("error", "warning", "warning"), "not ready for a sweep: 1 error, 2 warnings\n"),
    ],
)
def test_the_verdict_counts(levels: tuple[Level, ...], verdict: str) -> None:
    stream = io.StringIO()
    found = Readiness(tuple(CheckLine(level, "x", "y") for level in levels))
    print_verdict(found, SafeConsole(file=stream))
    assert stream.getvalue() == verdict
    assert found.is_ready is ("error" not in levels)


def test_findings_are_grouped_by_what_is_found() -> None:
    findings = [
        NodeFinding("a", "error", "old"),
        NodeFinding("b", "ok", "new"),
        NodeFinding("c", "ok", "new"),
    ]
    assert grouped("software", findings) == [
        CheckLine("ok", "software", "new", nodes=("b", "c")),
        CheckLine("error", "software", "old", nodes=("a",)),
    ]
