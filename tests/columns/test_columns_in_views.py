"""Every view has the columns that are described, and a new one appears in all of them by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep, label, result, split
from tests.columns.sweep_with_metrics import finish, metrics_spec, two_trials, unscored
from tests.tracking.dashboard_sweep import begin, values

from ratefront.columns import Column, number_format
from ratefront.history.events import Finished
from ratefront.history.sweep_history import SweepHistory
from ratefront.report.front_csv import front_columns, front_csv, front_rows
from ratefront.report.markdown_note import markdown_note
from ratefront.report.page.page_tables import MISSING, PageTable, front_table, rates_table
from ratefront.report.sweep_view import read_view
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.sweep_status import status_of
from ratefront.store.views.trials_csv import trial_columns, trial_rows, trials_csv
from ratefront.tracking.browsing.optuna_study import study_of
from ratefront.tracking.run_keys import final_points, trial_params
from ratefront.tracking.run_notes import trial_note
from ratefront.tracking.tracker_protocol import TrialUpdate
from ratefront.trial.reproduction.compare_runs import differing_values

ON_TEST = ("accuracy", "log_loss_bits", "balanced_accuracy", "width")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    return two_trials(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def history(folder: SweepFolder) -> SweepHistory:
    return read_history(folder)


def points_of(history: SweepHistory, trial_id: str) -> dict[str, float]:
    return {point.key: point.value for point in final_points(TrialUpdate(history.trials[trial_id]), ())}


def test_log_loss_and_metrics_follow_accuracy_on_each_split(history: SweepHistory) -> None:
    names = trial_columns(history)
    begin = names.index("accuracy")
    assert names[begin : begin + 4] == ON_TEST
    begin = names.index("rate_bits_validation") + 1
    assert names[begin : begin + 4] == tuple(f"{name}_validation" for name in ON_TEST)


def test_rows_hold_them_and_lack_what_has_no_scores(history: SweepHistory) -> None:
    label_row, split_row = trial_rows(history)
    names = [*ON_TEST[1:], *(f"{name}_validation" for name in ON_TEST[1:])]
    assert [split_row[name] for name in names] == [0.25, 0.75, 4, 0.5, 0.625, 5]
    assert [label_row[name] for name in names] == [None, None, 4, None, None, 5]
    written = list(csv.DictReader(trials_csv(history).splitlines()))
    assert [row["log_loss_bits"] for row in written] == ["", "0.25"]


def test_a_parameter_named_like_a_metric_has_its_own_column(
    folder: SweepFolder, history: SweepHistory
) -> None:
    row = trial_rows(history)[1]
    assert (row["width"], row["params.width"]) == (4, 8)
    front = front_rows(read_view(folder))[0]
    assert (front["width"], front["params.width"]) == (4, 8)


def test_the_fronts_rows_need_no_report(folder: SweepFolder) -> None:
    view = read_view(folder)
    rows = front_rows(view)
    assert [row["trial_id"] for row in rows] == ["t0001", "t0000"]
    assert {tuple(row) for row in rows} == {front_columns(view)}
    assert [row["gap_bits_oracle"] for row in rows] == [trial.gaps["oracle"].bits for trial in view.front]
    assert (rows[0]["balanced_accuracy"], rows[0]["dominated_on_test"]) == (0.75, False)
    assert not folder.front_csv.exists()


def test_an_empty_front_has_columns_and_no_rows(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, metrics_spec(bounds=["oracle"]))
    view = read_view(sweep.folder)
    assert front_rows(view) == []
    assert {"log_loss_bits", "balanced_accuracy", "gap_ratio_oracle"} < set(front_columns(view))
    assert front_csv(view) == ",".join(front_columns(view)) + "\n"


def test_the_summarys_front_has_the_sweeps_metrics(folder: SweepFolder) -> None:
    scored, unscored = read_view(folder).summary.to_json()["front"]
    assert (scored["balanced_accuracy"], scored["width"], unscored["balanced_accuracy"]) == (0.75, 4, None)


def test_the_status_and_the_sweeps_note_have_them_too(folder: SweepFolder) -> None:
    scored, unscored = status_of(folder).to_json()["front"]["rows"]
    assert (scored["balanced_accuracy"], scored["width"], scored["params"]["width"]) == (0.75, 4, 8)
    assert (unscored["balanced_accuracy"], unscored["width"]) == (None, 4)
    heading, _, *rows = markdown_note(read_view(folder)).rpartition("\n\n")[2].splitlines()
    assert " | transmitter | balanced\\_accuracy | width | gap to oRD |" in heading
    assert [row.split(" | ")[-4:-2] for row in rows] == [["0.75", "4"], ["–", "4"]]


def headings(table: PageTable) -> list[str]:
    return [unescape(cell.text) for cell in table.columns]


def test_the_page_shows_log_loss_and_metrics_where_the_front_has_them(folder: SweepFolder) -> None:
    table = front_table(read_view(folder))
    begin = headings(table).index("validation") + 1
    assert headings(table)[begin : begin + 4] == ["log loss", "balanced_accuracy", "width", "transmitter"]
    scored, unscored = (row[begin : begin + 3] for row in table.rows)
    assert [cell.text for cell in scored] == ["0.250", "0.75", "4"]
    assert [cell.text for cell in unscored] == ["–", "–", "4"]
    assert [cell.value for cell in unscored] == [None, None, 4]


def test_the_page_shows_no_column_without_a_value(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path, metrics_spec())
    finish(sweep, label(), unscored("t0000", 4.0))
    shown = headings(front_table(read_view(sweep.end())))
    assert "width" in shown
    assert not {"log loss", "balanced_accuracy"} & set(shown)


def test_trackers_have_them_on_test_and_lack_what_has_no_scores(history: SweepHistory) -> None:
    keys = ("test/log_loss_bits", "test/balanced_accuracy", "test/width")
    assert [points_of(history, "t0001")[key] for key in keys] == [0.25, 0.75, 4]
    assert [points_of(history, "t0000").get(key) for key in keys] == [None, None, 4]


def test_a_trials_note_has_them_on_both_splits(history: SweepHistory) -> None:
    notes = [trial_note(TrialUpdate(history.trials[name])) for name in ("t0000", "t0001")]
    assert "| log loss (bit/sample) | 0.500 | 0.250 |\n| balanced\\_accuracy | 0.625 | 0.75 |" in notes[1]
    assert "log loss" not in notes[0]
    assert "| width | 5 | 4 |" in notes[0]


def test_two_runs_of_a_trial_are_compared_by_them() -> None:
    before = unscored("t0000", 4.0)
    now = replace(
        before,
        encode_ms=77.0,
        train_seconds=77.0,
        test=replace(before.test, log_loss_bits=0.5, metrics={"width": 3}),
        validation=replace(before.validation, rate_bits_alone=1.0),
    )
    assert list(differing_values(before, now)) == [
        f"validation rate_bits_alone: {before.validation.rate_bits_alone} → 1.0",
        "test log_loss_bits: None → 0.5",
        "test width: 4 → 3",
    ]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two more columns: one that is measured on each split, and a cost."""
    results: Any = import_module("ratefront.columns.result_columns")
    trials: Any = import_module("ratefront.columns.trial_columns")
    blocks = Column(
        "blocks",
        "blocks",
        lambda split: split.samples / 100,
        "",
        brief=number_format(".1f"),
        key="test/blocks",
    )
    energy = Column("energy_mj", "energy", lambda result: result.extra["energy"], "", key="cost/energy_mj")
    monkeypatch.setattr(results, "_ON_A_SPLIT", (*results._ON_A_SPLIT, blocks))
    monkeypatch.setattr(results, "COSTS", (*results.COSTS, energy))
    cached = (results.columns_of_result, trials.columns_of_trial)
    for each in cached:
        each.cache_clear()
    yield
    for each in cached:
        each.cache_clear()


