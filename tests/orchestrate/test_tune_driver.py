"""Real workers under Ray Tune: lost attempts are retried or reported, actors are reused, nothing leaks."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.errors import EngineError, InputError, SweepMismatchError
from ratefront.history.events import (
    Created,
    Ended,
    Extended,
    Failed,
    Finished,
    Halted,
    Pruned,
    Reopened,
    Reported,
    Resumed,
    Started,
    TaskModelReady,
)
from ratefront.orchestrate.interrupts import Interrupted
from ratefront.orchestrate.sweep_driver import WorkerFunctions
from ratefront.orchestrate.tracked_ending import ending_of
from ratefront.orchestrate.tune import tune_callbacks
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.sweep_spec import Sampler, Training
from ratefront.store.ledger.ledger_file import Ledger, read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.ledger.stop_requests import StopRequest, leave_request
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.stopping_summary import stopping_summary
from ratefront.store.views.sweep_status import status_of
from ratefront.store.views.trials_csv import trial_rows

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("cluster")]

OPTIONS = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13)


def statuses(history: Any) -> dict[str, int]:
    return dict(Counter(trial.status for trial in history.trials.values()))


def events_of(folder: Path, *kinds: type) -> list[Any]:
    events = (entry.event for entry in read_entries(folder / "ledger.jsonl"))
    return [event for event in events if isinstance(event, kinds or object)]


@pytest.fixture(scope="module")
def eventful(
    fake: SimpleNamespace, cluster: None, module_follower: Any, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """A trial for each thing that can happen to one; the slow one is stopped by hand when it has reported."""
    folder = tmp_path_factory.mktemp("eventful") / "sweep"
    counts: list[int] = []

    def on_update(history: Any) -> None:
        counts.append(len(history.trials))
        slow = [trial for trial in history.with_status("running") if trial.params.values["merged"] == 13]
        if slow and slow[0].step == 1 and not SweepFolder(folder).requests.exists():
            leave_request(SweepFolder(folder), StopRequest(slow[0].params.trial_id, "stopped by hand"))

    history = fake.run(fake.loaded(len(OPTIONS), OPTIONS), folder, on_update=on_update)
    return SimpleNamespace(history=history, folder=folder, counts=counts, follower=module_follower)


def by_merged(eventful: Any, merged: int) -> Any:
    (trial,) = [
        trial for trial in eventful.history.trials.values() if trial.params.values["merged"] == merged
    ]
    return trial


def test_every_trial_has_its_expected_status(eventful: Any) -> None:
    assert statuses(eventful.history) == {"finished": 5, "collapsed": 1, "failed": 4, "stopped": 1}
    assert eventful.history.ended
    assert eventful.counts[-1] == len(OPTIONS)


def test_the_worker_of_a_pruned_trial_takes_the_next_one(
    fake: SimpleNamespace, cluster: None, tmp_path: Path
) -> None:
    loaded = fake.loaded(6, (20, 30, 40, 50, 60, 70), concurrent=1)
    changes = {
        "objectives": ("rate_bits", "accuracy"),
        "training": Training(epochs=8),
        "stopping": Stopping(like_trials=1, never_stopped=0.0),
        "sampler": Sampler(name="random", seed=1, startup_trials=100),
    }
    loaded = replace(loaded, spec=loaded.spec.model_copy(update=changes))
    functions = WorkerFunctions("fake_work:steady_steps", "fake_work:prepare", "fake_work:limit_memory")
    history = fake.run(loaded, tmp_path / "sweep", functions=functions)
    best, behind = 0, []
    for trial in history.trials.values():
        behind += [trial.params.trial_id] if int(trial.params.values["merged"]) < best else []
        best = max(best, int(trial.params.values["merged"]))
    assert behind, "some trial comes after a better one"
    assert [trial.params.trial_id for trial in history.with_status("pruned")] == behind
    assert statuses(history) == {"pruned": len(behind), "finished": 6 - len(behind)}
    assert len({trial.result.extra["pid"] for trial in history.with_status("finished")}) == 1
    events = events_of(tmp_path / "sweep", Started, Reported, Pruned, Finished)
    for place, event in enumerate(events):
        if isinstance(event, Pruned):
            assert event.rung < 8, "it has not trained to its end"
            assert not [late for late in events[place + 1 :] if late.trial_id == event.trial_id]
    rows = {row["trial_id"]: row for row in trial_rows(history)}
    assert [(rows[name]["status"], rows[name]["rung"]) for name in behind] == [("pruned", 1)] * len(behind)
    assert all(rows[name]["reason"].startswith("after epoch 1 of 8: ") for name in behind)
    assert stopping_summary(history).epochs_saved == 7 * len(behind)


def test_a_nan_fails_alone_with_its_reason(eventful: Any) -> None:
    trial = by_merged(eventful, 3)
    assert (trial.status, trial.reason) == ("failed", "loss is nan at epoch 2")


def test_an_infinity_in_a_result_fails_the_trial(eventful: Any) -> None:
    trial = by_merged(eventful, 6)
    assert (trial.status, trial.reason) == ("failed", "extra.probe is inf")


def test_an_error_in_a_trial_fails_only_that_trial(eventful: Any) -> None:
    trial = by_merged(eventful, 5)
    assert (trial.status, trial.reason, trial.attempts) == ("failed", "a bad configuration", 1)


def test_a_killed_worker_costs_an_attempt_and_not_the_trial(eventful: Any) -> None:
    trial = by_merged(eventful, 4)
    assert (trial.status, trial.attempts) == ("finished", 2)
    lost = [event for event in events_of(eventful.folder, Failed) if event.error == "WorkerLostError"]
    assert [(event.trial_id, event.final) for event in lost] == [(trial.params.trial_id, False)]
    assert lost[0].reason == "The actor is dead because its worker process has died"


def test_out_of_memory_is_retried_with_smaller_batches(eventful: Any) -> None:
    trial = by_merged(eventful, 11)
    assert (trial.status, trial.attempts, trial.result.extra["batch_divisor"]) == ("finished", 2, 2)
    trial = by_merged(eventful, 12)  # its first attempt got further than any before, and is free
    assert (trial.status, trial.attempts, trial.error) == ("failed", 4, "OutOfMemoryError")


def test_a_trial_that_a_person_stops_ends_at_its_next_report(eventful: Any) -> None:
    trial = by_merged(eventful, 13)
    assert (trial.status, trial.reason, trial.step) == ("stopped", "stopped by hand", 1)
    assert not list(SweepFolder(eventful.folder).requests.iterdir())


def test_actors_are_reused_and_nothing_leaks(eventful: Any) -> None:
    extras = [trial.result.extra for trial in eventful.history.trials.values() if trial.result]
    assert len({extra["pid"] for extra in extras}) <= 3, "two slots, one of which was killed once"
    assert {extra["leaked"] for extra in extras} == {0}
    assert {extra["threads"] for extra in extras} == {1}


def test_trials_get_their_own_seed(eventful: Any) -> None:
    for trial in eventful.history.trials.values():
        if trial.result:
            assert trial.result.extra["seed"] == trial.params.seed


def test_the_folder_describes_its_environment(eventful: Any) -> None:
    names = {path.name for path in eventful.folder.iterdir()}
    assert {"ledger.jsonl", "spec.yaml", "environment.json", "report.html", "task_model"} <= names
    assert eventful.history.task_model.identity == "fake"


def test_the_tracker_gets_the_ending_of_the_sweep(eventful: Any) -> None:
    ending = eventful.follower.finished[0]
    assert (ending.outcome, ending.figures, ending.note) == ("finished", {"hypervolume": 1.0}, "n")
    assert [path.name for path in ending.artifacts] == ["report.html"]


def test_resuming_an_ended_sweep_only_redraws_the_report(
    fake: SimpleNamespace, eventful: Any, follower: Any
) -> None:
    before = (eventful.folder / "ledger.jsonl").read_bytes()
    (eventful.folder / "report.html").unlink()
    history = fake.run(fake.loaded(len(OPTIONS), OPTIONS), eventful.folder, resume=True)
    assert statuses(history) == statuses(eventful.history)
    assert (eventful.folder / "ledger.jsonl").read_bytes() == before
    assert (eventful.folder / "report.html").exists()
    assert [ending.outcome for ending in follower.finished] == ["finished"]


def test_other_settings_than_the_ledgers_are_refused(
    fake: SimpleNamespace, eventful: Any, follower: Any
) -> None:
    with pytest.raises(SweepMismatchError, match=r"trials: 11 → 14\n.*give extend=3"):
        fake.run(fake.loaded(14, OPTIONS), eventful.folder, resume=True)


def test_a_folder_with_a_sweep_is_refused(fake: SimpleNamespace, eventful: Any) -> None:
    with pytest.raises(InputError, match="resume=True"):
        fake.run(fake.loaded(9), eventful.folder)


def test_an_ended_sweep_can_be_extended_and_failed_trials_retried(
    fake: SimpleNamespace, eventful: Any, follower: Any
) -> None:
    before = len(events_of(eventful.folder))
    failed = {trial.params.trial_id for trial in eventful.history.with_status("failed")}
    spec = fake.loaded(len(OPTIONS), OPTIONS)
    history = fake.run(spec, eventful.folder, resume=True, extend=2, retry_failed=True)
    added = events_of(eventful.folder)[before:]
    assert added[0] == Extended(len(OPTIONS) + 2)
    assert {event.trial_id for event in added if isinstance(event, Reopened)} == failed
    assert [type(event) for event in added].count(Ended) == 1
    assert len(history.trials) == history.trials_ended == history.trials_requested == len(OPTIONS) + 2
    assert len(set(history.ended_order)) == history.trials_ended
    new = history.trials.keys() - eventful.history.trials.keys()
    assert {event.trial_id for event in added if isinstance(event, Started)} == failed | new


def test_a_sweep_ends_when_its_space_is_exhausted(
    fake: SimpleNamespace, follower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratefront.engine.search.next_suggestion.uses_seed", lambda values: False)
    spec, folder = fake.loaded(8, (7, 8, 9)), tmp_path / "sweep"
    history = fake.run(spec, folder)
    assert sorted(trial.params.values["merged"] for trial in history.with_status("finished")) == [7, 8, 9]
    assert events_of(folder, Ended) == [Ended("the space holds no more configurations")]
    status = status_of(SweepFolder(folder))
    assert (status.state, status.trials_requested, status.finished) == ("ended", 8, 3)
    assert status.ended_early == "the space holds no more configurations"
    before = len(events_of(folder))
    fake.run(spec, folder, resume=True)
    with pytest.raises(InputError, match="extend=2: the space holds no more configurations"):
        fake.run(spec, folder, resume=True, extend=2)
    assert len(events_of(folder)) == before


@pytest.mark.slow
def test_empty_trials_are_cheap(fake: SimpleNamespace, follower: Any, tmp_path: Path) -> None:
    start = time.perf_counter()
    history = fake.run(fake.loaded(40), tmp_path / "sweep")
    assert statuses(history) == {"finished": 40}
    ended = sorted(trial.ended_time for trial in history.trials.values())
    each_s = (ended[-1] - ended[1]) / 38
    print(f"{each_s:.4f} s per empty trial after the first, {time.perf_counter() - start:.1f} s in all")
    assert each_s < 0.25
    assert follower.wakes == len(events_of(tmp_path / "sweep"))


def test_too_many_cpus_are_refused_before_the_start(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    loaded = fake.loaded(2, cpus=16.0)
    with pytest.raises(InputError, match=r"resources\.cpus: asks for 16 cores where there are 2 \(for label"):
        fake.run(loaded, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_an_unavailable_task_model_is_an_input_error(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="the data set is not there"):
        fake.run(
            fake.loaded(2), tmp_path / "a", functions=WorkerFunctions("x:y", "fake_work:prepare_refused")
        )
    with pytest.raises(EngineError, match="training went wrong"):
        fake.run(fake.loaded(2), tmp_path / "b", functions=WorkerFunctions("x:y", "fake_work:prepare_broken"))
    assert [(ending.outcome, ending.shows_pareto_rank) for ending in follower.finished] == [
        ("failed", False)
    ] * 2
    assert "training went wrong" in follower.finished[1].reason


def test_a_failed_sweep_says_why_and_frees_its_folder(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder = SweepFolder(tmp_path / "a")
    with pytest.raises(EngineError):
        fake.run(fake.loaded(2), folder.path, functions=WorkerFunctions("x:y", "fake_work:prepare_broken"))
    status = status_of(folder)
    assert status.state == "failed"
    assert "training went wrong" in status.reason
    assert ending_of(fake.drawn(folder), folder, read_history(folder), "none").outcome == "failed"
    with pytest.raises(InputError):  # another one, in the same folder
        fake.run(fake.loaded(3), folder.path, functions=WorkerFunctions("x:y", "fake_work:prepare_refused"))
    status = status_of(folder)
    assert (status.state, status.reason, status.trials_requested) == (
        "failed",
        "the data set is not there",
        3,
    )
    history = fake.run(fake.loaded(3), folder.path, resume=True)
    assert statuses(history) == {"finished": 3}
    status = status_of(folder)
    assert (status.state, status.reason) == ("ended", None)
    kinds = [type(entry.event) for entry in read_entries(folder.ledger)][:4]
    assert kinds == [Created, Halted, Resumed, TaskModelReady]


def test_task_model_training_is_shown_and_interruptible(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder, work = SweepFolder(tmp_path / "sweep"), WorkerFunctions("x:y", "fake_work:prepare_slowly")
    shown: list[Any] = []

    def until_the_second_epoch(progress: Any) -> None:
        shown.append((progress, status_of(folder)))
        if progress.epochs_done == 1:
            raise Interrupted("SIGINT")

    with pytest.raises(Interrupted):
        fake.run(fake.loaded(1), folder.path, functions=work, on_training=until_the_second_epoch)
    assert [progress.epochs_done for progress, _ in shown] == [0, 1]
    assert [status.task_model_progress for _, status in shown] == [progress for progress, _ in shown]
    assert {status.state for _, status in shown} == {"starting"}
    interrupted = status_of(folder)
    assert (interrupted.state, interrupted.reason, interrupted.task_model_progress) == (
        "interrupted",
        "SIGINT",
        None,
    )
    assert interrupted.elapsed_s >= 1.0, "the time in which it trained was time at work"
    assert statuses(fake.run(fake.loaded(1), folder.path, resume=True)) == {"finished": 1}


@pytest.mark.slow
def test_a_trial_function_that_cannot_be_imported_fails_the_trials(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    history = fake.run(
        fake.loaded(2), tmp_path / "a", functions=WorkerFunctions("no_such:thing", "fake_work:prepare")
    )
    assert statuses(history) == {"failed": 2}
    assert {trial.reason for trial in history.trials.values()} == {"No module named 'no_such'"}


@pytest.mark.slow
def test_the_sweep_ends_without_waiting_for_a_stopped_trial(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder = SweepFolder(tmp_path / "sweep")

    def on_update(history: Any) -> None:
        (folder.path / "long").touch()
        if history.with_status("running") and not folder.requests.exists():
            leave_request(folder, StopRequest("t0000", "enough"))

    began = time.monotonic()
    history = fake.run(fake.loaded(1, (15,)), folder.path, on_update=on_update)
    assert statuses(history) == {"stopped": 1}
    assert time.monotonic() - began < 40


def test_a_stopped_trial_in_a_long_epoch_frees_its_slot(
    fake: SimpleNamespace, follower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune_callbacks, "STOP_PATIENCE_S", 1.0)
    folder = SweepFolder(tmp_path / "sweep")

    def on_update(history: Any) -> None:
        if history.with_status("stopped"):
            (folder.path / "long").unlink(missing_ok=True)
            return
        (folder.path / "long").touch()
        if history.with_status("running") and not folder.requests.exists():
            leave_request(folder, StopRequest("t0000", "it hangs"))

    history = fake.run(fake.loaded(2, (15,), concurrent=1), folder.path, on_update=on_update)
    assert [trial.status for trial in history.trials.values()] == ["stopped", "finished"]
    assert [trial.attempts for trial in history.trials.values()] == [1, 1]


def test_a_trial_that_hangs_fails_for_its_time_and_frees_its_slot(
    fake: SimpleNamespace, follower: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune_callbacks, "STOP_PATIENCE_S", 1.0)
    loaded, folder = fake.loaded(2, (15,), concurrent=1), tmp_path / "sweep"
    limited = replace(loaded, spec=loaded.spec.model_copy(update={"trial_hours": 0.001}))

    def on_update(history: Any) -> None:
        (folder / "stuck").touch()
        if history.with_status("failed"):
            (folder / "stuck").unlink()

    history = fake.run(limited, folder, on_update=on_update)
    failed, finished = history.trials.values()
    assert (failed.status, failed.error, failed.attempts) == ("failed", "TrialTimedOutError", 1)
    assert failed.reason == "ran longer than trial_hours: 0.001"
    assert failed.ended_time - failed.started_time == pytest.approx(3.6, abs=3)
    assert (finished.status, finished.attempts) == ("finished", 1)
    assert finished.result.extra["leaked"] == 0, "in a new process"


def test_a_lost_task_model_is_made_again_and_must_be_equal(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    fake.run(fake.loaded(1), folder.path)
    shutil.rmtree(folder.task_model)
    other = WorkerFunctions("fake_work:trial_steps", "fake_work:prepare_other", "fake_work:limit_memory")
    with pytest.raises(EngineError, match="the task model's files are missing or damaged"):
        fake.run(fake.loaded(1), folder.path, resume=True, extend=1, functions=other)
    history = fake.run(fake.loaded(1), folder.path, resume=True)
    assert statuses(history) == {"finished": 2}
    assert json.loads((folder.task_model / "facts.json").read_text())["identity"] == "fake"
    assert len(events_of(folder.path, TaskModelReady)) == 1


@pytest.mark.slow
def test_an_unwritable_ledger_ends_the_sweep_and_is_named(
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
    monkeypatch.setattr("ratefront.orchestrate.sweep_followers.open_tracking", lambda *_, **__: follower)
    history = fake.run(fake.loaded(2), tmp_path / "sweep", resume=True)
    assert statuses(history) == {"finished": 2}
    assert len(events_of(tmp_path / "sweep", Resumed)) == len(events_of(tmp_path / "sweep", Ended)) == 1
    assert events_of(tmp_path / "sweep", Reported)
