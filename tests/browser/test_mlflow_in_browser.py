"""MLflow's pages of a sweep in a real browser: the table, its order and charts, comparing, the report, notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.browser.mlflow_page_objects import (
    NAME,
    RunsTable,
    chart,
    choose_axis,
    note,
    open_artifact,
    points,
    traces,
    visitor,
)
from tests.builders import FakeSweep, label, result, spec, split
from tests.tracking.mlflow_servers import MlflowServer

import ratefront as rf
from ratefront.history import events
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.mlflow_pages import find_sweep, page_addresses, sweep_of
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.mlflow.saved_views import SWEEPS_KEY
from ratefront.tracking.tracking_uri import sqlite_uri
from ratefront.trial_records import Scalar

pytestmark = pytest.mark.slow

ACCURACY, RATE = "metrics.`obj/accuracy`", "metrics.`obj/rate_bits`"
SYSTEM = ("process_cpu_utilization_percentage", "process_memory_usage_megabytes")


class Tried(NamedTuple):
    """A trial that finished: bit/sample and accuracy on validation and on test, bytes of its transmitter."""

    values: dict[str, Scalar]
    validation: tuple[float, float]
    test: tuple[float, float]
    size: int


#: The orders by number, by rate, by accuracy on validation and by accuracy on test differ from each other.
TRIED = (
    Tried(split("stem", 8.0), (2.0, 0.8), (2.125, 0.8125), 2_900),
    Tried(label(), (3.5, 0.975), (3.5, 0.95), 52_420),
    Tried(split("block1", 16.0), (6.25, 0.9375), (6.5, 0.96875), 9_900),
    Tried(split("block2", 32.0), (9.5, 0.95), (9.25, 0.955), 26_000),
    Tried(split("stem", 4.0), (1.25, 0.625), (1.375, 0.5), 2_700),
)
#: Sorted by a metric, in whichever direction, runs without it come last.
WITHOUT_RESULT = 2


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """Five trials that finished, one that was stopped, one that failed; with curves of three epochs."""
    path = tmp_path_factory.mktemp("runs") / "digits"
    sweep = FakeSweep(path, spec=spec(trials=7, tracking={"models": "none"}))
    for values, validation, test, size in TRIED:
        trial_id = sweep.plan(values)
        found = result(trial_id, *test, size, validation=validation)
        sweep.append(*_epochs(trial_id), events.Finished(trial_id, 1, found.to_json()))
    sweep.prune(split("block2", 0.5))
    sweep.fail(split("block1", 900.0))
    return sweep.end()


def _epochs(trial_id: str) -> Iterator[events.Reported]:
    for epoch in (1, 2, 3):
        took = {f"system/{name}": 90.0 + epoch for name in SYSTEM}
        yield events.Reported(trial_id, 1, epoch, {"loss": 1 / epoch, **took})


@pytest.fixture(scope="module")
def server(sweep: SweepFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server on the store that our follower has written."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = sqlite_uri(folder / "mlflow.db")
    MlflowStore(uri, "ratefront")  # makes the tables, which takes longer than a follower is waited for
    rf.open(sweep.path).track(uri)
    with MlflowServer(uri, folder) as server:
        yield server


@pytest.fixture(scope="module")
def addresses(sweep: SweepFolder, server: MlflowServer) -> dict[str, str]:
    """As ``ratefront ui`` says them."""
    return page_addresses(server.uri, find_sweep(server.store_uri, sweep_of(sweep)), sweep_of(sweep))


@pytest.fixture(scope="module")
def person(browser: Browser) -> Iterator[BrowserContext]:
    person = visitor(browser)
    yield person
    person.close()


@pytest.fixture
def page(person: BrowserContext) -> Iterator[Page]:
    page = person.new_page()
    yield page
    page.close()


@pytest.fixture
def table(page: Page, addresses: dict[str, str]) -> RunsTable:
    table = RunsTable(page)
    table.open(addresses["trials of digits"])
    return table


def numbers(found: list[float]) -> list[str]:
    """As the table writes them, and what it writes for runs without one."""
    return [f"{value:g}" for value in found] + ["-"] * WITHOUT_RESULT


def test_server_and_database_give_the_same_addresses(sweep: SweepFolder, server: MlflowServer) -> None:
    own = sweep_of(sweep)
    assert find_sweep(server.uri, own) == find_sweep(server.store_uri, own)


def test_trials_are_a_table_by_accuracy_or_a_clicked_column(table: RunsTable) -> None:
    accuracies = sorted((tried.validation[1] for tried in TRIED), reverse=True)
    table.expect(ACCURACY, numbers(accuracies))
    table.sort_by("obj/accuracy")
    table.expect(ACCURACY, numbers(accuracies[::-1]))
    table.sort_by("obj/rate_bits")
    rates = sorted((tried.validation[0] for tried in TRIED), reverse=True)
    table.expect(RATE, numbers(rates))
    names = table.column(NAME)
    assert names[0] == "t0003 split block2 9.2 bit 95.5 %"
    assert {name[:5] for name in names} == {f"t000{number}" for number in range(len(TRIED) + WITHOUT_RESULT)}


def test_the_view_has_our_columns_and_says_why_a_trial_has_no_result(table: RunsTable) -> None:
    reasons = "tags.`status_reason`"
    table.page.locator(f'.ag-header-cell[col-id="{reasons}"]').wait_for()
    columns = table.columns()
    assert columns[columns.index("duration") + 1 :] == [
        "tags.`pareto`",
        RATE,
        ACCURACY,
        "metrics.`obj/transmitter_bytes`",
        "metrics.`test/rate_bits`",
        "metrics.`test/accuracy`",
        "metrics.`gap/oracle_bits`",
        "params.`hp/family`",
        reasons,
    ]
    assert sorted(table.column(reasons))[-WITHOUT_RESULT:] == [
        "dominated at rung 5",
        "loss is NaN at epoch 3",
    ]


def test_the_charts_are_accuracy_over_rate_and_over_size(table: RunsTable) -> None:
    table.show_charts()
    by_rate = chart(table.page, "test/rate_bits vs. test/accuracy")
    assert points(by_rate) == {tried.test for tried in TRIED}
    expect(by_rate.locator(".scatterlayer .point")).to_have_count(len(TRIED))
    by_size = chart(table.page, "cost/transmitter_bytes vs. test/accuracy")
    assert points(by_size) == {(tried.size, tried.test[1]) for tried in TRIED}


def test_selected_runs_are_compared_in_plots(table: RunsTable) -> None:
    for row in range(len(TRIED)):
        table.select(row)
    table.compare()
    page = table.page
    (parallel,) = traces(page.locator(".js-plotly-plot"))
    assert parallel["type"] == "parcoords"
    assert [len(axis["values"]) for axis in parallel["dimensions"]] == [len(TRIED)] * len(
        parallel["dimensions"]
    )
    assert all(size > 0 for size in page.locator("canvas").first.evaluate("c => [c.width, c.height]"))
    page.get_by_role("tab", name="Scatter Plot").click()
    choose_axis(page, "x", "test/rate_bits")
    choose_axis(page, "y", "test/accuracy")
    expect(page.locator(".ytitle")).to_have_text("test/accuracy")
    assert points(page.locator(".js-plotly-plot")) == {tried.test for tried in TRIED}


def test_all_sweeps_are_a_row_each(table: RunsTable) -> None:
    table.open_view(SWEEPS_KEY)
    table.expect("tags.`status`", ["finished"])
    (name,) = table.column(NAME)
    assert name.startswith("digits ")
    assert table.column("metrics.`trials_finished`") == [str(len(TRIED))]


def test_the_report_is_drawn_where_the_sweep_shows_its_files(page: Page, addresses: dict[str, str]) -> None:
    page.goto(addresses["the sweep itself"])
    report = open_artifact(page, "report.html")
    report.locator("#main .scatterlayer .trace").first.wait_for()
    assert report.locator("table.sortable tbody tr").count() > 0


def test_notes_of_sweep_and_trial_are_shown_as_text_with_tables(
    page: Page, addresses: dict[str, str]
) -> None:
    page.goto(addresses["the sweep itself"])
    expect(note(page)).to_contain_text("7 of 7 trials ended")
    expect(note(page).locator("strong").first).to_have_text("digits")
    page.get_by_role("link", name="t0002").click()
    expect(note(page).locator("strong").first).to_have_text("t0002")
    accuracy = note(page).locator("table").first.get_by_role("row", name="accuracy")
    expect(accuracy.get_by_role("cell")).to_have_text(["accuracy", "93.75%", "96.88%"])
    assert "**" not in note(page).inner_text()


def test_process_metrics_are_charted(page: Page, addresses: dict[str, str]) -> None:
    page.goto(addresses["the sweep itself"])
    page.get_by_role("link", name="t0002").click()
    page.get_by_role("tab", name="System metrics").click()
    for name in SYSTEM:
        assert traces(chart(page, name))[0]["y"] == [91, 92, 93]
    page.get_by_role("tab", name="Model metrics").click()
    assert len(traces(chart(page, "loss"))[0]["y"]) == 3
