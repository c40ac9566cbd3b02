"""Sweeps to kill, and the same sweep undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.accounts import assert_accounted, measured
from tests.chaos.stage import Stage

from ratefront.store.folder import SweepFolder


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[int], Stage]:
    """A sweep of so many trials in a folder of its own."""
    return lambda trials: Stage(SweepFolder(tmp_path / "runs" / "digits"), trials)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Callable[[int], Any]:
    """Front and measurements of the same sweep when nothing happens to it."""

    @lru_cache
    def run(trials: int) -> Any:
        calm = Stage(SweepFolder(tmp_path_factory.mktemp("calm") / "runs" / "digits"), trials)
        with calm.driver() as driver:
            code, said = driver.end()
        assert code == 0, said
        assert_accounted(calm.folder, trials)
        return measured(calm.folder)

    return run
