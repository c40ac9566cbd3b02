from __future__ import annotations

from pathlib import Path
from threading import Timer

import pytest
from tests.builders import FakeSweep, full_sweep, label
from tests.store.driver_processes import driving

from ratefront.errors import EngineError, InputError
from ratefront.history.events import Planned
from ratefront.store.ledger.read_ledger import entries_of, read_history
from ratefront.store.ledger.stop_from_outside import stop_sweep, stop_trial
from ratefront.store.ledger.stop_requests import take_requests
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium


def _plan_without_start(sweep: FakeSweep) -> str:
    sweep.append(Planned("t0100", 0, 1, label()))
    return "t0100"


def test_stopping_a_sweep_waits_until_its_driver_has_ended(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    with driving(tmp_path, "obey") as driver:
        stop_sweep(SweepFolder(tmp_path), "by hand", patience_s=30)
        assert driver.wait(timeout=10) == 0
    assert take_requests(SweepFolder(tmp_path)) == []


def test_a_driver_that_does_not_answer_is_named(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    with driving(tmp_path, "deaf") as driver, pytest.raises(EngineError, match=f"process {driver.pid} on"):
        stop_sweep(SweepFolder(tmp_path), "by hand", patience_s=0.3)
    (left,) = take_requests(SweepFolder(tmp_path))
    assert (left.trial_id, left.reason) == (None, "by hand"), "the driver will read it"


def test_a_driver_that_ends_by_itself_leaves_no_request_to_the_next(tmp_path: Path) -> None:
    FakeSweep(tmp_path)
    folder = SweepFolder(tmp_path)
    with driving(tmp_path, "deaf") as driver:
        killer = Timer(0.5, driver.kill)
        killer.start()
        stop_sweep(folder, "by hand", patience_s=30)
        killer.join()
    assert take_requests(folder) == []


def test_a_sweep_without_a_driver_cannot_be_stopped(tmp_path: Path) -> None:
    FakeSweep(tmp_path / "a b")
    with pytest.raises(InputError, match=r"go on with: rf\.run\(folder='.*a b', resume=True\)"):
        stop_sweep(SweepFolder(tmp_path / "a b"), "by hand")
    with pytest.raises(InputError, match="the sweep has ended"):
        stop_sweep(full_sweep(tmp_path / "ended"), "by hand")
    assert not SweepFolder(tmp_path / "a b").requests.exists()


def test_a_driver_stops_the_requested_trial(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    trial_id = _plan_without_start(sweep)
    with driving(tmp_path, "obey"):
        trial = stop_trial(sweep.folder, trial_id, "too slow", patience_s=30)
    assert (trial.status, trial.reason) == ("stopped", "too slow")
    assert read_history(sweep.folder).trials[trial_id].status == "stopped"
    assert take_requests(sweep.folder) == []


@pytest.mark.parametrize("is_running", [False, True])
def test_without_a_driver_the_trial_is_stopped_in_the_ledger(tmp_path: Path, is_running: bool) -> None:
    sweep = FakeSweep(tmp_path)
    trial_id = sweep.plan(label()) if is_running else _plan_without_start(sweep)
    entries = len(list(entries_of(sweep.folder)))
    assert stop_trial(sweep.folder, trial_id, "too slow").status == "stopped"
    trial = read_history(sweep.folder).trials[trial_id]
    assert (trial.status, trial.reason) == ("stopped", "too slow")
    assert len(list(entries_of(sweep.folder))) == entries + 1
    assert not sweep.folder.requests.exists()


def test_where_the_driver_dies_the_trial_is_stopped_in_the_ledger(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    trial_id = _plan_without_start(sweep)
    with driving(tmp_path, "deaf") as driver:
        killer = Timer(0.5, driver.kill)
        killer.start()
        assert stop_trial(sweep.folder, trial_id, "too slow", patience_s=30).status == "stopped"
        killer.join()
    assert take_requests(sweep.folder) == []


def test_an_unknown_or_ended_trial_is_refused(tmp_path: Path) -> None:
    folder = full_sweep(tmp_path)
    before = folder.ledger.read_bytes()
    with pytest.raises(InputError, match=r"no trial 't77'; .*valid: t0000 to t0029"):
        stop_trial(folder, "t77", "by hand")
    with pytest.raises(InputError, match="t0028 has already ended as failed"):
        stop_trial(folder, "t0028", "by hand")
    with pytest.raises(InputError, match="it has none yet"):
        stop_trial(FakeSweep(tmp_path / "young").folder, "t0000", "by hand")
    with pytest.raises(InputError, match="is not a sweep's folder"):
        stop_trial(SweepFolder(tmp_path / "nowhere"), "t0000", "by hand")
    assert folder.ledger.read_bytes() == before


def test_a_driver_that_does_not_stop_a_trial_is_an_error(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    trial_id = _plan_without_start(sweep)
    with driving(tmp_path, "deaf"), pytest.raises(EngineError, match=trial_id):
        stop_trial(sweep.folder, trial_id, "by hand", patience_s=0.3)
    assert [request.trial_id for request in take_requests(sweep.folder)] == [trial_id]
