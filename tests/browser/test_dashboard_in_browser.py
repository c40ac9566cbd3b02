"""The Optuna Dashboard in a real browser: it draws the front, follows the sweep, and deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.browser.chromium import Watched
from tests.builders import result
from tests.tracking.dashboard_process import Served, dashboard
from tests.tracking.dashboard_sweep import every_ending

from ratefront.history.events import Finished

pytestmark = pytest.mark.slow

POINTS = "#graph-pareto-front .scatterlayer .point"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with dashboard(every_ending(tmp_path_factory.mktemp("runs"))) as served:
        yield served


@pytest.fixture(autouse=True)
def _patience(watched: Watched) -> None:
    """The page is six megabytes of JavaScript: on a busy machine it takes a while."""
    watched.page.set_default_timeout(120_000)


def wait_for_points(watched: Watched, count: int) -> None:
    watched.page.wait_for_function(f"document.querySelectorAll('{POINTS}').length === {count}")


def test_the_dashboard_draws_the_front_as_the_sweep_goes_on(watched: Watched, served: Served) -> None:
    watched.page.goto(served.address)
    wait_for_points(watched, 7)  # six finished and, pale, the collapsed one
    for name in ("digits (id=0)", "rate_bits", "accuracy"):
        assert watched.page.get_by_text(name, exact=True).count() >= 1
    served.sweep.append(Finished("t0009", 1, result("t0009", 12.0, 0.95, 30_000).to_json()))
    watched.page.reload()
    wait_for_points(watched, 8)
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith((served.base, "data:", "blob:"))] == []


def test_a_trial_shows_what_was_measured_on_test(watched: Watched, served: Served) -> None:
    watched.page.goto(f"{served.address}/trials?numbers=6")
    for shown in (
        "status collapsed",
        "test/accuracy 0.11",
        "status_reason no better than the majority class",
    ):
        watched.page.get_by_text(shown, exact=True).first.wait_for()
    assert watched.complaints == []


def test_a_study_cannot_be_deleted(watched: Watched, served: Served) -> None:
    page = watched.page
    page.goto(f"{served.base}/dashboard")
    page.get_by_label("delete study").click()
    page.get_by_role("button", name="Yes").click()
    page.get_by_text("Failed to delete study").wait_for()
    page.reload()
    page.get_by_text("digits").first.wait_for()
