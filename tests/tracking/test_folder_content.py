"""What the folder adds: files, commit, data set, gaps, codecs. What is broken in it is left out, with one warning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import full_sweep
from tests.tracking.tracked_places import QUICK, MemoryPlace, MlflowPlace, Place, by_trial, finish
from tests.watched_files import WatchedFiles

from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory
from ratefront.report.sweep_view import read_view
from ratefront.store.ledger.ledger_file import LedgerReader
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of
from ratefront.tracking.delivery.folder_content import FolderContent, front_codecs
from ratefront.tracking.delivery.follower import Follower
from ratefront.tracking.in_memory_tracker import RunRecord

COMMIT = "0123456789abcdef"


def with_provenance(folder: SweepFolder) -> SweepFolder:
    folder.spec.write_text("name: digits\n")
    folder.environment.write_text(json.dumps({"git_commit": COMMIT}))
    folder.environment.with_suffix(".diff").write_text("+changed\n")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    return with_provenance(full_sweep(tmp_path_factory.mktemp("sweep") / "digits"))


def shown_at(place: Place, folder: SweepFolder) -> dict[str, RunRecord]:
    reader = LedgerReader(folder.ledger)
    follower = Follower(reader.read_new, place.tracker(), QUICK, FolderContent(folder)).start()
    assert finish(follower, patience=60) == 0
    return by_trial(place)


@pytest.fixture(scope="module")
def shown(folder: SweepFolder) -> dict[str, RunRecord]:
    return shown_at(MemoryPlace(), folder)


def values(run: RunRecord) -> dict[str, float]:
    return {point.key: point.value for point in run.points}


def test_gaps_equal_those_of_the_report(folder: SweepFolder, shown: dict[str, RunRecord]) -> None:
    measured = read_view(folder).measured
    assert len(measured) == 26
    for trial in measured:
        due = {f"gap/{name}_bits": gap.bits for name, gap in trial.gaps.items() if gap.bits is not None}
        measured_values = values(shown[trial.trial_id])
        assert {key: measured_values[key] for key in measured_values if key.startswith("gap/")} == due
    assert any("gap/oracle_bits" in values(shown[trial.trial_id]) for trial in measured)


def test_a_trials_note_has_its_gaps(folder: SweepFolder, shown: dict[str, RunRecord]) -> None:
    on_front = front_of(read_history(folder))[-1].params.trial_id
    bits = values(shown[on_front])["gap/oracle_bits"]
    assert f"| oracle | {bits:+.3f} |" in shown[on_front].tags["mlflow.note.content"]


def test_the_reports_front_is_tagged(folder: SweepFolder, shown: dict[str, RunRecord]) -> None:
    tagged = {name for name, run in shown.items() if run.tags.get("pareto") == "true"}
    assert tagged == {trial.trial_id for trial in read_view(folder).front}
    assert {shown[name].tags["pareto_rank"] for name in tagged} == {"1"}


def test_runs_carry_the_commit_and_the_data_set(folder: SweepFolder, shown: dict[str, RunRecord]) -> None:
    for run in shown.values():
        assert run.tags["mlflow.source.git.commit"] == COMMIT
        assert run.tags["dataset"] == "digits"
    assert shown[""].datasets == {"digits"}
    assert shown[""].tags["folder"] == str(folder.path.resolve())


def test_a_running_sweep_has_spec_environment_and_diff(tmp_path: Path) -> None:
    folder, place = with_provenance(full_sweep(tmp_path / "digits", ended=False)), MemoryPlace()
    reader = LedgerReader(folder.ledger)
    follower = Follower(reader.read_new, place.tracker(), QUICK, FolderContent(folder)).start()
    assert follower.close(30) == 0
    assert by_trial(place)[""].artifacts == {"spec.yaml", "environment.json", "environment.diff"}


@pytest.mark.slow
def test_mlflow_and_memory_show_the_same_of_a_folder(
    folder: SweepFolder, mlflow_place: MlflowPlace, shown: dict[str, RunRecord]
) -> None:
    assert shown_at(mlflow_place, folder) == shown
    assert shown_at(mlflow_place, folder) == shown, "delivered again"


def test_unusable_predictions_cost_only_the_gaps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = full_sweep(tmp_path / "digits")
    folder.predictions.write_bytes(b"no archive")
    runs = shown_at(MemoryPlace(), folder)
    assert not any(key.startswith("gap/") for run in runs.values() for key in values(run))
    assert sum(run.status == "FINISHED" for run in runs.values()) == 27
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "predictions.npz" in warning


def test_codecs_of_the_front_have_their_files(tmp_path: Path) -> None:
    folder = full_sweep(tmp_path / "digits")
    history = read_history(folder)
    first, second, *_ = front_of(history)
    for trial in (first, second):
        files = folder.trial(trial.params.trial_id)
        files.path.mkdir(parents=True, exist_ok=True)
        files.codec_config.write_text("{}")
        files.codec_weights.write_bytes(b"")
    folder.trial(second.params.trial_id).codec_weights.unlink()
    only = front_codecs(folder, history)
    assert [codec.trial_id for codec in only] == [first.params.trial_id]
    assert first.result is not None
    assert (only[0].rate_bits, only[0].accuracy) == (first.result.test.rate_bits, first.result.test.accuracy)
    assert only[0].block_size == history.spec.get("block_size", 1000)
    assert front_codecs(folder, replace(history, trials={}, counts=history.counts)) == ()


@pytest.mark.parametrize("name", ["spec.yaml", "environment.json", "environment.diff"])
def test_a_link_in_the_folder_is_not_sent(tmp_path: Path, name: str) -> None:
    folder, outside = with_provenance(full_sweep(tmp_path / "digits")), tmp_path / "outside"
    outside.write_text("{}")
    (folder.path / name).unlink()
    (folder.path / name).symlink_to(outside)
    with WatchedFiles(outside) as watched:
        with pytest.raises(InputError, match=f"{name} is a symbolic link"):
            FolderContent(folder).provenance(SweepHistory())
        assert watched.accesses() == []


@pytest.mark.parametrize("name", ["codec.json", "codec.safetensors", "samples.npz"])
def test_a_link_among_a_trials_files_is_not_sent(tmp_path: Path, name: str) -> None:
    folder = full_sweep(tmp_path / "digits")
    history = read_history(folder)
    trial = folder.trial(front_of(history)[0].params.trial_id)
    trial.path.mkdir(parents=True)
    (trial.path / name).symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match=f"{name} is a symbolic link"):
        front_codecs(folder, history)


def test_a_folder_that_is_reached_over_a_link_is_sent_whole(tmp_path: Path) -> None:
    with_provenance(full_sweep(tmp_path / "disk" / "digits"))
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    folder = SweepFolder(tmp_path / "runs" / "digits")
    assert len(FolderContent(folder).provenance(read_history(folder)).artifacts) == 3
