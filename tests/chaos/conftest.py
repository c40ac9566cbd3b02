"""Sweeps to kill, and the same sweep undisturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.accounts import assert_accounted, measured
from tests.chaos.stage import Stage

from ratefront.store.sweep_folder import SweepFolder


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Sweeps of so many trials, each in a folder of its own; at the end no process of theirs is left."""

    def begin(trials: int, place: Path = tmp_path) -> Stage:
        return stack.enter_context(closing(Stage(SweepFolder(place / "runs" / "digits"), trials)))

    with ExitStack() as stack:
        yield begin


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Callable[[int], Any]:
    """Front and measurements of the same sweep when nothing happens to it."""

    @lru_cache
    def run(trials: int) -> Any:
        folder = SweepFolder(tmp_path_factory.mktemp("calm") / "runs" / "digits")
        with closing(Stage(folder, trials)) as calm, calm.driver() as driver:
            code, said = driver.end()
        assert code == 0, said
        assert_accounted(calm.folder, trials)
        return measured(calm.folder)

    return run
