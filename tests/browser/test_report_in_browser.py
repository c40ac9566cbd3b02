"""The report in a real browser: it draws, it sorts, it fetches nothing, also inside a sandboxed frame."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.chromium import Watched
from tests.builders import full_sweep

from ratefront.report.write_report import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = full_sweep(tmp_path_factory.mktemp("runs"))
    write_report(folder)
    return folder.report


def test_the_report_draws_and_fetches_nothing(watched: Watched, report: Path) -> None:
    page = watched.page
    page.goto(report.as_uri())
    page.wait_for_selector("#main .scatterlayer .trace")
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    for name in ("oRD", "E&C", "iE&C", "S&C", "TS"):
        assert page.locator("#main .legendtext", has_text=name).count() >= 1
    for axis, title in (("x", "rate (bit/sample)"), ("y", "accuracy on test"), ("y2", "transmitter (KiB)")):
        assert page.locator(f"#main .{axis}title").text_content() == title


def test_a_click_on_a_column_sorts_the_front(watched: Watched, report: Path) -> None:
    page = watched.page
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
    assert watched.complaints == []


def _column(rows: list[str], column: int) -> list[float]:
    return [float(row.split("\t")[column].rstrip(" %")) for row in rows]


def test_the_report_works_in_mlflows_artifact_frame(watched: Watched, report: Path, tmp_path: Path) -> None:
    page = watched.page
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<iframe sandbox="allow-scripts" src="{report.as_uri()}" width="1200" height="900"></iframe>'
    )
    page.goto(outer.as_uri())
    page.frame_locator("iframe").locator("#main .scatterlayer .trace").first.wait_for()
    assert watched.complaints == []
