"""Commands print no error if the reader of their output goes away, as ``| head`` does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.builders import full_sweep

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
PROGRAM = [sys.executable, "-c", "from ratefront.cli import main; main()"]


def run_without_reader(*words: str, unbuffered: bool = False, errors: bool = True) -> tuple[int, str]:
    """The exit code, and what is stderr on stderr, of a command whose output nobody reads; not ``errors`` either."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, *words],
            stdout=writer,
            stderr=subprocess.PIPE if errors else subprocess.STDOUT,
            text=True,
            check=False,
            env=os.environ | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {}),
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr or ""


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("piped")
    sweep = str(full_sweep(folder / "sweep").path)
    return {
        "check": ["check", str(DIGITS)],
        "status": ["status", sweep],
        "status --json": ["status", sweep, "--json"],
        "help": ["--help"],
    }


@pytest.mark.parametrize("command", ["check", "status", "status --json", "help"])
def test_a_command_whose_reader_has_gone_prints_no_error(words: dict[str, list[str]], command: str) -> None:
    assert run_without_reader(*words[command]) == (141, "")


@pytest.mark.parametrize("command", ["check", "status --json"])
def test_a_closed_pipe_that_is_noticed_while_printing_is_no_error(
    words: dict[str, list[str]], command: str
) -> None:
    """Without a buffer the first line breaks, not the last flush."""
    assert run_without_reader(*words[command], unbuffered=True) == (141, "")


def test_files_are_written_although_the_reader_has_gone(tmp_path: Path) -> None:
    """``ratefront bounds … --out FILE 2>&1 | head``, after minutes of computing."""
    (tmp_path / "counts.json").write_text(json.dumps([3, 4, 5]))
    command = ["bounds", "--prior", str(tmp_path / "counts.json"), "--out", str(tmp_path / "bounds.json")]
    assert run_without_reader(*command, errors=False)[0] == 141
    assert json.loads((tmp_path / "bounds.json").read_text())["samples"] == 12


def test_an_error_keeps_its_exit_code_although_the_reader_has_gone(tmp_path: Path) -> None:
    code, stderr = run_without_reader("status", str(tmp_path))
    assert code == 2
    assert "has no ledger.jsonl" in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
@pytest.mark.parametrize("command", ["status --json", "--help", "sweep --help"])
def test_a_full_disk_is_an_error(command: str, words: dict[str, list[str]]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *words.get(command, command.split())],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
