from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import FakeSweep, full_sweep, label, result, spec

from ratefront.history.events import Created, Ended, Entry, Finished, Planned, Reopened, Resumed, Started
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store import kept_trial_files
from ratefront.store.kept_trial_files import DRAFT_AGE_S, Removed, apply_retention
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of

OUTCOME = ("codec.json", "codec.safetensors", "stream.bin", "samples.npz")
SIZE = 7


def _fill(folder: SweepFolder) -> dict[str, set[str]]:
    """Every file that a trial may leave, for every trial; return all files."""
    for trial_id in read_history(folder).trials:
        place = folder.trial(trial_id).path
        place.mkdir(parents=True)
        for name in (*OUTCOME, "checkpoint.safetensors", "notes.txt"):
            (place / name).write_bytes(b"x" * SIZE)
    return _files_by_trial(folder)


def _files_by_trial(folder: SweepFolder) -> dict[str, set[str]]:
    return {place.name: {path.name for path in place.iterdir()} for place in folder.trials.iterdir()}


def _front(folder: SweepFolder) -> set[str]:
    return {trial.params.trial_id for trial in front_of(read_history(folder))}


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    sweep = full_sweep(tmp_path, ended=False)
    with Ledger(sweep.ledger) as ledger:  # one more trial, which has not ended
        ledger.append(Planned("t0030", 30, 1, label()))
        ledger.append(Started("t0030", 1, "worker-0"))
    _fill(sweep)
    return sweep


@pytest.mark.parametrize("keep", ["all", "front", "none"])
def test_each_choice_of_keep_keeps_its_files(folder: SweepFolder, keep: str) -> None:
    before = _files_by_trial(folder)
    removed = apply_retention(folder, read_history(folder), keep)  # type: ignore[arg-type]
    kept = {"all": set(before), "front": _front(folder), "none": set()}[keep]
    for trial_id, files in _files_by_trial(folder).items():
        if trial_id == "t0030":
            assert files == before[trial_id], "it has not ended"
        else:
            assert files == {"notes.txt", *(OUTCOME if trial_id in kept else ())}, trial_id
    deleted = sum(map(len, before.values())) - sum(map(len, _files_by_trial(folder).values()))
    assert removed == Removed(deleted, SIZE * deleted)
    assert deleted > 0
    assert apply_retention(folder, read_history(folder), keep) == Removed(0, 0)  # type: ignore[arg-type]


def test_the_sweep_file_says_what_is_kept(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, spec(keep="front"))
    best = sweep.finish(label(), 3.0, 0.9, 5000)
    worse = sweep.finish(label(), 4.0, 0.8, 6000)
    _fill(sweep.folder)
    apply_retention(sweep.folder, read_history(sweep.folder))
    assert _files_by_trial(sweep.folder) == {best: {"notes.txt", *OUTCOME}, worse: {"notes.txt"}}


@pytest.mark.parametrize("keep", ["front", "none"])
def test_codecs_to_start_from_stay_until_the_sweep_has_ended(tmp_path: Path, keep: str) -> None:
    """Those of finished trials: the search names no others."""
    sweep = FakeSweep(tmp_path, spec(keep=keep, training={"start_from_neighbour": True}))
    best = sweep.finish(label(), 3.0, 0.9, 5000)
    worse, failed = sweep.finish(label(), 4.0, 0.8, 6000), sweep.fail(label())
    _fill(sweep.folder)

    def left() -> dict[str, set[str]]:
        apply_retention(sweep.folder, read_history(sweep.folder))
        return {name: files - {"notes.txt"} for name, files in _files_by_trial(sweep.folder).items()}

    on_front, codec = set(OUTCOME) if keep == "front" else set(), {"codec.json", "codec.safetensors"}
    assert left() == {best: on_front | codec, worse: codec, failed: set()}
    sweep.append(Ended("the budget is spent", is_budget_spent=True))
    assert left() == {best: on_front | codec, worse: codec, failed: set()}, "it may go on"
    sweep.append(Resumed("driver"), Ended("every requested trial has ended"))
    assert left() == {best: on_front, worse: set(), failed: set()}


