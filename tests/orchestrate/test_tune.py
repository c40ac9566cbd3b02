"""Real workers under Ray Tune: what dies is retried or told, actors are reused, nothing leaks."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.errors import EngineError, InputError, SweepMismatchError
from ratefront.events import Ended, Resumed, Started
from ratefront.orchestrate.sweep import Work
from ratefront.store.ledger import Ledger, read_entries

pytestmark = pytest.mark.usefixtures("cluster")


def statuses(history: Any) -> dict[str, int]:
    return dict(Counter(trial.status for trial in history.trials.values()))


@pytest.fixture(scope="module")
def eventful(fake: SimpleNamespace, cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Nine trials: NaN, a worker that dies once, a bad configuration, an infinity in a result, a collapse."""
    folder = tmp_path_factory.mktemp("eventful") / "sweep"
    seen: list[int] = []

    def on_update(history: Any) -> None:
        seen.append(len(history.trials))

    with pytest.MonkeyPatch.context() as patch:
        follower = SimpleNamespace(finished=[])
        follower.wake = lambda: None
        follower.finish = lambda *values: follower.finished.append(values)
        patch.setattr("ratefront.tracking.open_tracking", lambda *values: follower)
        history = fake.run(fake.loaded(9, (2, 3, 4, 5, 6, 7, 8, 9, 10)), folder, on_update=on_update)
    return SimpleNamespace(history=history, folder=folder, seen=seen, follower=follower)


def by_merged(eventful: Any, merged: int) -> Any:
    (trial,) = [
        trial for trial in eventful.history.trials.values() if trial.params.values["merged"] == merged
    ]
    return trial


def test_every_trial_has_ended_as_it_should(eventful: Any) -> None:
    assert statuses(eventful.history) == {"finished": 5, "collapsed": 1, "failed": 3}
    assert eventful.history.ended
    assert eventful.seen[-1] == 9


def test_a_nan_fails_alone_with_its_reason(eventful: Any) -> None:
    trial = by_merged(eventful, 3)
    assert (trial.status, trial.reason) == ("failed", "loss is nan at epoch 2")


def test_an_infinity_in_a_result_fails_the_trial(eventful: Any) -> None:
    trial = by_merged(eventful, 6)
    assert (trial.status, trial.reason) == ("failed", "extra.probe is inf")


def test_an_error_in_a_trial_is_its_own(eventful: Any) -> None:
    trial = by_merged(eventful, 5)
    assert (trial.status, trial.reason, trial.attempts) == ("failed", "a bad configuration", 1)


def test_a_killed_worker_costs_an_attempt_and_not_the_trial(eventful: Any) -> None:
    trial = by_merged(eventful, 4)
    assert (trial.status, trial.attempts) == ("finished", 2)
    (lost,) = [
        entry.event
        for entry in read_entries(eventful.folder / "ledger.jsonl")
        if getattr(entry.event, "error", "") == "WorkerLostError"
    ]
    assert lost.trial_id == trial.params.trial_id
    assert not lost.final


def test_actors_are_reused_and_nothing_leaks(eventful: Any) -> None:
    extras = [trial.result.extra for trial in eventful.history.trials.values() if trial.result]
    assert len({extra["pid"] for extra in extras}) <= 3, "two slots, one of which was killed once"
    assert {extra["leaked"] for extra in extras} == {0}
    assert {extra["threads"] for extra in extras} == {1}


def test_trials_get_their_own_seed(eventful: Any) -> None:
    for trial in eventful.history.trials.values():
        if trial.result:
            assert trial.result.extra["seed"] == trial.params.seed


def test_the_folder_tells_where_it_came_from(eventful: Any) -> None:
    names = {path.name for path in eventful.folder.iterdir()}
    assert {"ledger.jsonl", "spec.yaml", "environment.json", "report.html", "task_model"} <= names
    assert eventful.history.task_model.identity == "fake"


def test_the_tracker_is_told_how_it_ended(eventful: Any) -> None:
    ((figures, artifacts, front, note, interrupted, _),) = eventful.follower.finished
    assert (figures, front, note, interrupted) == ({"hypervolume": 1.0}, {"t0000"}, "n", False)
    assert [path.name for path in artifacts] == ["report.html", "spec.yaml", "environment.json"]