@pytest.mark.usefixtures("described")
def test_a_new_column_appears_in_every_file_and_tracker_by_itself(tmp_path: Path) -> None:
    sweep = begin(tmp_path)
    finish(sweep, dict(values(0)), replace(result("t0000", 4.0, 0.97, 52_000), extra={"energy": 1.5}))
    view = read_view(sweep.end())
    for text in (trials_csv(view.history), front_csv(view)):
        (row,) = csv.DictReader(text.splitlines())
        assert (row["blocks"], row["blocks_validation"], row["energy_mj"]) == ("3.6", "3.6", "1.5")
    tracked = points_of(view.history, "t0000")
    (frozen,) = study_of(view.history).trials
    for metrics in (tracked, frozen.user_attrs):
        assert (metrics["test/blocks"], metrics["cost/energy_mj"]) == (3.6, 1.5)
    assert "| blocks | 3.6 | 3.6 |" in trial_note(TrialUpdate(view.history.trials["t0000"]))


def test_every_view_names_the_trial_that_another_started_from(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    first = sweep.finish(split("conv2", 20.0), 3.0, 0.9, 5000)
    assert heading_of_starts(tmp_path) is None, "no empty column on the page"
    second = sweep.plan(split("conv2", 30.0), starts_from=first)
    sweep.append(Finished(second, 1, result(second, 4.0, 0.95, 5000).to_json()))
    history = read_history(sweep.folder)
    assert [row["starts_from"] for row in trial_rows(history)] == [None, first]
    assert [row["starts_from"] for row in front_rows(read_view(sweep.folder))] == [None, first]
    assert heading_of_starts(tmp_path) == [MISSING, first]
    params = [trial_params(trial) for trial in history.trials.values()]
    assert [each.get("starts_from") for each in params] == [None, first]


def heading_of_starts(path: Path) -> list[str] | None:
    """The cells of the column on the page; None where the page has no such column."""
    table = rates_table(read_view(SweepFolder(path)))
    headings = [cell.text for cell in table.columns]
    if "starts from" not in headings:
        return None
    return [row[headings.index("starts from")].text for row in table.rows]
