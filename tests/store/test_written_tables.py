from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
from tests.builders import (
    RAW_BITS,
    TASK_MODEL_BYTES,
    FakeSweep,
    full_sweep,
    label,
    predictions,
    result,
    spec,
    split,
)

from ratefront.bounds import from_predictions
from ratefront.columns import columns_of_result
from ratefront.errors import InputError
from ratefront.history.events import Failed, Finished, Planned, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.pareto import hypervolume
from ratefront.report.sweep_view import read_view
from ratefront.report.write_report import write_tables
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of
from ratefront.store.views.trials_csv import trial_columns, trial_rows
from ratefront.trial_records import TrialResult, objectives_of

pytestmark = pytest.mark.medium

#: What every sweep's ``trials.csv`` begins with.
COLUMNS = [
    "trial_id",
    "status",
    "reason",
    "rung",
    "attempts",
    "error",
    "seed",
    "repeat_of",
    "starts_from",
    "family",
    "split",
    "beta",
    "rate_bits",
    "rate_bits_estimated",
    "rate_bits_alone",
    "rate_total_bits",
    "overhead_bits",
    "accuracy",
    "log_loss_bits",
    "accuracy_low",
    "accuracy_high",
    "rate_bits_validation",
    "accuracy_validation",
    "log_loss_bits_validation",
    "transmitter_bytes",
    "transmitter_macs",
    "encode_ms",
    "train_seconds",
    "fresh_seeds",
    "rate_bits_mean",
    "rate_bits_min",
    "rate_bits_max",
    "accuracy_mean",
    "accuracy_min",
    "accuracy_max",
]

SUMMARY_KEYS = {
    "sweep",
    "dataset",
    "trials_requested",
    "trials_finished",
    "trials_pruned",
    "trials_stopped",
    "trials_collapsed",
    "trials_failed",
    "early_stopping",
    "task_model_accuracy",
    "task_model_bytes",
    "hypervolume",
    "reference",
    "hypervolume_rate_accuracy",
    "warnings",
    "front",
}
FRONT_KEYS = {
    "trial_id",
    "family",
    "rate_bits",
    "rate_bits_estimated",
    "accuracy",
    "transmitter_bytes",
    "gap_bits",
}
GAP_KEYS = {
    "oracle",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "task_model",
    "time_sharing",
}


def write_views(folder):
    """As a report does, without drawing it; returns the summary."""
    view = read_view(folder, read_history(folder))
    write_tables(folder, view.history, view.summary)
    return view.summary


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    sweep_folder = full_sweep(tmp_path_factory.mktemp("sweep"))
    write_views(sweep_folder)
    return sweep_folder


def rows_of(folder):
    with folder.trials_csv.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_trials_csv_has_a_row_for_every_trial_requested(folder):
    statuses = Counter(row["status"] for row in rows_of(folder))
    assert statuses == {"finished": 24, "collapsed": 2, "pruned": 1, "stopped": 1, "failed": 2}
    assert sum(statuses.values()) == 30
    assert len({row["trial_id"] for row in rows_of(folder)}) == 30


def test_trials_csv_has_fixed_columns_then_other_parameters(folder):
    header = folder.trials_csv.read_text().splitlines()[0].split(",")
    assert header[: len(COLUMNS)] == COLUMNS
    own = ["alphabet", "entropy_model", "merged_classes", "method", "objective"]
    assert header[len(COLUMNS) :] == [*own, "refine", "refine_steps", "share", "width"]


def test_a_row_holds_test_values_and_validation_where_the_column_says_so(folder):
    first = rows_of(folder)[0]
    assert (first["family"], first["split"], first["beta"]) == ("label", "", "")
    assert (float(first["rate_bits"]), float(first["rate_bits_validation"])) == (3.345, 3.341)
    assert float(first["accuracy_validation"]) == pytest.approx(float(first["accuracy"]) - 0.004)


