"""The report in a real browser: it draws, it sorts, it fetches nothing, also inside a sandboxed frame."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from tests.builders import full_sweep

from ratefront.report.write import write_report

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="no chromium here: install Debian's chromium to run the browser tests",
    ),
]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "chromium is missing; .ci/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = full_sweep(tmp_path_factory.mktemp("runs"))
    write_report(folder)
    return folder.report


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A page, what its console complained of, and what it asked the network for."""
    page = browser.new_page()
    complaints: list[str] = []
    requests: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    yield page, complaints, requests
    page.close()


def test_it_draws_and_fetches_nothing(watched: tuple[Page, list[str], list[str]], report: Path) -> None:
    page, complaints, requests = watched
    page.goto(report.as_uri())
    page.wait_for_selector("#main .scatterlayer .trace")
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    for name in ("oRD", "E&C", "iE&C", "S&C", "TS"):
        assert page.locator("#main .legendtext", has_text=name).count() >= 1


def test_a_click_on_a_column_sorts_the_front(
    watched: tuple[Page, list[str], list[str]], report: Path
) -> None:
    page, complaints, _ = watched
    page.goto(report.as_uri())
    table = page.locator("table.sortable").first
    titles = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    column = titles.index("accuracy")
    table.locator("thead button", has_text="accuracy").click()
    first = _column(table.locator("tbody tr").all_inner_texts(), column)
    table.locator("thead button", has_text="accuracy").click()
    second = _column(table.locator("tbody tr").all_inner_texts(), column)
    assert len(first) > 3
    assert {tuple(first), tuple(second)} == {tuple(sorted(first)), tuple(sorted(first, reverse=True))}
    assert complaints == []


def _column(rows: list[str], column: int) -> list[float]:
    return [float(row.split("\t")[column].rstrip(" %")) for row in rows]


def test_it_works_in_the_frame_that_mlflow_shows_artifacts_in(
    watched: tuple[Page, list[str], list[str]], report: Path, tmp_path: Path
) -> None:
    page, complaints, _ = watched
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<iframe sandbox="allow-scripts" src="{report.as_uri()}" width="1200" height="900"></iframe>'
    )
    page.goto(outer.as_uri())
    page.frame_locator("iframe").locator("#main .scatterlayer .trace").first.wait_for()
    assert complaints == []
