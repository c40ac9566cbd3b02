"""A sweep of very many trials: the front is whole, and of the others as many are drawn as a page can hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builders import full_sweep

from ratefront.report import sweep_view
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_figure import Marker
from ratefront.report.page.page_tables import rates_table
from ratefront.report.sweep_view import SweepView, read_view
from ratefront.report.write_report import write_report
from ratefront.store.sweep_folder import SweepFolder

pytestmark = pytest.mark.medium

MOST = 3


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweepFolder:
    monkeypatch.setattr(sweep_view, "MOST_OFF_FRONT", MOST)
    return full_sweep(tmp_path / "digits")


@pytest.fixture
def view(folder: SweepFolder) -> SweepView:
    return read_view(folder)


def test_the_front_is_whole_and_of_the_others_some_are_drawn(view: SweepView) -> None:
    off_front = [trial for trial in view.measured if trial.front_status != "front"]
    drawn = [trial for trial in view.drawn if trial.front_status != "front"]
    assert [trial for trial in view.drawn if trial.front_status == "front"] == [
        trial for trial in view.measured if trial.front_status == "front"
    ]
    assert len(drawn) == MOST < len(off_front)
    assert drawn[0] is off_front[0]
    assert view.left_out == len(off_front) - MOST


def test_figures_and_tables_show_what_is_drawn(view: SweepView) -> None:
    names = {trial.trial_id for trial in view.drawn}
    assert {marker.trial.trial_id for marker in describe_front(view).size.of_kind(Marker)} == names
    not_collapsed = {trial.trial_id for trial in view.drawn if trial.front_status != "collapsed"}
    assert {row[0].text for row in rates_table(view).rows} == not_collapsed


def test_the_page_says_what_is_left_out_and_keeps_the_numbers(
    folder: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinned, thinned_numbers = write_report(folder), folder.trials_csv.read_text()
    page = folder.report.read_text()
    left_out = read_view(folder).left_out
    monkeypatch.undo()
    whole = write_report(folder)
    assert f"{left_out} of " in page
    assert "left out of all figures" in page
    assert "left out of all figures" not in folder.report.read_text()
    assert (thinned.numbers, thinned.front) == (whole.numbers, whole.front)
    assert thinned_numbers == folder.trials_csv.read_text(), "every trial"
