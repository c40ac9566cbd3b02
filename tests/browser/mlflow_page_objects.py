"""MLflow's pages as a person uses them: the table of runs, plots, a run's tabs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, TimeoutError

TIMEOUT_MS = 60_000
NAME = "attributes.`Run Name`"
#: A panel with an assistant, which opens by itself at the first visit, has been seen.
_GREETED = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
#: Rows stand in the document in any order; where they are on the screen, their index tells.
_COLUMN = """
    key => [...document.querySelectorAll('.ag-row [col-id]')]
        .filter(cell => cell.getAttribute('col-id') === key)
        .map(cell => [Number(cell.closest('.ag-row').getAttribute('row-index')), cell.innerText])
        .sort((one, other) => one[0] - other[0])
        .map(([, text]) => text.split('\\n').at(-1))"""


def visitor(browser: Browser, width: int = 1900, height: int = 1100) -> BrowserContext:
    """Somebody who has been here before; their pages fetch MLflow's scripts once."""
    visitor = browser.new_context(viewport={"width": width, "height": height})
    visitor.set_default_timeout(TIMEOUT_MS)
    visitor.add_init_script(_GREETED)
    return visitor


@dataclass
class RunsTable:
    """The table of runs. Its columns go by MLflow's names for them, as ``tags.`pareto```."""

    page: Page

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.page.locator(".ag-row").first.wait_for()

    def column(self, key: str) -> list[str]:
        """Its texts, from the first row to the last."""
        found: list[str] = self.page.evaluate(_COLUMN, key)
        return found

    def expect(self, key: str, texts: Sequence[str]) -> None:
        """Wait for exactly these in the column; where they do not come, say what is there instead."""
        is_there = f"([key, texts]) => JSON.stringify(({_COLUMN})(key)) === texts"
        with suppress(TimeoutError):
            self.page.wait_for_function(is_there, arg=[key, _as_json(texts)])
        assert self.column(key) == list(texts)

    def columns(self) -> list[str]:
        """Those on the screen, from left to right."""
        place_and_key = (
            "cells => cells.map(cell => [cell.getBoundingClientRect().x, cell.getAttribute('col-id')])"
        )
        found = self.page.locator(".ag-header-cell[col-id]").evaluate_all(place_and_key)
        return [str(key) for _, key in sorted(found)]

    def sort_by(self, metric: str) -> None:
        """Once more turns the order round."""
        self.page.get_by_test_id(f"sort-header-{metric}").click()

    def select(self, row: int) -> None:
        self.page.locator(f'.ag-row[row-index="{row}"] .ag-checkbox-input').first.click()

    def compare(self) -> None:
        self.page.get_by_role("button", name="Compare", exact=True).click()
        self.page.get_by_role("heading", name="Comparing").wait_for()

    def show_charts(self) -> None:
        """Beside the names of the runs, in place of the columns."""
        self.page.locator('label:has(input[value="CHART"])').click()

    def open_view(self, key: str) -> None:
        """Choose it in the menu of views."""
        self.page.get_by_test_id("saved-views-trigger").click()
        self.page.get_by_test_id(f"saved-views-item-{key}").click()


def chart(page: Page, title: str) -> Locator:
    """The plot of the card with this title."""
    card = page.get_by_test_id("experiment-view-compare-runs-card").filter(has_text=title)
    return card.locator(".js-plotly-plot")


def traces(plot: Locator) -> list[dict[str, Any]]:
    """What the plot draws, in plotly's words: type, x, y, dimensions; once it is there, drawn on an area."""
    plot.locator("svg.main-svg, canvas").first.wait_for()
    found: list[dict[str, Any]] = plot.evaluate(
        "plot => plot.data.map(({type, x, y, dimensions}) => ({type, x, y, dimensions}))"
    )
    return found


def points(plot: Locator) -> set[tuple[float, float]]:
    """The marks of a scatter plot."""
    return {
        (float(x), float(y)) for trace in traces(plot) for x, y in zip(trace["x"], trace["y"], strict=True)
    }


def choose_axis(page: Page, axis: str, metric: str) -> None:
    """In the scatter plot of compared runs; ``axis`` is x or y."""
    page.locator(f"#{axis}-axis-selector").click()
    page.get_by_role("option", name=metric, exact=True).click()


def note(page: Page) -> Locator:
    """A run's description, as Markdown is shown."""
    return page.get_by_test_id("note-editor-preview-content")


def open_artifact(page: Page, name: str) -> FrameLocator:
    """Open a file of the run whose page this is; gives the frame that it is shown in."""
    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text(name, exact=True).click()
    return page.frame_locator("iframe.mlflow-html-iframe")


def _as_json(texts: Sequence[str]) -> str:
    """As ``JSON.stringify`` writes it."""
    return json.dumps(list(texts), ensure_ascii=False, separators=(",", ":"))
