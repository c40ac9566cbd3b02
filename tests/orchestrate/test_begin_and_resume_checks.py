"""How a driver begins: what it refuses, and which events it writes first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.builders import FakeSweep, label, spec

from ratefront.engine.opening_events import DriverIdentity, ResumeOptions, opening_events
from ratefront.errors import InputError
from ratefront.history.events import Created, Event, Extended, Reconfigured, Reopened, Resumed
from ratefront.history.sweep_history import SweepHistory
from ratefront.orchestrate.begin_and_resume_checks import check_begun, check_folder, clear_unstarted_sweep
from ratefront.report.write_report import report_files, write_report
from ratefront.spec.changeable_settings import Change
from ratefront.spec.load_spec import to_plain
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder


class TestFolder:
    def test_a_new_sweep_takes_a_missing_or_empty_folder(self, tmp_path: Path) -> None:
        check_folder(SweepFolder(tmp_path), ResumeOptions())
        check_folder(SweepFolder(tmp_path / "new"), ResumeOptions())

    @pytest.mark.parametrize(
        ("name", "options", "rule"),
        [
            ("notes.txt", ResumeOptions(), "not empty"),
            ("x", ResumeOptions(resume=True), "no sweep to"),
            ("x", ResumeOptions(extend=3), "extend is for a sweep that has begun"),
            ("ledger.jsonl", ResumeOptions(retry_failed=True), "retry_failed is for a sweep that has begun"),
            ("ledger.jsonl", ResumeOptions(resume=True, extend=0), "extend must be ≥ 1, got 0"),
        ],
    )
    def test_unsuitable_folders_and_options_are_refused(
        self, tmp_path: Path, name: str, options: ResumeOptions, rule: str
    ) -> None:
        (tmp_path / name).touch()
        with pytest.raises(InputError, match=rule):
            check_folder(SweepFolder(tmp_path), options)

    def test_a_sweep_with_trials_keeps_its_folder(self, tmp_path: Path) -> None:
        sweep = FakeSweep(tmp_path / "s")
        check_folder(sweep.folder, ResumeOptions())  # it has planned none
        sweep.plan(label())
        with pytest.raises(InputError, match="already holds a sweep; go on with resume=True"):
            check_folder(sweep.folder, ResumeOptions())

    def test_an_unreadable_ledger_is_not_overwritten(self, tmp_path: Path) -> None:
        folder = FakeSweep(tmp_path / "s").folder
        folder.ledger.write_bytes(b"?" + folder.ledger.read_bytes()[1:])
        with pytest.raises(InputError, match="already holds a sweep"):
            check_folder(folder, ResumeOptions())

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="not a folder"):
            check_folder(SweepFolder(tmp_path / "file"), ResumeOptions())

    def test_a_bad_tracking_address_leaves_no_files(self, fake: SimpleNamespace, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="ftp"):
            fake.run(fake.loaded(2), tmp_path / "sweep", tracking_uri="ftp://somewhere")
        assert not (tmp_path / "sweep").exists()


@pytest.fixture
def requested(fake: SimpleNamespace) -> Any:
    return fake.loaded(4).spec


def history(path: Path, ended: bool) -> Any:
    """Four requested trials: one finished, two failed; the last one runs, or failed, too."""
    sweep = FakeSweep(path, spec(trials=4))
    sweep.finish(label(), 3.0, 0.9, 100)
    sweep.fail(label())
    sweep.fail(label())
    if ended:
        sweep.fail(label())
        sweep.end()
    else:
        sweep.plan(label())
    return read_history(sweep.folder)


def opening(
    requested: SweepSpec, history: SweepHistory, options: ResumeOptions, change: Change | None = None
) -> list[Event]:
    return opening_events(requested, history, options, DriverIdentity("process 7 on here", "0.9"), change)


class TestEvents:
    def test_an_empty_ledger_begins_with_the_spec(self, requested: Any) -> None:
        (created,) = opening(requested, SweepHistory(), ResumeOptions())
        assert isinstance(created, Created)
        assert (created.spec, created.ratefront_version) == (to_plain(requested), "0.9")
        assert opening(requested, SweepHistory(), ResumeOptions(resume=True)) == [created]

    @pytest.mark.parametrize("options", [ResumeOptions(True, 2), ResumeOptions(True, None, True)])
    def test_a_sweep_that_has_not_begun_cannot_be_extended(self, options: ResumeOptions) -> None:
        with pytest.raises(InputError, match="has not begun"):
            check_begun(SweepHistory(), options)
        check_begun(SweepHistory(), ResumeOptions(resume=True))

    def test_an_unfinished_sweep_is_resumed(self, requested: Any, tmp_path: Path) -> None:
        (resumed,) = opening(requested, history(tmp_path / "s", ended=False), ResumeOptions(True))
        assert resumed == Resumed("process 7 on here")

    def test_all_options_at_once_give_events_in_the_right_order(self, requested: Any, tmp_path: Path) -> None:
        events = opening(requested, history(tmp_path / "s", ended=False), ResumeOptions(True, 5, True))
        assert [type(event) for event in events] == [Resumed, Extended, Reopened, Reopened]
        assert events[1:] == [Extended(9), Reopened("t0001"), Reopened("t0002")]

    def test_an_ended_sweep_is_extended_retried_or_unchanged(self, requested: Any, tmp_path: Path) -> None:
        ended = history(tmp_path / "s", ended=True)
        assert opening(requested, ended, ResumeOptions(True)) == []
        assert opening(requested, ended, ResumeOptions(True, 1)) == [Extended(5)]
        again = opening(requested, ended, ResumeOptions(True, None, True))
        assert again == [Reopened("t0001"), Reopened("t0002"), Reopened("t0003")]

    def test_changed_settings_are_the_first_event(self, requested: Any, tmp_path: Path) -> None:
        change = Change({"keep": "none"})
        running = opening(requested, history(tmp_path / "r", ended=False), ResumeOptions(True), change)
        assert [type(event) for event in running] == [Reconfigured, Resumed]
        (only,) = opening(requested, history(tmp_path / "e", ended=True), ResumeOptions(True), change)
        assert only == Reconfigured({"keep": "none"})

    def test_a_new_sweep_does_not_replace_one_that_began_first(self, tmp_path: Path) -> None:
        folder = SweepFolder(tmp_path / "s")
        history(folder.path, ended=False)
        before = folder.ledger.read_bytes()
        with (
            Ledger(folder.ledger) as ledger,
            pytest.raises(InputError, match=r"another driver has begun a sweep in .*/s meanwhile"),
        ):
            clear_unstarted_sweep(folder, ledger)
        assert folder.ledger.read_bytes() == before

    def test_retry_without_failed_trials_adds_no_event(self, requested: Any, tmp_path: Path) -> None:
        sweep = FakeSweep(tmp_path / "s", spec(trials=1))
        sweep.finish(label(), 3.0, 0.9, 100)
        assert opening(requested, read_history(sweep.end()), ResumeOptions(True, None, True)) == []


def test_retry_without_failed_trials_redraws_and_warns(
    fake: SimpleNamespace, tmp_path: Path, follower: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ended = fake.loaded(1)
    folder = FakeSweep(tmp_path / "s", to_plain(ended.spec)).end()
    before = folder.ledger.read_bytes()
    fake.run(ended, folder.path, write_report, resume=True, retry_failed=True)
    assert folder.ledger.read_bytes() == before
    assert all(path.is_file() for path in report_files(folder))
    assert "no trial has failed" in caplog.text