def test_a_resume_of_an_ended_sweep_draws_again_and_writes_nothing(
    fake: SimpleNamespace, eventful: Any, follower: Any
) -> None:
    before = (eventful.folder / "ledger.jsonl").read_bytes()
    (eventful.folder / "report.html").unlink()
    spec = fake.loaded(9, (2, 3, 4, 5, 6, 7, 8, 9, 10))
    history = fake.run(spec, eventful.folder, resume=True)
    assert statuses(history) == statuses(eventful.history)
    assert (eventful.folder / "ledger.jsonl").read_bytes() == before
    assert (eventful.folder / "report.html").exists()
    assert [told["interrupted"] for told in follower.finished] == [False]


def test_other_settings_than_the_ledgers_are_refused(
    fake: SimpleNamespace, eventful: Any, follower: Any
) -> None:
    with pytest.raises(SweepMismatchError, match="trials: 9 → 12"):
        fake.run(fake.loaded(12, (2, 3, 4, 5, 6, 7, 8, 9, 10)), eventful.folder, resume=True)


def test_a_folder_that_holds_a_sweep_is_refused(fake: SimpleNamespace, eventful: Any) -> None:
    with pytest.raises(InputError, match="--resume"):
        fake.run(fake.loaded(9), eventful.folder)


def test_empty_trials_are_cheap(fake: SimpleNamespace, follower: Any, tmp_path: Path) -> None:
    start = time.perf_counter()
    history = fake.run(fake.loaded(40), tmp_path / "sweep")
    assert statuses(history) == {"finished": 40}
    ended = sorted(trial.ended_time for trial in history.trials.values())
    each_s = (ended[-1] - ended[1]) / 38
    print(f"{each_s:.4f} s per empty trial after the first, {time.perf_counter() - start:.1f} s in all")
    assert each_s < 0.25
    assert follower.wakes == len(list(read_entries(tmp_path / "sweep" / "ledger.jsonl")))


def test_more_cpus_than_there_are_is_refused_before_anything_starts(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"resources\.cpus.*2.*16"):
        fake.run(fake.loaded(2, cpus=16.0), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_fewer_slots_where_the_cluster_is_small(fake: SimpleNamespace, follower: Any, tmp_path: Path) -> None:
    history = fake.run(fake.loaded(3, concurrent=8, cpus=2.0), tmp_path / "sweep")
    running = most = 0
    for entry in read_entries(tmp_path / "sweep" / "ledger.jsonl"):
        running += isinstance(entry.event, Started)
        running -= type(entry.event).__name__ == "Finished"
        most = max(most, running)
    assert (most, statuses(history)) == (1, {"finished": 3})


def test_a_task_model_that_cannot_be_had_is_bad_input(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="the data set is not there"):
        fake.run(fake.loaded(2), tmp_path / "a", work=Work("x:y", "fake_work:prepare_refused"))
    with pytest.raises(EngineError, match="training went wrong"):
        fake.run(fake.loaded(2), tmp_path / "b", work=Work("x:y", "fake_work:prepare_broken"))
    assert [told["interrupted"] for told in follower.finished] == [True, True]


def test_trials_that_cannot_be_imported_fail_with_that_reason(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    history = fake.run(fake.loaded(2), tmp_path / "a", work=Work("no_such:thing", "fake_work:prepare"))
    assert statuses(history) == {"failed": 2}
    assert {trial.reason for trial in history.trials.values()} == {"No module named 'no_such'"}


@pytest.mark.slow
def test_a_ledger_that_cannot_be_written_ends_the_sweep_with_its_place(
    fake: SimpleNamespace, follower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Ledger.append

    def full(self: Ledger, event: Any) -> Any:
        if type(event).__name__ == "Finished":
            raise OSError(28, "No space left on device")
        return append(self, event)

    monkeypatch.setattr(Ledger, "append", full)
    with pytest.raises(EngineError, match=r"ledger\.jsonl cannot be written: No space left"):
        fake.run(fake.loaded(2), tmp_path / "sweep")
    monkeypatch.undo()
    monkeypatch.setattr("ratefront.tracking.open_tracking", lambda *values: follower)
    history = fake.run(fake.loaded(2), tmp_path / "sweep", resume=True)
    assert statuses(history) == {"finished": 2}
    kinds = [type(entry.event) for entry in read_entries(tmp_path / "sweep" / "ledger.jsonl")]
    assert (kinds.count(Resumed), kinds.count(Ended)) == (1, 1)
