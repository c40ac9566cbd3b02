"""``ratefront reproduce`` as a process: what it prints, how it exits, what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.builders import full_sweep

pytestmark = pytest.mark.medium

#: The command with a stand-in for the run of a trial, so that torch is not loaded; the pieces in <> are a test's own.
PROGRAM = """
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from tests.builders import result
from ratefront.cli import main

def reproduce(folder, history, trial_id, out, *, own_module):
    for package in ("ray", "mlflow", "optuna"):
        try:
            __import__(package)
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"{package} can be imported")
    assert folder.path == Path(sys.argv[2]) and not out.exists(), out
    measured = result(trial_id, 3.0, 0.9, 5000) if <result> else None
    return SimpleNamespace(result=measured, differences=<differences>, not_compared=<not_compared>)

sys.modules["ratefront.trial.reproduction.reproduce_trial"] = stand_in = ModuleType("reproduce")
stand_in.reproduce = reproduce
main()
"""


def reproduce(
    folder: Path,
    *,
    result: bool = True,
    differences: tuple[str, ...] = (),
    not_compared: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("<result>", repr(result)).replace("<differences>", repr(differences))
    program = program.replace("<not_compared>", repr(not_compared))
    command = [sys.executable, "-c", program, "reproduce", str(folder), "t0003"]
    root = Path(__file__).parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=root)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep")
    full_sweep(path)
    before = {"python": "3.9.0", "git_commit": "abc", "git_diff": None, "packages": {"torch": "1.0"}}
    (path / "environment.json").write_text(json.dumps(before))
    return path


def test_reproduce_reports_the_same_bits(folder: Path) -> None:
    done = reproduce(folder)
    assert (done.returncode, done.stderr) == (0, "same bits\n")
    assert json.loads(done.stdout)["test"]["rate_bits"] == 3.0


def test_reproduce_compares_what_was_kept(folder: Path) -> None:
    done = reproduce(folder, not_compared=("stream.bin: not kept",))
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "not compared:")
    assert done.stderr.endswith("same bits in all that could be compared\n")


def test_other_bits_come_with_the_changes_of_the_environment(folder: Path) -> None:
    done = reproduce(folder, differences=("rate_bits: 3.0 → 3.1",))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[:2] == ["other bits:", "  rate_bits: 3.0 → 3.1"]
    assert any(line.startswith("  environment.json: torch 1.0 → 2.") for line in lines)
    assert any(line.startswith("  environment.json: git_commit abc → ") for line in lines)
    assert json.loads(done.stdout)["test"]["rate_bits"] == 3.0


def test_reproduce_reports_a_failure_that_repeats(folder: Path) -> None:
    done = reproduce(folder, result=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "it failed as it had failed\n")


def test_reproduce_refuses_a_folder_without_a_sweep(tmp_path: Path) -> None:
    done = reproduce(tmp_path)
    assert done.returncode == 2
    assert "is not a sweep's folder" in done.stderr