def test_trials_without_a_result_keep_their_reason_and_no_numbers(folder):
    failed = [row for row in rows_of(folder) if row["status"] == "failed"]
    assert failed[0]["reason"] == "loss is NaN at epoch 3 (β = 900)"
    assert (failed[0]["attempts"], failed[0]["error"]) == ("1", "DivergedError")
    assert {failed[0][column.name] for column in columns_of_result()} == {""}
    assert failed[0]["split"] == "block1"


def test_a_trial_that_succeeded_later_has_attempts_and_no_error(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.append(
        Planned("t0000", 0, 1, label()),
        Started("t0000", 1, "worker-0"),
        Failed("t0000", 1, "WorkerLostError", "the worker died", final=False),
        Started("t0000", 2, "worker-1"),
        Finished("t0000", 2, result("t0000", 3.0, 0.9, 5000).to_json()),
    )
    write_views(sweep.folder)
    (row,) = rows_of(sweep.folder)
    assert (row["status"], row["attempts"], row["error"], row["reason"]) == ("finished", "2", "", "")


def test_a_row_holds_seed_macs_and_every_parameter(folder):
    history = read_history(folder)
    for row in rows_of(folder):
        trial = history.trials[row["trial_id"]]
        assert row["seed"] == str(trial.params.seed)
        assert {name: row[name] for name in trial.params.values} == {
            name: str(value) for name, value in trial.params.values.items()
        }
        assert row["transmitter_macs"] == ("" if trial.result is None else str(trial.result.transmitter_macs))


def test_a_parameter_named_like_a_column_has_its_own_column(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish({"family": "label", "seed": 3, "accuracy": "high", "depth": 2}, 3.0, 0.9, 5000)
    (row,) = trial_rows(read_history(sweep.folder))
    assert (row["seed"], row["accuracy"]) == (7, 0.9)
    assert (row["params.seed"], row["params.accuracy"], row["depth"]) == (3, "high", 2)


def test_rows_are_those_of_the_file_as_typed_values(folder):
    history = read_history(folder)
    rows = trial_rows(history)
    assert {tuple(row) for row in rows} == {trial_columns(history)}
    written = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert written == rows_of(folder)
    first = rows[0]
    assert (type(first["accuracy"]), type(first["attempts"]), first["beta"]) == (float, int, None)


def test_summary_has_all_keys_and_no_nan(folder):
    summary = json.loads(folder.summary.read_text(), parse_constant=pytest.fail)
    assert summary.keys() >= SUMMARY_KEYS
    assert all(entry.keys() >= FRONT_KEYS for entry in summary["front"])
    assert all(entry["gap_bits"].keys() == GAP_KEYS for entry in summary["front"])
    requested = sum(summary[f"trials_{s}"] for s in ("finished", "pruned", "stopped", "collapsed", "failed"))
    assert requested == summary["trials_requested"] == 30
    assert summary["reference"] == {
        "rate_bits": RAW_BITS,
        "accuracy": pytest.approx(0.1),
        "transmitter_bytes": 2 * TASK_MODEL_BYTES,
    }


def test_hypervolume_is_the_fronts_on_test_values(folder):
    summary = json.loads(folder.summary.read_text())
    objectives = objectives_of({"objectives": summary["objectives"]})
    points = [[entry[name] for name in objectives] for entry in summary["front"]]
    assert summary["hypervolume"] == pytest.approx(hypervolume(points, objectives, summary["reference"]))
    assert 0.5 < summary["hypervolume_rate_accuracy"] < 1


def test_gaps_of_the_summary_are_those_of_the_test_samples(folder):
    labels, logits = predictions(2)
    summary, bounds = json.loads(folder.summary.read_text()), from_predictions(labels, logits=logits)
    entry = summary["front"][-1]
    oracle = bounds["oracle"].rate_at(1 - entry["accuracy"])
    assert entry["gap_bits"]["oracle"] == pytest.approx(entry["rate_bits"] - oracle)


def test_validation_decides_the_front_and_collapsed_trials_stay_off(tmp_path):
    sweep = FakeSweep(tmp_path)
    lucky = sweep.finish(split("stem", 1.0), 3.0, 0.99, 100, validation=(5.0, 0.80))
    chosen = sweep.finish(split("stem", 2.0), 4.0, 0.85, 100, validation=(4.0, 0.90))
    sweep.finish(split("stem", 3.0), 0.1, 0.12, 50, status="collapsed")
    sweep.prune(split("stem", 4.0))
    front = front_of(read_history(sweep.end()))
    assert [trial.params.trial_id for trial in front] == [chosen]
    assert lucky not in {trial.params.trial_id for trial in front}


def test_a_users_data_are_named_after_their_file(tmp_path):
    sweep = FakeSweep(tmp_path, spec(dataset={"name": "arrays", "path": "/elsewhere/birds.npz"}))
    write_views(sweep.folder)
    assert json.loads(sweep.folder.summary.read_text())["dataset"] == "birds"


def test_equal_trials_are_all_on_the_front(tmp_path):
    sweep = FakeSweep(tmp_path)
    first = sweep.finish(label(), 3.0, 0.9, 100)
    second = sweep.finish(label(), 3.0, 0.9, 100)
    sweep.finish(label(), 3.0, 0.9, 101)
    assert [trial.params.trial_id for trial in front_of(read_history(sweep.end()))] == [first, second]


def test_files_deleted_and_rebuilt_are_byte_identical(folder):
    before = folder.trials_csv.read_bytes(), folder.summary.read_bytes()
    folder.trials_csv.unlink()
    folder.summary.unlink()
    write_views(SweepFolder(folder.path))
    assert (folder.trials_csv.read_bytes(), folder.summary.read_bytes()) == before
    assert not list(folder.path.glob(".*.tmp"))


def test_a_sweep_before_its_task_model_has_nulls_with_reasons(tmp_path):
    sweep = FakeSweep(tmp_path, task_model=False)
    summary = write_views(sweep.folder).to_json()
    assert summary["task_model_accuracy"] is summary["hypervolume"] is None
    assert summary["hypervolume_rate_accuracy"] is None
    assert {"hypervolume", "hypervolume_rate_accuracy"} == summary["reasons"].keys()
    assert summary["front"] == []
    assert sweep.folder.trials_csv.read_text() == ",".join(COLUMNS) + "\n"


def test_an_empty_front_has_hypervolume_zero(tmp_path):
    summary = write_views(FakeSweep(tmp_path).folder).to_json()
    assert (summary["hypervolume"], summary["hypervolume_rate_accuracy"]) == (0.0, 0.0)


def test_hypervolume_without_its_reference_is_null_with_the_reason(tmp_path):
    sweep = FakeSweep(tmp_path, spec(objectives=["rate_bits", "accuracy", "encode_ms"]))
    sweep.finish(label(), 3.0, 0.9, 100)
    summary = write_views(sweep.end()).to_json()
    assert summary["hypervolume"] is None
    assert "encode_ms has no default" in summary["reasons"]["hypervolume"]
    assert summary["hypervolume_rate_accuracy"] is not None


def test_a_folder_without_a_ledger_is_refused(tmp_path):
    with pytest.raises(InputError, match="not a sweep's folder"):
        write_views(SweepFolder(tmp_path))


def test_bad_predictions_name_the_file(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.folder.predictions.write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"predictions\.npz"):
        write_views(sweep.folder)


def test_a_running_sweep_shows_ended_trials_only(tmp_path):
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.0, 0.9, 100)
    sweep.plan(split("stem", 1.0))
    summary = write_views(sweep.folder).to_json()
    assert (summary["trials_finished"], summary["ended"]) == (1, False)
    assert len(rows_of(sweep.folder)) == 1


def test_results_travel_through_the_ledger_unchanged(folder):
    history = SweepHistory.of(read_entries(folder.ledger))
    stored = history.trials["t0000"].result
    assert TrialResult.from_json(json.loads(json.dumps(stored.to_json()))) == stored
