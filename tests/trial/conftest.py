"""A sweep's folder for trials, with a task model in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.trial.trial_context import TrialContext


@pytest.fixture(scope="session")
def context(task_model_folder: Path) -> TrialContext:
    return TrialContext(small_sweep_spec(), task_model_folder.parent)


@pytest.fixture(scope="session")
def short_context(task_model_folder: Path) -> TrialContext:
    """Five epochs."""
    return TrialContext(small_sweep_spec(training={"epochs": 5}), task_model_folder.parent)
