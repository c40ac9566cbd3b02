"""Texts of strangers reach a terminal without a control character, and nothing in them is markup."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text
from tests.builders import FakeSweep, label

from ratefront.cli.messages_in_flags import log_with_flags
from ratefront.history.sweep_history import SweepHistory
from ratefront.safe_text import visible, visible_json, visible_line
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.views.sweep_status import status_of
from ratefront.store.views.trials_csv import to_csv, trials_csv
from ratefront.terminal.console import SafeConsole
from ratefront.terminal.escaped_output import escaping, unescaped
from ratefront.terminal.progress_display import LiveDisplay, PlainDisplay
from ratefront.terminal.status_text import print_status
from ratefront.terminal.terminal_or_notebook import NotebookSurface, TerminalSurface

pytestmark = pytest.mark.medium

#: Sets the window's title, moves the cursor, is a link, C1, DEL, turns the order of letters round, begins a line.
HOSTILE = "\x1b]0;owned\x07\x1b[2A\x1b]8;;http://x\x1b\\a\x9b31m\x7f\u202eabc\u2066\r\nratefront: all is well"
MARKUP = "[red]x[/red] [link=http://x]y[/link] :smile:"
#: All but line ends and tabs.
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PROGRAM = [sys.executable, "-c", "from ratefront.cli import main; main()"]
#: Rich's own: styles, and what a live display moves and hides.
OWN_STYLES = re.compile(r"\x1b\[[0-9;]*[mAKGJ]|\x1b\[\?25[lh]|\r")


def hostile_sweep(folder: Path) -> FakeSweep:
    sweep = FakeSweep(folder)
    sweep.finish(label(method=HOSTILE + MARKUP), 3.3, 0.97, 52_000)
    sweep.fail(label(), HOSTILE + MARKUP)
    sweep.fail(label(), "=cmd|' /C calc'!A0")
    return sweep


def test_every_control_character_is_escaped() -> None:
    every = "".join(
        map(
            chr,
            [
                *range(0x20),
                *range(0x7F, 0xA0),
                *range(0x202A, 0x202F),
                *range(0x2066, 0x206A),
                0xDFFF,
                0xD800,
            ],
        )
    )
    assert not COMMANDS.search(visible(every))
    assert not COMMANDS.search(visible_line(every))
    assert visible_line("a\n\x1b\t\u202eé") == r"a\n\x1b\t\u202eé"
    assert visible("a\n\tb") == "a\n\tb"
    assert json.loads(visible_json(json.dumps({"k": every}, ensure_ascii=False))) == {"k": every}
    assert not COMMANDS.search(visible_json(json.dumps(every, ensure_ascii=False)))


@pytest.mark.parametrize("color_system", [None, "truecolor"])
def test_a_console_shows_texts_as_they_are(color_system: str | None) -> None:
    stream = io.StringIO()
    console = SafeConsole(
        file=escaping(stream), width=300, force_terminal=color_system is not None, color_system=color_system
    )
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE + MARKUP, style="red")
    for part in (HOSTILE + MARKUP, Text(HOSTILE, style="bold"), table):
        console.print(part)
    printed = stream.getvalue()
    assert ("\x1b[31m" in printed) == (color_system is not None)  # the table's own red
    assert not COMMANDS.search(OWN_STYLES.sub("", printed) if color_system else printed)
    assert printed.count(MARKUP) == 2
    assert r"\x1b]0;owned" in printed  # Rich drops the bell


def test_a_stream_keeps_lines_tabs_and_bars() -> None:
    stream = io.StringIO()
    output = escaping(stream)
    print("\r50 %", end="", file=output)
    print("a\tb", "\x1b[2J\r", file=output)
    output.writelines(["x\x07", "\n"])
    assert stream.getvalue() == "\r50 %a\tb \\x1b[2J\\r\nx\\x07\n"
    assert unescaped(output) is stream
    assert not output.closed


def test_what_is_logged_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("ratefront.data.nobody_listens")
    log.propagate = False  # pytest listens at the root
    with log_with_flags():
        log.warning("%s cannot be used", HOSTILE)
    assert not COMMANDS.search(printed := capsys.readouterr().err)
    assert r"\x1b]0;owned" in printed


@pytest.mark.parametrize("surface", ["terminal", "plain", "notebook"])
def test_the_progress_shows_no_control_character(surface: str, tmp_path: Path) -> None:
    sweep, stream = hostile_sweep(tmp_path), io.StringIO()
    sweep.plan(label(method=HOSTILE))
    history = read_history(sweep.folder)
    if surface == "notebook":
        notebook = NotebookSurface()
        notebook._block = LiveDisplay(notebook)._block
        notebook.add_lines([Text(HOSTILE)])
        assert not COMMANDS.search(notebook._html())
        return
    console = SafeConsole(file=stream, force_terminal=surface == "terminal", width=200)
    display = LiveDisplay(TerminalSurface(console)) if surface == "terminal" else PlainDisplay(console)
    with display:
        display.update(SweepHistory())
        display.update(history)
    printed = stream.getvalue()
    assert "all is well" in printed
    assert not COMMANDS.search(OWN_STYLES.sub("", printed))
    assert not re.search(r"^ratefront: all is well", printed, re.MULTILINE)


def test_the_heading_of_the_status_is_one_line(tmp_path: Path) -> None:
    status = replace(
        status_of(hostile_sweep(tmp_path).folder),
        sweep=HOSTILE,
        driver=HOSTILE,
        reason=HOSTILE,
        ended_early=HOSTILE,
    )
    stream = io.StringIO()
    print_status(status, SafeConsole(file=stream, width=2000))
    assert stream.getvalue().splitlines()[0].count("all is well") == 4
    assert not COMMANDS.search(stream.getvalue())


def test_commands_print_no_control_character(tmp_path: Path) -> None:
    """In real processes, whose output is a pipe: the status, JSON, a report's path, and errors of every kind."""
    folder = hostile_sweep(tmp_path / "swept").folder.path
    foreign = tmp_path / "\x1b]0;file\x07\u202e.npz"
    foreign.write_bytes(b"no archive")
    for words in (
        ["status", folder],
        ["status", folder, "--json"],
        ["bounds", foreign, "--out", tmp_path / "o.json"],
        ["\x1b[31mnone"],
    ):
        done = subprocess.run(
            [*PROGRAM, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "300"},
        )
        assert done.returncode in (0, 2), (words, done.stderr)
        assert not COMMANDS.search(done.stdout + done.stderr), (words, done.stdout, done.stderr)
        if words == ["status", folder, "--json"]:
            status = json.loads(done.stdout)
            assert HOSTILE + MARKUP in {failure["reason"] for failure in status["failures"]}
        elif words == ["status", folder]:
            assert MARKUP in done.stdout
            assert r"ratefront: all is well" not in [line.strip() for line in done.stdout.splitlines()]


def test_cells_of_csv_are_no_formulas(tmp_path: Path) -> None:
    rows = [
        {"a": text, "b": -1.5, "c": None, "+d": "1-1"}
        for text in ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "x=1", "")
    ]
    read = list(csv.reader(io.StringIO(to_csv(rows, ["a", "b", "c", "+d"]), newline="")))
    assert read[0] == ["a", "b", "c", "'+d"]
    assert [row[0] for row in read[1:]] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "'\t=1",
        r"\r=1",
        "'\n=1",
        "'＝1",
        "x=1",
        "",
    ]
    assert all(row[1:] == ["-1.5", "", "1-1"] for row in read[1:])
    assert "'=cmd|' /C calc'!A0" in trials_csv(read_history(hostile_sweep(tmp_path).folder))
