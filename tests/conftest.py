"""What tests of several rooms share: one trained task model a session, kept out of the user's cache."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# One thread computes: the same bits everywhere, and several processes at a time do not get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, so that a change is judged by what it changes; new ones are sought with
# `pytest --hypothesis-profile=default`.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests neither read nor write the user's cache of task models."""
    before = os.environ.get("RATEFRONT_CACHE")
    folder = tmp_path_factory.mktemp("cache")
    os.environ["RATEFRONT_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["RATEFRONT_CACHE"]
    else:
        os.environ["RATEFRONT_CACHE"] = before


@pytest.fixture(scope="session")
def task_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits task model, trained for as long as ``small_sweep_spec`` says."""
    from tests.small_sweep import small_sweep_spec

    from ratefront.task_models.prepare_task_model import prepare_task_model
    from ratefront.trial.threads import use_threads

    use_threads(1)
    folder = tmp_path_factory.mktemp("sweep")
    prepare_task_model(small_sweep_spec(), folder / "task_model")
    return folder / "task_model"


@pytest.fixture
def short_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pruned networks are trained for 70 steps instead of 850, where a test does not ask how close they get."""
    module = importlib.import_module("ratefront.codecs.reduction.reduce_network")
    monkeypatch.setattr(module, "_STEPS", 10)
    monkeypatch.setattr(module, "_LAST_STEPS", 40)
