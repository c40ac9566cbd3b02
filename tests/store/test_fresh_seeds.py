"""What is said of a trial's luck: the mean over its configuration's other seeds, without the one that selected it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep, label, result, spec, split

from ratefront.columns import FreshSeeds, Spread
from ratefront.history.events import Finished, Planned, Started
from ratefront.report.front_csv import front_csv
from ratefront.report.markdown_note import markdown_note
from ratefront.report.page.page_tables import front_table
from ratefront.report.sweep_view import read_view
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.views.fresh_seeds import fresh_seeds_of
from ratefront.store.views.trials_csv import trials_csv

WINNER, RIVAL = split("stem", 4.0), split("block1", 4.0)


def repeat(sweep: FakeSweep, number: int, first: str, values: dict[str, Any], *measured: float) -> str:
    """Repeat ``first``; without ``measured`` (rate, accuracy) the repeat does not end."""
    trial_id = f"t{number:04d}"
    sweep.append(Planned(trial_id, number, 100 + number, values, first), Started(trial_id, 1, "w"))
    if measured:
        sweep.append(Finished(trial_id, 1, result(trial_id, *measured, 3_000).to_json()))
    return trial_id


def sweep_with_repeats(path: Path, **changes: Any) -> FakeSweep:
    """t0000 is lucky, t0001 is its rival, t0002 uses no seed; t0003 to t0006 repeat."""
    sweep = FakeSweep(path, spec(**changes))
    sweep.finish(WINNER, 4.0, 0.9, 3_000)
    sweep.finish(RIVAL, 4.2, 0.89, 3_000)
    sweep.finish(label(), 3.3, 0.97, 50_000)
    repeat(sweep, 3, "t0000", WINNER, 5.0, 0.8)
    repeat(sweep, 4, "t0001", RIVAL, 3.9, 0.91)
    repeat(sweep, 5, "t0000", WINNER, 6.0, 0.7)
    repeat(sweep, 6, "t0000", WINNER)
    return sweep


def test_the_trial_itself_and_the_one_that_selected_it_are_left_out(tmp_path: Path) -> None:
    found = fresh_seeds_of(read_history(sweep_with_repeats(tmp_path / "sweep").folder))
    assert found == {
        "t0000": FreshSeeds(2, Spread(5.5, 5.0, 6.0), Spread(pytest.approx(0.75), 0.7, 0.8)),
        "t0001": FreshSeeds(1, Spread(3.9, 3.9, 3.9), Spread(0.91, 0.91, 0.91)),
        "t0003": FreshSeeds(1, Spread(6.0, 6.0, 6.0), Spread(0.7, 0.7, 0.7)),
        "t0005": FreshSeeds(1, Spread(5.0, 5.0, 5.0), Spread(0.8, 0.8, 0.8)),
    }, "t0004 has no other fresh seed, t0002 no seed at all"


def test_where_nothing_was_selected_the_first_trial_counts(tmp_path: Path) -> None:
    changes = {"repeats": {"seeds": 3, "front": 0, "most_trials": None}}
    found = fresh_seeds_of(read_history(sweep_with_repeats(tmp_path / "sweep", **changes).folder))
    assert (found["t0000"].seeds, found["t0003"].rate_bits) == (2, Spread(5.0, 4.0, 6.0))
    assert found["t0004"].rate_bits.mean == 4.2


def test_tables_note_and_page_show_them_beside_the_codecs_own_point(tmp_path: Path) -> None:
    folder = sweep_with_repeats(tmp_path / "sweep").end()
    view = read_view(folder)
    rows = {row["trial_id"]: row for row in csv.DictReader(trials_csv(view.history).splitlines())}
    assert (rows["t0000"]["rate_bits"], rows["t0000"]["repeat_of"]) == ("4.0", "")
    assert [
        rows["t0000"][name] for name in ("fresh_seeds", "rate_bits_mean", "rate_bits_min", "accuracy_max")
    ] == [*("2", "5.5", "5.0", "0.8")]
    assert (rows["t0002"]["fresh_seeds"], rows["t0003"]["repeat_of"]) == ("", "t0000")
    front = {row["trial_id"]: row for row in csv.DictReader(front_csv(view).splitlines())}
    assert list(front) == ["t0002", "t0004"], "a repeat may be on the front"
    assert (front["t0004"]["repeat_of"], front["t0004"]["fresh_seeds"]) == ("t0001", "")
    assert "| – |" in markdown_note(view)


def test_a_front_with_fresh_seeds_has_their_columns(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "sweep")
    sweep.finish(WINNER, 4.0, 0.9, 3_000)
    assert not {"fresh seeds", "their rate"} & {
        cell.text for cell in front_table(read_view(sweep.folder)).columns
    }
    repeat(sweep, 1, "t0000", WINNER, 5.0, 0.8)
    view = read_view(sweep.end())
    table = front_table(view)
    headings = [cell.text for cell in table.columns]
    row = {heading: cell.text for heading, cell in zip(headings, table.rows[0], strict=True)}
    assert (row["fresh seeds"], row["their rate"]) == ("1", "5.000 (5.000 to 5.000)")
    assert row["95 % interval"] == "86.4 % to 92.9 %".replace(" %", "\u00a0%")
    assert "| 1: 5.00 bit (5.00 to 5.00) at 80.0\u00a0% (80.0\u00a0% to 80.0\u00a0%) |" in markdown_note(view)
