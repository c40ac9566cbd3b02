"""A sweep goes on with what it began with, or is refused and left as it was."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep, label

from ratefront.errors import EngineError, InputError, SweepMismatchError
from ratefront.history.events import (
    LEDGER_FORMAT,
    Created,
    Ended,
    Event,
    Failed,
    Planned,
    Reconfigured,
    TaskModelReady,
)
from ratefront.orchestrate import sweep_driver, task_model_worker
from ratefront.orchestrate.sweep_driver import WorkerFunctions
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain
from ratefront.spec.sweep_spec import Named
from ratefront.spec.yaml_text import read_yaml
from ratefront.store.ledger.ledger_file import Ledger, read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.ledger.stop_requests import StopRequest, leave_request
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium

OLD, NEW = "a" * 64, "b" * 64
REALLY_ON_WORKER = task_model_worker.inputs_on_worker


def on_data(fake: SimpleNamespace, path: Path | str, **changes: Any) -> LoadedSpec:
    loaded: LoadedSpec = fake.loaded(2)
    changes = {"dataset": Named(name="arrays", path=str(path)), **changes}
    return replace(loaded, spec=loaded.spec.model_copy(update=changes))


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the lock, which names the last driver."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "ledger.lock")
    return {str(path): path.read_bytes() for path in paths}


def events_of(folder: Path) -> list[Event]:
    return [entry.event for entry in read_entries(folder / "ledger.jsonl")]


class Stage:
    """A sweep that has begun, and a driver without a cluster. A worker would find ``inputs``; no trial is run."""

    def __init__(self, fake: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._fake, self.folder, self.inputs, self.looks, self.runs = fake, folder, {"dataset": OLD}, 0, 0
        self.sweep = FakeSweep(folder, to_plain(on_data(fake, "/a/x.npz").spec), task_model=False)
        self.sweep.append(TaskModelReady("fake", 0.9, 0.9, 1000, None, {"dataset": OLD}))
        monkeypatch.setattr(sweep_driver, "joined_cluster", lambda *_: nullcontext())
        monkeypatch.setattr("ratefront.orchestrate.task_model_worker.inputs_on_worker", self._look)
        monkeypatch.setattr(sweep_driver, "_run", self._run)

    def _look(self, *_: object) -> dict[str, str]:
        self.looks += 1
        return self.inputs

    def _run(self, live: Any, *_: object) -> None:
        self.runs += 1
        live.record(Ended("enough"))

    def end(self) -> None:
        self.sweep.finish(label(), 3.0, 0.9, 100)
        trial_id = self.sweep.plan(label())
        self.sweep.append(Failed(trial_id, 1, "ValueError", "a bad configuration", final=True))
        self.sweep.end()

    def go_on(self, at: str = "/a/x.npz", changes: dict[str, Any] | None = None, **options: Any) -> Any:
        loaded = on_data(self._fake, at, **(changes or {}))
        return self._fake.run(loaded, self.folder, **({"resume": True} | options))


@pytest.fixture
def stage(fake: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follower: Any) -> Stage:
    return Stage(fake, tmp_path / "sweep", monkeypatch)


ENDED_AND = [{"extend": 1}, {"retry_failed": True}]


@pytest.mark.parametrize("options", [*ENDED_AND, None])
def test_replaced_data_are_refused_until_restored(
    stage: Stage, options: dict[str, Any] | None, follower: Any
) -> None:
    if options is not None:
        stage.end()
    before = contents(stage.folder)
    stage.inputs = {"dataset": NEW}
    expected = r"content of the data set arrays path /a/x\.npz has changed \(digest a{12}… → b{12}…\)"
    with pytest.raises(SweepMismatchError, match=expected):
        stage.go_on(**(options or {}))
    assert contents(stage.folder) == before
    assert (stage.runs, follower.finished) == (0, []), "no trial was started, and no tracker was opened"
    stage.inputs = {"dataset": OLD}
    assert stage.go_on(**(options or {})).ended
    assert stage.runs == 1


def test_missing_code_is_named_missing_weights_are_not(stage: Stage) -> None:
    """The sweep keeps what was made of them."""
    stage.sweep.append(
        TaskModelReady("fake", 0.9, 0.9, 1000, None, {"dataset": OLD, "weights": OLD, "code m": OLD})
    )
    stage.inputs = {"dataset": OLD}
    with pytest.raises(SweepMismatchError, match="the code of the module m is not used any more") as caught:
        stage.go_on()
    assert "weights" not in str(caught.value)
    stage.inputs = {"dataset": OLD, "code m": OLD}
    assert stage.go_on().ended


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("code my_models", "the code of the module my_models has changed"),
        ("metric my_metrics", "the code of the metrics' module my_metrics has changed"),
        ("weights", "what the task model small_cnn is given as weights has changed"),
    ],
)
def test_every_difference_is_named(stage: Stage, name: str, difference: str) -> None:
    stage.sweep.append(TaskModelReady("fake", 0.9, 0.9, 1000, None, {"dataset": OLD, name: OLD}))
    stage.inputs = {"dataset": OLD, name: NEW}
    with pytest.raises(SweepMismatchError, match=difference):
        stage.go_on()
    stage.inputs = {"dataset": OLD, name: OLD, "code new": NEW}
    with pytest.raises(SweepMismatchError, match="the code of the module new was not used then"):
        stage.go_on()


@pytest.mark.parametrize("options", [*ENDED_AND, {}])
def test_moved_data_are_accepted_if_equal(stage: Stage, options: dict[str, Any]) -> None:
    """Also where no trial is left: the data are compared before the new location is recorded."""
    stage.end()
    stage.inputs = {"dataset": NEW}
    before = contents(stage.folder)
    with pytest.raises(SweepMismatchError, match=r"/b/x\.npz has changed"):
        stage.go_on("/b/x.npz", **options)
    assert contents(stage.folder) == before
    stage.inputs = {"dataset": OLD}
    stage.go_on("/b/x.npz", **options)
    folder = SweepFolder(stage.folder)
    assert read_history(folder).spec["dataset"] == {"name": "arrays", "path": "/b/x.npz"}
    assert read_yaml(folder.spec.read_text())["dataset"]["path"] == "/b/x.npz"


def test_harmless_settings_change_without_a_look_at_the_data(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.end()
    changes = {"keep": "none", "retries": 5}
    history = stage.go_on(changes=changes)
    assert (history.spec["keep"], history.spec["retries"], history.ended) == ("none", 5, True)
    assert events_of(stage.folder)[-1] == Reconfigured({"keep": "none", "retries": 5})
    assert "goes on with other settings: retries: 2 → 5; keep:" in caplog.text
    length = len(events_of(stage.folder))
    stage.go_on(changes=changes)
    assert len(events_of(stage.folder)) == length, "the same settings again are no change"
    assert (stage.looks, stage.runs) == (0, 0)
    assert (stage.folder / "report.html").exists(), "and drawn anew"


def test_a_sweep_without_recorded_inputs_resumes(stage: Stage) -> None:
    stage.sweep.append(TaskModelReady("fake", 0.9, 0.9, 1000))
    stage.go_on()
    assert (stage.looks, stage.runs) == (0, 1)


WORK = WorkerFunctions(
    "fake_work:trial_steps_on_data", "fake_work:prepare_on_data", "fake_work:limit_memory", "fake_work:inputs"
)


def test_inputs_are_compared_on_real_workers(
    fake: SimpleNamespace, cluster: None, follower: Any, tmp_path: Path
) -> None:
    """Data that change under it end the sweep and fail no trial; it goes on where they have moved to."""
    folder, data = tmp_path / "sweep", tmp_path / "data.npz"
    data.write_bytes(b"one")
    changing = replace(WORK, trial_steps="fake_work:trial_steps_whose_data_change")
    with pytest.raises(EngineError, match=r"^trial t000[01]: (?s:.*)has changed(?s:.*)go on with this one$"):
        fake.run(on_data(fake, data), folder, functions=changing)
    assert read_history(SweepFolder(folder)).counts["failed"] == 0
    with pytest.raises(InputError, match=r"data\.npz has changed"):
        fake.run(on_data(fake, data), folder, functions=WORK, resume=True)
    data.write_bytes(b"one")
    moved, more = data.rename(tmp_path / "moved.npz"), fake.loaded(2, cpus=2).spec.resources
    history = fake.run(on_data(fake, moved, resources=more), folder, functions=WORK, resume=True)
    assert history.counts["finished"] == 2
    assert [trial.resources["cpus"] for trial in history.trials.values()] == [2.0, 2.0]
    assert [trial.result.extra["threads"] for trial in history.trials.values()] == [2, 2]
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["inputs"] == history.task_model.inputs
    assert set(environment["inputs"]) == {"dataset"}


class Worker:
    """In Ray's place: a worker that has no result at the first looks."""

    class exceptions:  # noqa: N801
        RayError = RuntimeError

    def __init__(self, inputs: dict[str, str]) -> None:
        self._inputs, self._looks = inputs, 0

    def remote(self, **_: object) -> Any:
        return lambda function: SimpleNamespace(remote=lambda *_: "asked")

    def wait(self, running: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        self._looks += 1
        return (running, []) if self._looks > 2 else ([], running)

    def get(self, running: list[str]) -> list[dict[str, str]]:
        return [self._inputs for _ in running]


@pytest.mark.parametrize("trial_id", [None, "t0000"])
def test_earlier_requests_wait_until_the_inputs_are_compared(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, trial_id: str | None
) -> None:
    """A stop of the whole sweep was for the driver that has gone; nothing is written where the sweep is refused."""
    stage.sweep.plan(label())
    monkeypatch.setattr(task_model_worker, "inputs_on_worker", REALLY_ON_WORKER)
    monkeypatch.setattr(task_model_worker, "ray", Worker({"dataset": NEW}))
    leave_request(SweepFolder(stage.folder), StopRequest(trial_id, "asked of an earlier driver"))
    before = contents(stage.folder)
    with pytest.raises(SweepMismatchError):
        stage.go_on()
    assert contents(stage.folder) == before
    monkeypatch.setattr(task_model_worker, "ray", Worker({"dataset": OLD}))
    assert stage.go_on().ended
    kinds = [type(event).__name__ for event in events_of(stage.folder)]
    assert kinds[-2:] == (["Resumed", "Ended"] if trial_id is None else ["Stopped", "Ended"])


def test_a_sweep_of_an_older_ratefront_is_refused(
    fake: SimpleNamespace, tmp_path: Path, stage: Stage
) -> None:
    plain = to_plain(on_data(fake, "/a/x.npz").spec)
    (tmp_path / "old").mkdir()
    with Ledger(SweepFolder(tmp_path / "old").ledger) as ledger:
        ledger.append(Created("old", plain, "0.0.9", LEDGER_FORMAT - 1))
        ledger.append(Planned("t0000", 0, 7, dict(label())))
    with pytest.raises(SweepMismatchError, match="an older ratefront has begun this sweep"):
        fake.run(on_data(fake, "/a/x.npz"), tmp_path / "old", resume=True)
