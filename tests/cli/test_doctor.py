"""``ratefront doctor`` as a user meets it: its output and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ratefront.cli import app

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
NO_CLUSTER = {
    "RAY_ADDRESS": "",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN_PATH": "",
    "MLFLOW_TRACKING_URI": "",
}


def doctor(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["doctor", *map(str, words)], env=NO_CLUSTER)
    return done.exit_code, done.stdout, done.stderr


def test_a_machine_that_is_ready_is_exit_0(tmp_path: Path) -> None:
    code, stdout, stderr = doctor(DIGITS, "--out", tmp_path / "sweep")
    assert (code, stderr) == (0, "")
    *lines, verdict = stdout.splitlines()
    assert verdict.startswith("ready for a sweep: 0 errors, ")
    assert {line.split()[0] for line in lines} <= {"ok", "warning", "→"}
    assert any(line.startswith("ok       task model  small_cnn of ") for line in lines)


def test_an_error_is_exit_1_in_the_words_of_the_command_line(tmp_path: Path) -> None:
    code, stdout, _ = doctor("--address", "127.0.0.1:1", "--out", tmp_path / "sweep")
    assert code == 1
    assert "error    cluster     --address 127.0.0.1:1: no cluster can be reached there" in stdout
    assert stdout.endswith("not ready for a sweep: 1 error, 0 warnings\n")


def test_json_has_every_line(tmp_path: Path) -> None:
    code, stdout, _ = doctor(tmp_path / "none.yaml", "--out", tmp_path / "sweep", "--json")
    found = json.loads(stdout)
    assert code == 1
    assert (found["is_ready"], found["level"]) == (False, "error")
    assert found["lines"][0].keys() == {"level", "check", "nodes", "text", "advice"}
    assert "none.yaml" in found["lines"][0]["text"]


@pytest.mark.parametrize("words", [["--set", "trials"], ["--set", "trials=3"]])
def test_bad_options_are_exit_2(words: list[str]) -> None:
    code, stdout, stderr = doctor(*words)
    assert (code, stdout) == (2, "")
    assert stderr.startswith("ratefront: ")
