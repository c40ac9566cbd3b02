"""How a sweep leaves its tracker: finished, interrupted, or failed with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import full_sweep
from tests.tracking.tracked_places import QUICK, MemoryPlace, by_trial

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate import sweep_followers
from ratefront.orchestrate.interrupts import Interrupted
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.orchestrate.sweep_followers import SweepFollowers
from ratefront.report.write_report import report_files
from ratefront.spec.sweep_spec import Tracking
from ratefront.store.ledger.ledger_file import LedgerReader
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.delivery.follower import Follower


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> MemoryPlace:
    kept = MemoryPlace()

    def opened(folder: SweepFolder, uri: str, experiment: str, **_: Any) -> Follower:
        return Follower(LedgerReader(folder.ledger).read_new, kept.tracker(), QUICK).start()

    monkeypatch.setattr(sweep_followers, "open_tracking", opened)
    return kept


def follow(folder: SweepFolder, then: Callable[[SweepFollowers], None]) -> None:
    spec: Any = SimpleNamespace(tracking=Tracking())
    with SweepFollowers(folder, spec, None, Redrawer(folder), None) as followed:
        then(followed)


def test_a_sweep_that_ends_is_closed_with_its_figures(place: MemoryPlace, tmp_path: Path) -> None:
    folder = full_sweep(tmp_path / "digits")
    follow(folder, lambda followed: followed.ended(read_history(folder)))
    run = by_trial(place)[""]
    summary = json.loads(folder.summary.read_text())
    numbers = {name: value for name, value in summary.items() if type(value) in (int, float)}
    assert run.status == "FINISHED"
    assert f"| {summary['front'][0]['trial_id']} |" in run.tags["mlflow.note.content"]
    assert {point.key: point.value for point in run.points} == numbers
    assert {path.name for path in report_files(folder)} <= run.artifacts


@pytest.mark.parametrize(
    ("error", "status", "tag", "reason"),
    [
        (Interrupted("SIGTERM"), "KILLED", "interrupted", None),
        (
            EngineError("no node is left at //me:secret@host"),
            "FAILED",
            "failed",
            "no node is left at //***@host",
        ),
    ],
)
def test_an_interrupted_or_failed_sweep_is_closed_as_such(
    place: MemoryPlace, tmp_path: Path, error: BaseException, status: str, tag: str, reason: str | None
) -> None:
    def breaks(followed: SweepFollowers) -> None:
        raise error

    with pytest.raises(type(error)):
        follow(full_sweep(tmp_path / "digits", ended=False), breaks)
    runs = by_trial(place)
    assert (runs[""].status, runs[""].tags["status"]) == (status, tag)
    assert runs[""].tags.get("status_reason") == reason
    assert "RUNNING" not in {run.status for run in runs.values()}
    assert not any("pareto" in run.tags for run in runs.values()), "the front may still change"


def test_a_bad_model_name_is_refused_before_the_start(tmp_path: Path) -> None:
    spec: Any = SimpleNamespace(tracking=Tracking(register_as="digits/front"))
    with pytest.raises(InputError, match="'digits/front' is no name"):
        SweepFollowers(SweepFolder(tmp_path), spec, None, Redrawer(SweepFolder(tmp_path)), None)


def history(ended: int) -> Any:
    return SimpleNamespace(ended_order=[""] * ended, trials={}, spec={})


def test_a_broken_display_does_not_end_the_sweep(
    fake: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[Any] = []

    def show(history: Any) -> None:
        shown.append(history)
        raise BrokenPipeError(32, "Broken pipe")

    folder = SweepFolder(tmp_path)
    following = SweepFollowers(folder, fake.loaded(1).spec, None, Redrawer(folder), show)
    following.changed(history(1))
    following.changed(history(2))
    assert len(shown) == 1
    assert "not shown any more" in caplog.text
