"""Sweeps whose processes tests kill, and the same sweep undisturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.real_sweeps import RealSweep
from tests.chaos.trial_accounting import assert_accounted, measured

from ratefront.store.sweep_folder import SweepFolder


@pytest.fixture
def new_sweep(tmp_path: Path) -> Iterator[Callable[..., RealSweep]]:
    """Make sweeps of so many trials, each in a folder of its own; at the end no process of theirs is left."""

    def begin(trials: int, place: Path = tmp_path) -> RealSweep:
        return stack.enter_context(closing(RealSweep(SweepFolder(place / "runs" / "digits"), trials)))

    with ExitStack() as stack:
        yield begin


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Callable[[int], Any]:
    """Front and measurements of the same sweep if nothing disturbs it."""

    @lru_cache
    def run(trials: int) -> Any:
        folder = SweepFolder(tmp_path_factory.mktemp("undisturbed_sweep") / "runs" / "digits")
        with closing(RealSweep(folder, trials)) as undisturbed_sweep, undisturbed_sweep.driver() as driver:
            code, errors = driver.end()
        assert code == 0, errors
        assert_accounted(undisturbed_sweep.folder, trials)
        return measured(undisturbed_sweep.folder)

    return run
