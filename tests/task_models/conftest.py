"""Fixtures for tests of task models: one thread, with which small networks train fastest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ratefront.trial.threads import use_threads


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = use_threads(1)
    yield
    use_threads(before)
