"""A real sweep of four trials on the digits, run once as a user of the library runs one."""

from __future__ import annotations

from pathlib import Path

import pytest

import ratefront as rf

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"

#: What makes the sweep file's sweep one that takes seconds.
SMALL = {"trials": 4, "training.epochs": 2, "task_model.epochs": 2}


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> rf.Sweep:
    folder = tmp_path_factory.mktemp("library") / "a"
    return rf.run(DIGITS, folder, overrides=SMALL, progress=False)
