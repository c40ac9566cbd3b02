"""``ratefront init``: a first sweep file that the check takes, for whatever one's own data are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.made import DRAW, pixels, write_npz
from typer.testing import CliRunner

from ratefront.catalogue import CATALOGUE
from ratefront.cli import app
from ratefront.spec.capacity import families_of
from ratefront.spec.load import load_spec


def init(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("changes", "task_model"),
    [
        ({}, "residual_cnn"),
        ({"x_train": pixels(40, 32, 32, 3), "x_test": pixels(8, 32, 32, 3)}, "residual_cnn"),
        ({"x_train": DRAW.normal(size=(40, 16, 3)), "x_test": DRAW.normal(size=(8, 16, 3))}, "pointnet"),
        ({"y_train": np.arange(40) % 2, "y_test": np.arange(8) % 2}, "residual_cnn"),
        ({"y_train": np.arange(40) % 3, "y_test": np.arange(8) % 3}, "residual_cnn"),
        ({"y_train": np.arange(40) % 20}, "residual_cnn"),
    ],
)
def test_the_file_passes_the_check(changes: dict[str, Any], task_model: str) -> None:
    write_npz(Path("own.npz"), **changes)
    done = init("--data", "own.npz", "--out", "first.yaml")
    assert done.exit_code == 0, done.output
    spec = load_spec("first.yaml").spec
    assert spec.name == "own"
    assert spec.task_model.name == task_model
    assert spec.dataset.parameters["path"] == str(Path("own.npz").absolute())
    assert set(families_of(spec)) == {"label", "split"}
    splits = spec.space["family"]["split"]["split"]
    assert tuple(splits) == CATALOGUE.task_models[task_model].facts["splits"]


def test_it_says_what_to_run_next_and_prints_the_file() -> None:
    write_npz(Path("own.npz"))
    done = init("--data", "own.npz")
    assert done.stdout == "sweep.yaml\n"
    assert "ratefront check sweep.yaml" in done.stderr
    assert "ratefront sweep sweep.yaml" in done.stderr
    header = Path("sweep.yaml").read_text(encoding="utf-8").split("name:")[0]
    assert "# Command   ratefront sweep sweep.yaml" in header
    assert "# Cost      not known" in header
    assert "entropy of 2 bit" in header


@pytest.mark.parametrize("name", ["my data.npz", "1e5.npz", "null.npz", "ü{}: #'\".npz", "-x.npz", "...npz"])
def test_the_data_may_be_called_anything(name: str) -> None:
    write_npz(Path(name))
    done = init(f"--data={name}")
    assert done.exit_code == 0, done.output
    assert load_spec("sweep.yaml").spec.dataset.parameters["path"] == str(Path(name).absolute())


def test_a_file_that_is_there_stays() -> None:
    write_npz(Path("own.npz"))
    Path("sweep.yaml").write_text("mine")
    done = init("--data", "own.npz")
    assert done.exit_code == 2
    assert "sweep.yaml is there already" in done.stderr
    assert Path("sweep.yaml").read_text() == "mine"


def test_the_kind_is_kept_where_it_had_to_be_said() -> None:
    write_npz(Path("own.npz"), x_train=DRAW.random((40, 9, 3)), x_test=DRAW.random((8, 9, 3)))
    assert "kind to images or points" in init("--data", "own.npz").stderr
    assert init("--data", "own.npz", "--kind", "points").exit_code == 0
    assert load_spec("sweep.yaml").spec.dataset.parameters["kind"] == "points"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": np.full(8, 7)}, "own.npz: y_test: must hold labels of y_train alone, 0 to 3, got 7"),
        (
            {"x_train": pixels(40, 4, 4), "x_test": pixels(8, 4, 4)},
            "no task model takes samples of shape (1, 4, 4)",
        ),
    ],
)
def test_data_that_cannot_be_used_leave_no_file(changes: dict[str, Any], message: str) -> None:
    write_npz(Path("own.npz"), **changes)
    done = init("--data", "own.npz")
    assert done.exit_code == 2
    assert message in done.stderr
    assert not Path("sweep.yaml").exists()
