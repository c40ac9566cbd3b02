"""Screenshots of MLflow's pages for the documentation, of a sweep that was really run.

``python -m tests.browser.screenshots SWEEP_DIR docs/images`` sends the sweep to a server of its own and browses there.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from tests.browser.chromium import chromium
from tests.browser.mlflow_page_objects import NAME, RunsTable, chart, note, open_artifact, traces, visitor
from tests.tracking.mlflow_servers import MlflowServer

import ratefront as rf
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.mlflow_pages import find_sweep, page_addresses, sweep_of
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.tracking_uri import sqlite_uri

#: "Model training" was once chosen at the top left; it is kept.
FOR_TRAINING = """localStorage.setItem('mlflow.workflowType_v1', '"machine_learning"')"""
WIDTH, HEIGHT = 1480, 860
LIMIT_BYTES = 250_000
COMPARED = 8
REST_MS = 2_000  # in which all that appears little by little has appeared


def main(folder: Path, out: Path) -> None:
    sweep = sweep_of(SweepFolder(folder))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        store = Path(kept) / "mlflow.db"
        MlflowStore(sqlite_uri(store), "other")
        with MlflowServer(sqlite_uri(store), Path(kept)) as server, chromium() as browser:
            rf.open(folder).track(server.uri)
            found = page_addresses(server.uri, find_sweep(server.uri, sweep), sweep)
            person = visitor(browser, WIDTH, HEIGHT)
            person.add_init_script(FOR_TRAINING)
            page = person.new_page()
            shoot_trials(page, found[f"trials of {sweep.name}"], out)
            shoot_report(page, found["the sweep itself"], out)


def shoot_trials(page: Page, address: str, out: Path) -> None:
    """The table; charts; learned codecs of the front compared; the page of the most accurate of them."""
    table = RunsTable(page)
    table.open(address)
    page.locator(".ag-row .ag-cell", has_text="true").first.wait_for()
    save(page, out / "mlflow-table.png")
    rows = list(zip(table.column(NAME), table.column("tags.`pareto`"), strict=False))
    learned = [row for row, (name, pareto) in enumerate(rows) if pareto == "true" and " label " not in name]
    best = rows[learned[0]][0]
    table.show_charts()
    traces(chart(page, "test/rate_bits vs. test/accuracy"))
    save(page, out / "mlflow-charts.png")
    table.open(address)
    for row in learned[:COMPARED]:
        table.select(row)
    table.compare()
    page.get_by_role("button", name="Clear All").click()
    choose(page, 0, ["hp/split", "hp/entropy_model", "hp/width", "hp/beta"])
    choose(page, 1, ["test/rate_bits", "test/accuracy"])
    page.locator(".axis-title", has_text="test/accuracy").wait_for()
    save(page, out / "mlflow-compare.png")
    table.open(address)
    page.get_by_role("link", name=best).click()
    note(page).wait_for()
    page.get_by_text("Show more").first.click()
    save(page, out / "mlflow-trial.png")


def choose(page: Page, field: int, names: list[str]) -> None:
    """Axes of the plot of parallel coordinates, in one of its fields; of a long list only a part is in the document."""
    page.locator(".du-bois-light-select").nth(field).click()
    options = page.locator(".du-bois-light-select-dropdown").filter(visible=True)
    for name in names:
        option = options.locator(f'[title="{name}"]')
        options.hover()
        page.mouse.wheel(0, -10_000)
        while not option.is_visible():
            page.mouse.wheel(0, 100)
            page.wait_for_timeout(100)
        option.click()
    page.keyboard.press("Escape")


def shoot_report(page: Page, address: str, out: Path) -> None:
    page.goto(address)
    report = open_artifact(page, "report.html")
    plot = report.locator("#main")
    plot.locator(".scatterlayer .trace").first.wait_for()
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT + 240})
    plot.evaluate("plot => plot.scrollIntoView()")
    save(page, out / "mlflow-report.png")


def save(page: Page, path: Path) -> None:
    """As a file of at most ``LIMIT_BYTES``: 256 colours do for a page."""
    page.wait_for_timeout(REST_MS)
    shown = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    shown.convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    assert size <= LIMIT_BYTES, f"{path} has {size} bytes"
    print(path, size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
