"""An existing sweep is sent to any tracker: whole, once, and up to its end where it runs."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep, full_sweep, label, spec
from tests.tracking.tracked_places import QUICK, MemoryPlace, MlflowPlace, by_trial
from typer.testing import CliRunner

from ratefront.cli import app
from ratefront.errors import InputError, TrackingError
from ratefront.history.events import Ended
from ratefront.orchestrate import track_existing as module
from ratefront.orchestrate.track_existing import track_existing_sweep
from ratefront.report.write_report import DrawnReport, report_files
from ratefront.store.ledger.ledger_file import Ledger, LedgerReader
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.delivery.follower import Follower
from ratefront.tracking.in_memory_tracker import InMemoryTracker
from ratefront.tracking.known_addresses import remember_address
from ratefront.tracking.tracker_protocol import TrackedSweep
from ratefront.tracking.tracking_uri import resolve_uri, sqlite_uri

pytestmark = pytest.mark.medium


class Unreachable(InMemoryTracker):
    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        raise ConnectionError("no server")


class Refusing(InMemoryTracker):
    def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
        raise InputError("experiment 'mine' was deleted")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.01)


@pytest.fixture
def track(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Sends a sweep to a place in memory, and returns what the tracker was opened with."""

    def track(folder: SweepFolder, tracker: InMemoryTracker, **options: Any) -> dict[str, Any]:
        opened: dict[str, Any] = {}

        def open_tracking(folder: SweepFolder, uri: str, experiment: str, register: str | None) -> Follower:
            opened.update(uri=uri, experiment=experiment, register=register)
            return Follower(LedgerReader(folder.ledger).read_new, tracker, QUICK).start()

        monkeypatch.setattr(module, "open_tracking", open_tracking)
        opened["returned"] = track_existing_sweep(folder, **options)
        return opened

    return track


@pytest.mark.parametrize("setting", [{"register_as": {"name": "m"}}, {"models": "some"}, {"experiment": ""}])
def test_wrong_settings_of_tracking_are_named(tmp_path: Path, setting: dict[str, Any]) -> None:
    folder = FakeSweep(tmp_path / "digits", spec(tracking=setting)).end()
    with pytest.raises(InputError, match=f"ledger.jsonl: 1 problem.*\n  tracking.{next(iter(setting))}"):
        track_existing_sweep(folder)


def test_an_ended_sweep_arrives_complete_and_only_once(track: Callable[..., Any], tmp_path: Path) -> None:
    folder, place = full_sweep(tmp_path / "digits"), MemoryPlace()
    track(folder, place.kept)
    runs = by_trial(place)
    assert len(runs) == 31
    assert (runs[""].status, runs[""].artifacts) == ("FINISHED", {path.name for path in report_files(folder)})
    assert sum(run.tags.get("pareto") == "true" for run in runs.values()) > 2
    track(folder, place.kept)
    assert by_trial(place) == runs


