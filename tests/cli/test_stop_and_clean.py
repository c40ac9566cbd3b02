"""Commands on a sweep from another terminal: ``status``, ``stop``, ``clean``, ``reproduce``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.builders import FakeSweep, full_sweep, label
from tests.store.driver_processes import driving
from typer.testing import CliRunner, Result

from ratefront.cli import app
from ratefront.errors import EngineError
from ratefront.history.events import Planned
from ratefront.store.ledger import stop_from_outside
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium


def ratefront(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_status_of_a_sweep_that_another_process_drives(tmp_path: Path) -> None:
    FakeSweep(tmp_path).finish(label(), 3.0, 0.9, 5000)
    with driving(tmp_path, "obey") as driver:
        done = ratefront("status", tmp_path, "--json")
        status = json.loads(done.stdout)
        assert (done.exit_code, done.stderr) == (0, "")
        assert status["driver"].startswith(f"process {driver.pid} ")
        assert {
            "trials_requested",
            "finished",
            "pruned",
            "stopped",
            "collapsed",
            "failed",
            "running",
        } <= status.keys()
        assert "digits is" in ratefront("status", tmp_path).stdout
    interrupted = ratefront("status", tmp_path).stdout
    assert "digits was interrupted" in interrupted
    assert f"ratefront sweep --out {tmp_path} --resume" in interrupted


def test_the_keys_of_the_json_are_those_that_are_documented(tmp_path: Path) -> None:
    status = json.loads(ratefront("status", full_sweep(tmp_path).path, "--json").stdout)
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    section = page.partition("## ratefront status --json")[2].partition("\n## ")[0]
    assert [key for key in status if f"`{key}`" not in section] == []


def test_stop_ends_the_driver_and_says_how_to_resume(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    with driving(tmp_path, "obey") as driver:
        done = ratefront("stop", tmp_path)
        assert done.exit_code == 0, done.stderr
        assert driver.wait(timeout=10) == 0
    assert f"stopped; go on with: ratefront sweep --out {tmp_path} --resume" in done.stderr


def test_stop_without_a_driver_says_how_to_resume(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    done = ratefront("stop", tmp_path)
    assert done.exit_code == 2
    assert done.stderr.endswith(f"; go on with: ratefront sweep --out {tmp_path} --resume\n")


def test_stop_of_one_trial_with_and_without_a_driver(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    for number in (0, 1):
        sweep.append(Planned(f"t010{number}", number, 1, label()))
    with driving(tmp_path, "obey"):
        done = ratefront("stop", tmp_path, "--trial", "t0100")
    assert (done.exit_code, done.stderr) == (0, "t0100 is stopped\n")
    done = ratefront("stop", tmp_path, "--trial", "t0101")
    assert (done.exit_code, done.stderr) == (0, "t0101 is stopped\n")
    history = read_history(sweep.folder)
    assert [history.trials[t].reason for t in ("t0100", "t0101")] == ["stopped by hand"] * 2


def test_a_driver_that_does_not_answer_is_an_engine_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get_no_answer(*_: object) -> None:
        raise EngineError("process 7 on lab was asked to end")

    FakeSweep(tmp_path)
    monkeypatch.setattr(stop_from_outside, "stop_sweep", get_no_answer)
    done = ratefront("stop", tmp_path)
    assert (done.exit_code, done.stderr) == (1, "ratefront: process 7 on lab was asked to end\n")


@pytest.mark.parametrize("command", ["status", "stop", "clean", "report"])
def test_a_folder_without_a_sweep_is_refused(tmp_path: Path, command: str) -> None:
    done = ratefront(command, tmp_path)
    assert done.exit_code == 2
    assert f"{tmp_path} is not a sweep's folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trial", "t99"], "no trial 't99'"),
        (["--trial", "t0000"], "already ended as finished"),
        ([], "the sweep has ended"),
    ],
)
def test_stop_refuses_unknown_and_ended_trials(tmp_path: Path, words: list[str], message: str) -> None:
    done = ratefront("stop", full_sweep(tmp_path).path, *words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_clean_prints_the_freed_bytes(tmp_path: Path) -> None:
    folder = full_sweep(tmp_path)
    for trial_id in read_history(folder).trials:
        folder.trial(trial_id).path.mkdir(parents=True)
        folder.trial(trial_id).stream.write_bytes(bytes(1024))
    ledger = folder.ledger.read_bytes()
    assert ratefront("clean", tmp_path).stdout == "freed 0 B: 0 files\n", "its file keeps all"
    assert (
        ratefront("clean", tmp_path, "--keep", "none", "--dry-run").stdout
        == "would free 30.0 KiB: 30 files\n"
    )
    assert len(list(folder.trials.glob("*/stream.bin"))) == 30
    front = ratefront("clean", tmp_path, "--keep", "front")
    assert front.stdout == "freed 9.0 KiB: 9 files\n"
    assert ratefront("clean", tmp_path, "--keep", "none").stdout == "freed 21.0 KiB: 21 files\n"
    assert ratefront("clean", tmp_path, "--keep", "some").exit_code == 2
    assert folder.ledger.read_bytes() == ledger
    assert SweepFolder(tmp_path).predictions.exists()
