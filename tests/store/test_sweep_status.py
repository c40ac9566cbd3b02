from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tests.builders import FakeSweep, full_sweep, label, spec, split
from tests.store.driver_processes import driving

from ratefront.errors import InputError
from ratefront.history.events import (
    Ended,
    Extended,
    Reopened,
    Resumed,
)
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.sweep_status import FRONT_ROWS, FailedTrial, RunningTrial, SweepStatus, status_of

COUNTS = ("finished", "collapsed", "pruned", "stopped", "failed", "running", "planned")


def test_a_sweep_that_has_ended(tmp_path: Path) -> None:
    status = status_of(full_sweep(tmp_path))
    assert (status.sweep, status.state, status.driver) == ("digits", "ended", None)
    assert [getattr(status, name) for name in COUNTS] == [24, 2, 1, 1, 2, 0, 0]
    assert status.trials_requested == 30
    assert [failure.trial_id for failure in status.failures] == ["t0028", "t0029"]
    assert status.failures[0] == FailedTrial("t0028", "DivergedError", "loss is NaN at epoch 3 (β = 900)", 1)
    assert status.remaining_s is None
    assert status.last_event.kind == "ended"
    plain = status.to_json()
    assert plain == json.loads(json.dumps(plain, allow_nan=False)), "plain data"
    assert list(plain)[:3] == ["sweep", "state", "ended_early"]


def test_the_front_is_shown_in_a_few_rows_that_span_it(tmp_path: Path) -> None:
    status = status_of(full_sweep(tmp_path))
    rates = [row["rate_bits"] for row in status.to_json()["front"]["rows"]]
    assert status.front.size > len(rates) == FRONT_ROWS
    assert rates == sorted(rates)
    assert len({trial.params.trial_id for trial in status.front.trials}) == FRONT_ROWS


def test_without_a_driver_nothing_runs(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.0, 0.9, 5000)
    sweep.plan(label())  # its driver died
    status = status_of(sweep.folder)
    assert (status.state, status.running, status.planned) == ("interrupted", 0, 1)
    assert status.running_trials == ()


def test_a_running_sweep_is_seen_from_another_process(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.plan(label())  # of a driver that died: it does not run
    with driving(tmp_path, "obey") as driver:
        status = _when(sweep.folder, lambda status: status.running_trials[:1] and _step(status) == 3)
        assert status.driver.startswith(f"process {driver.pid} on ")
        assert status.state == "running"
        running = {trial.trial_id: trial for trial in status.running_trials}
        assert running["t0900"] == RunningTrial(
            "t0900", 1, 3, "label", label(), {"loss": pytest.approx(1 / 3)}, running["t0900"].since
        )
        assert 0 <= status.last_event.age_s < 60
        driver.kill()
        driver.wait()
        assert status_of(sweep.folder).state == "interrupted"


def _step(status: SweepStatus) -> int:
    return {trial.trial_id: trial.step for trial in status.running_trials}.get("t0900", 0)


def _when(folder: SweepFolder, holds) -> SweepStatus:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = status_of(folder)
        if holds(status):
            return status
        time.sleep(0.02)
    pytest.fail(f"it did not happen: {status}")


def test_a_driver_that_has_recorded_nothing_yet_is_starting(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.plan(label())
    worked_s = status_of(sweep.folder).elapsed_s
    with driving(tmp_path, "deaf"):
        status = status_of(sweep.folder)
        assert (status.state, status.running, status.planned) == ("starting", 0, 1)
        assert status.elapsed_s == worked_s, "time without a driver does not count"
        assert status.remaining_s is None


def test_time_goes_on_while_a_driver_is_at_work_and_stands_without_one(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    for _ in range(3):
        sweep.finish(label(), 3.0, 0.9, 5000)
    with driving(tmp_path, "obey"):
        now = _when(sweep.folder, lambda status: _step(status) == 3).last_event.time
        soon, later = status_of(sweep.folder, now + 10), status_of(sweep.folder, now + 3610)
        silences = [status.to_json()["running_trials"][0]["silent_s"] for status in (soon, later)]
    assert later.elapsed_s - soon.elapsed_s == pytest.approx(3600)
    assert later.trials_per_hour < soon.trials_per_hour
    assert later.remaining_s == pytest.approx(3600 * 27 / later.trials_per_hour)
    assert silences == [None, pytest.approx(3610)], "unusually long"
    left = status_of(sweep.folder, now + 3610)
    assert left.elapsed_s == pytest.approx(soon.elapsed_s - 10)
    assert left.remaining_s is None


def test_before_the_task_model_is_there_a_sweep_is_starting(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    folder.ledger.touch()
    with pytest.raises(InputError, match="has not begun"):
        status_of(folder)
    with driving(tmp_path, "deaf"):
        status = status_of(folder)
    assert (status.state, status.sweep, status.last_event) == ("starting", None, None)
    assert status.trials_requested == sum(getattr(status, name) for name in COUNTS) == 0


def test_half_written_lines_do_not_disturb_readers(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    folder, seen = SweepFolder(tmp_path), []
    with driving(tmp_path, "torn"):
        torn = 0
        deadline = time.monotonic() + 30
        while (len(seen) < 60 or seen[-1] < 10 or not torn) and time.monotonic() < deadline:
            torn += not folder.ledger.read_bytes().endswith(b"\n")
            status = status_of(folder)
            assert status.running + status.planned <= 1
            seen.append(status.finished)
    assert torn > 0, "a half-written line was there to be read"
    assert seen == sorted(seen)
    assert seen[-1] >= 10


def test_extensions_count_and_a_reopened_trial_is_no_failure(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, spec(trials=2))
    failed = sweep.fail(label())
    sweep.append(Ended("all"), Resumed("process 1"), Extended(5), Reopened(failed))
    status = status_of(sweep.folder)
    assert (status.trials_requested, status.failures, status.planned) == (5, (), 1)
    assert status.state == "interrupted"


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no ledger\.jsonl"):
        status_of(SweepFolder(tmp_path))


def test_looking_for_the_driver_does_not_disturb_it(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    assert driver_of(sweep.folder) is None
    with driving(tmp_path, "deaf"):
        assert driver_of(sweep.folder) is not None
        assert driver_of(sweep.folder) is not None
    sweep.plan(split("stem", 1.0))  # opens the ledger for writing
    assert driver_of(sweep.folder) is None


def test_an_ended_sweep_that_is_being_extended_is_starting(tmp_path: Path) -> None:
    folder = full_sweep(tmp_path)
    with driving(tmp_path, "deaf"):
        status = _when(folder, lambda status: status.driver)
    assert status.state == "starting"
    assert status_of(folder).state == "ended"