def test_a_read_only_folder_sends_its_existing_files(
    track: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refused(folder: SweepFolder) -> DrawnReport:
        raise OSError(errno.EROFS, "Read-only file system")

    folder, place = full_sweep(tmp_path / "digits"), MemoryPlace()
    folder.front_csv.write_text("of an earlier report")
    monkeypatch.setattr(module, "write_report", refused)
    track(folder, place.kept)
    run = by_trial(place)[""]
    assert (run.status, run.artifacts, run.points) == ("FINISHED", {"front.csv"}, set())
    assert "Read-only file system" in caplog.text


def test_an_interrupted_sweep_stays_interrupted(track: Callable[..., Any], tmp_path: Path) -> None:
    place = MemoryPlace()
    sweep = FakeSweep(tmp_path / "digits")
    sweep.finish(label(), 3.0, 0.9, 5000)
    sweep.plan(label())
    track(sweep.folder, place.kept)
    runs = by_trial(place)
    assert {name: (run.status, run.tags["status"]) for name, run in runs.items()} == {
        "": ("KILLED", "interrupted"),
        "t0000": ("FINISHED", "finished"),
        "t0001": ("KILLED", "interrupted"),
    }
    assert not any("pareto" in run.tags for run in runs.values()), "the front may still change"


def test_settings_default_to_those_of_the_sweep(track: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"uri": "http://mlflow.example.org", "experiment": "own", "register_as": "codecs"}
    folder = FakeSweep(tmp_path / "digits", spec(tracking=settings)).end()
    remember_address(settings["uri"], folder.path)  # as its driver does
    given = {"tracking_uri": "http://other.example.org", "experiment": "another", "register": "others"}
    assert track(folder, InMemoryTracker()) == {
        "uri": settings["uri"],
        "returned": settings["uri"],
        "experiment": "own",
        "register": "codecs",
    }
    assert track(folder, InMemoryTracker(), **given) == {
        "uri": given["tracking_uri"],
        "returned": given["tracking_uri"],
        "experiment": "another",
        "register": "others",
    }


def test_a_running_sweep_is_followed_to_its_end(track: Callable[..., Any], tmp_path: Path) -> None:
    sweep, place = FakeSweep(tmp_path / "digits"), MemoryPlace()
    sweep.finish(label(), 3.0, 0.9, 5000)
    with Ledger(sweep.folder.ledger) as ledger:
        sending = threading.Thread(
            target=track, args=(sweep.folder, place.kept), kwargs={"tracking_uri": "http://127.0.0.1:9"}
        )
        sending.start()
        wait_until(lambda: any(record.trials for record in place.kept.sweeps.values()))
        assert {run.status for run in place.runs()} == {"RUNNING", "FINISHED"}
        ledger.append(Ended("every requested trial has ended"))
        time.sleep(0.05)
        assert sending.is_alive(), "its driver still has something to do"
    sending.join(30)
    assert not sending.is_alive()
    assert {name: run.status for name, run in by_trial(place).items()} == {
        "": "FINISHED",
        "t0000": "FINISHED",
    }


@pytest.mark.parametrize(
    ("own", "requested"),
    [
        (None, None),
        ("http://mlflow.example.org:5000", None),
        ("http://mlflow.example.org:5000", "http://me:secret@MLFLOW.example.org:5000/"),
    ],
)
def test_a_running_sweep_is_not_sent_to_its_own_store(
    own: str | None, requested: str | None, tmp_path: Path
) -> None:
    sweep = FakeSweep(tmp_path / "digits", spec(tracking={"uri": own}))
    remember_address(resolve_uri(own, sweep.path), sweep.path)  # as its driver does
    with (
        Ledger(sweep.folder.ledger),
        pytest.raises(InputError, match="its driver reports there already"),
    ):
        track_existing_sweep(sweep.folder, tracking_uri=requested)


def test_an_unreachable_tracker_is_an_error(
    track: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    folder = FakeSweep(tmp_path / "digits").end()
    with pytest.raises(TrackingError, match="not delivered whole: ConnectionError: no server"):
        track(folder, Unreachable())


def test_the_first_answer_may_take_longer(
    track: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class New(InMemoryTracker):
        def open_sweep(self, sweep: TrackedSweep, *, running: bool) -> None:
            if not self.sweeps:
                time.sleep(0.5)  # its tables are made
            super().open_sweep(sweep, running=running)

    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    tracker = New()
    track(FakeSweep(tmp_path / "digits").end(), tracker)
    assert [record.parent.status for record in tracker.sweeps.values()] == ["FINISHED"]


def test_a_refusal_ends_at_once(track: Callable[..., Any], tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "digits")
    with (
        Ledger(sweep.folder.ledger),  # a driver that runs on
        pytest.raises(TrackingError, match="experiment 'mine' was deleted"),
    ):
        track(sweep.folder, Refusing(), tracking_uri="http://127.0.0.1:9")


@pytest.mark.slow
def test_the_command_writes_a_database_file(tmp_path: Path) -> None:
    sweep, uri = FakeSweep(tmp_path / "digits"), sqlite_uri(tmp_path / "other" / "mlflow.db")
    sweep.finish(label(), 3.0, 0.9, 5000)
    folder = sweep.end()
    result = CliRunner().invoke(app, ["track", str(folder.path), "--tracking-uri", uri])
    assert (result.exit_code, result.stderr) == (0, f"{folder.path} is at {uri}\n")
    runs = by_trial(MlflowPlace(uri))
    assert set(runs) == {"", "t0000"}
    assert {"report.html", "front.csv"} <= runs[""].artifacts


def test_another_programs_database_is_bad_input(tmp_path: Path) -> None:
    folder, path = FakeSweep(tmp_path / "digits").end(), tmp_path / "notes.db"
    path.write_text("notes of another program")
    done = CliRunner().invoke(app, ["track", str(folder.path), "--tracking-uri", str(path)])
    assert (done.exit_code, path.read_text()) == (2, "notes of another program")
    assert "not a SQLite database" in done.output
    assert not folder.report.exists(), "it is refused before anything is drawn"


def test_a_folder_without_a_sweep_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["track", str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)