def test_an_old_sweep_file_keeps_all(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.0, 0.9, 5000)
    sweep.finish(label(), 4.0, 0.8, 6000)
    _fill(sweep.folder)
    assert apply_retention(sweep.folder, read_history(sweep.folder)).files == 2, "the checkpoints"


def test_a_reopened_trial_keeps_its_files(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    failed = sweep.fail(label())
    sweep.append(Reopened(failed))
    _fill(sweep.folder)
    assert apply_retention(sweep.folder, read_history(sweep.folder), "none") == Removed(0, 0)


def test_a_trial_that_ends_meanwhile_keeps_its_files(
    folder: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's own clearing looks at a history that grows in another thread."""
    history = read_history(folder)

    def front_before_the_end(live: SweepHistory) -> list[TrialHistory]:
        front = front_of(live)
        best = result("t0030", 0.5, 0.99, 100).to_json()
        live.apply(Entry(10_000, live.last_time + 1, Finished("t0030", 1, best)))
        return front

    monkeypatch.setattr(kept_trial_files, "front_of", front_before_the_end)
    apply_retention(folder, history, "front")
    assert history.ended_order[-1] == "t0030"
    assert _files_by_trial(folder)["t0030"] >= {*OUTCOME, "checkpoint.safetensors"}


def test_a_trial_in_the_middle_of_ending_keeps_its_files(folder: SweepFolder) -> None:
    history = read_history(folder)
    history.ended_order.append("t0030")  # its status follows
    apply_retention(folder, history, "none")
    assert _files_by_trial(folder)["t0030"] >= {*OUTCOME, "checkpoint.safetensors"}


def test_a_dry_run_counts_and_leaves_everything(folder: SweepFolder) -> None:
    before = _files_by_trial(folder)
    would = apply_retention(folder, read_history(folder), "none", dry_run=True)
    assert _files_by_trial(folder) == before
    assert apply_retention(folder, read_history(folder), "none") == would


def test_old_drafts_are_removed_and_new_ones_stay(folder: SweepFolder) -> None:
    places = (folder.path, folder.trial("t0000").path, folder.trial("t0030").path)
    for place in places:
        for name, age_s in ((".a.json.1.tmp", DRAFT_AGE_S + 60), (".b.json.2.tmp", DRAFT_AGE_S - 600)):
            (place / name).write_bytes(b"")
            os.utime(place / name, times=(time.time() - age_s,) * 2)
    apply_retention(folder, read_history(folder))
    for place in places:
        assert not (place / ".a.json.1.tmp").exists()
        assert (place / ".b.json.2.tmp").exists()


def test_everything_but_trials_stays(folder: SweepFolder) -> None:
    for name in ("spec.yaml", "environment.json", "report.html"):
        (folder.path / name).write_text(name)
    before = {path: path.read_bytes() for path in _outside_of_trials(folder)}
    apply_retention(folder, read_history(folder), "none")
    assert {path: path.read_bytes() for path in _outside_of_trials(folder)} == before
    assert len(before) >= 5


def _outside_of_trials(folder: SweepFolder) -> list[Path]:
    paths = (path for path in folder.path.rglob("*") if path.is_file())
    return [path for path in paths if folder.trials not in path.parents]


_points = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=14
)


@given(_points, st.permutations(range(14)))
def test_a_trial_that_left_the_front_never_returns(
    points: list[tuple[int, int, int]], order: list[int]
) -> None:
    """Hence files may be deleted while the sweep runs; ends come in another order than plans, and values repeat."""
    history, seq = SweepHistory(), 0
    fronts = [set[str]()]
    history.apply(Entry(0, 0.0, Created("s", spec(), "0")))
    for planned, number in enumerate(number for number in order if number < len(points)):
        rate, accuracy, size = points[number]
        trial_id = f"t{number:04d}"
        plain = result(trial_id, float(rate), accuracy / 4, size).to_json()
        planning = Planned(trial_id, planned, 1, label())
        for event in (planning, Started(trial_id, 1, "w"), Finished(trial_id, 1, plain)):
            seq += 1
            history.apply(Entry(seq, float(seq), event))
        fronts.append({trial.params.trial_id for trial in front_of(history)})
        assert fronts[-1] <= fronts[-2] | {trial_id}
