"""One browser a file of tests. Where there is none the tests are skipped, except where CI promises one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.chromium import CHROMIUM, Watched, chromium

expect.set_options(timeout=60_000)  # where all cores are busy, pages take their time


@pytest.fixture(scope="module", autouse=True)
def browser() -> Iterator[Browser]:
    """Before all else that a test asks for, so that a skip costs nothing."""
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("no chromium here: install Debian's chromium to run the browser tests")
    with chromium() as browser:
        yield browser


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    watched = Watched(browser.new_page())
    yield watched
    watched.page.close()
