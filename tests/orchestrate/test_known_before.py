"""The driver reads the sweeps that a sweep file names once; from then on the ledger holds what is known."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep

from ratefront.errors import InputError, SweepMismatchError
from ratefront.history.events import Created, Ended, Event, Halted, Known, Planned, Resumed, TaskModelReady
from ratefront.orchestrate import sweep_driver
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import to_plain
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium

POINT, LEARNED = {"family": "label", "merged": 8}, {"family": "label", "merged": 9}


class Stage:
    """A driver without a cluster and without trials: it plans two, and leaves."""

    def __init__(self, fake: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._fake, self.folder, self.earlier = fake, folder / "sweep", folder / "earlier"
        self.ready = TaskModelReady("fake", 0.9, 0.9, 1000, None, {"dataset": "a" * 64})
        sweep = FakeSweep(self.earlier, to_plain(fake.loaded(2).spec), task_model=False)
        sweep.append(self.ready)
        sweep.finish(LEARNED, 2.0, 0.9, 100)
        monkeypatch.setattr(sweep_driver, "joined_cluster", lambda *_: nullcontext())
        monkeypatch.setattr(sweep_driver, "_run", self._run)

    def loaded(self, **changes: Any) -> LoadedSpec:
        loaded: LoadedSpec = self._fake.loaded(2)
        named = {"start_with": (POINT,), "learn_from": (str(self.earlier),)}
        return replace(loaded, spec=loaded.spec.model_copy(update={**named, **changes}))

    def _run(self, live: Any, *_: object) -> None:
        while len(live.history.trials) < 2:
            live.record(live._engine._plan(len(live.history.trials)))
        live.record(Ended("enough"))

    def go(self, **options: Any) -> None:
        self._fake.run(self.loaded(), self.folder, **options)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in read_entries(self.folder / "ledger.jsonl")]

    def cut(self, length: int) -> None:
        """Leave the first entries, as if the driver had died then."""
        path = self.folder / "ledger.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:length]))


@pytest.fixture
def stage(fake: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follower: Any) -> Stage:
    return Stage(fake, tmp_path, monkeypatch)


def test_it_is_in_the_ledger_before_the_first_plan(stage: Stage) -> None:
    stage.go()
    created, known, first, second, ended = stage.events
    assert isinstance(created, Created)
    assert isinstance(known, Known)
    assert known.start_with == (POINT,)
    assert [(one["trial_id"], one["values"]) for one in known.trials] == [("t0000", LEARNED)]
    assert isinstance(first, Planned)
    assert first.values == POINT
    assert isinstance(second, Planned)
    assert isinstance(ended, Ended)


@pytest.mark.parametrize("length", [2, 3])
def test_a_resume_needs_no_folder_that_was_read(stage: Stage, length: int) -> None:
    stage.go()
    whole = stage.events
    stage.cut(length)
    shutil.rmtree(stage.earlier)
    stage.go(resume=True)
    assert isinstance(stage.events[length], Resumed)
    assert [event for event in stage.events if not isinstance(event, Resumed)] == whole


def test_a_driver_that_died_before_it_is_made_up_for(stage: Stage) -> None:
    """The next driver reads the folders, or refuses to begin where they are gone."""
    stage.go()
    stage.cut(1)
    stage.go(resume=True)
    assert [type(event) for event in stage.events[:3]] == [Created, Resumed, Known]
    stage.cut(1)
    before = (stage.folder / "ledger.jsonl").read_bytes()
    shutil.rmtree(stage.earlier)
    with pytest.raises(InputError, match=r"^learn_from: .*earlier is not a sweep's folder"):
        stage.go(resume=True)
    assert (stage.folder / "ledger.jsonl").read_bytes() == before


def test_a_sweep_that_cannot_learn_does_not_begin(stage: Stage) -> None:
    other = stage.loaded().spec.model_copy(
        update={"dataset": stage.loaded().spec.dataset.model_copy(update={"name": "mnist"})}
    )
    with pytest.raises(
        InputError, match=r"another data set \(there → here\): dataset.name: .*digits.* → .*mnist"
    ):
        stage._fake.run(replace(stage.loaded(), spec=other), stage.folder)
    with pytest.raises(InputError, match="is the folder of this sweep itself"):
        stage._fake.run(stage.loaded(learn_from=(str(stage.folder),)), stage.folder)
    assert not stage.folder.exists(), "nothing was started"


def test_what_is_left_out_is_said_at_the_start(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    earlier = FakeSweep(
        stage.earlier.with_name("more"), to_plain(stage._fake.loaded(2).spec), task_model=False
    )
    earlier.finish(LEARNED, 2.0, 0.9, 100)
    earlier.finish({"family": "label", "merged": 12}, 2.0, 0.8, 100)
    stage._fake.run(stage.loaded(learn_from=(str(earlier.path),)), stage.folder)
    assert "more: 1 outside of this space (merged: unknown value" in caplog.text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"identity": "other"}, "its task model is another one than this sweep's"),
        ({"inputs": {"dataset": "b" * 64}}, "its data set has other content than this sweep's"),
    ],
)
def test_another_task_model_is_noticed_once_it_is_ready(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], problem: str
) -> None:
    """The settings may be the same while the files have changed: no trial is planned."""
    from ratefront.store.same_inputs import check_known_sweeps

    def run(live: Any, *_: object) -> None:
        live.record(replace(stage.ready, **changes))
        check_known_sweeps(live.history)

    monkeypatch.setattr(sweep_driver, "_run", run)
    with pytest.raises(SweepMismatchError, match=problem):
        stage.go()
    assert [type(event) for event in stage.events] == [Created, Known, TaskModelReady, Halted]
    monkeypatch.setattr(sweep_driver, "_run", stage._run)
    stage._fake.run(stage.loaded(learn_from=()), stage.folder)
    assert isinstance(stage.events[-1], Ended), "a new sweep may begin in the folder"


def test_a_real_driver_learns_from_a_real_sweep(
    fake: SimpleNamespace, cluster: None, follower: Any, tmp_path: Path
) -> None:
    earlier = FakeSweep(tmp_path / "earlier", to_plain(fake.loaded(2).spec), task_model=False)
    earlier.append(TaskModelReady("fake", 0.97, 0.96, 12345))
    earlier.finish(LEARNED, 2.0, 0.9, 100)
    loaded = fake.loaded(2)
    named = {"start_with": (POINT,), "learn_from": (str(earlier.path),)}
    loaded = replace(loaded, spec=loaded.spec.model_copy(update=named))
    other = replace(fake.WORK, prepare_task_model="fake_work:prepare_other")
    with pytest.raises(SweepMismatchError, match="its task model is another one"):
        fake.run(loaded, tmp_path / "other", functions=other)
    assert read_history(SweepFolder(tmp_path / "other")).trials == {}
    history = fake.run(loaded, tmp_path / "sweep")
    assert (history.counts["finished"], len(history.known.trials)) == (2, 1)
    assert history.trials["t0000"].params.values == POINT
