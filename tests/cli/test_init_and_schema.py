"""``ratefront init`` writes a valid first sweep file for many kinds of data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.data_files import RANDOM, pixels, write_classes, write_npz
from typer.testing import CliRunner

from ratefront.catalogue import CATALOGUE
from ratefront.cli import app
from ratefront.spec.load_spec import load_spec
from ratefront.spec.resource_check import families_of

pytestmark = pytest.mark.medium

NETWORK = """\
from collections import OrderedDict

from torch import nn


def net(classes, shape):
    pixels = shape[0] * shape[1] * shape[2]
    hidden = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 8))
    return nn.Sequential(OrderedDict(hidden=hidden, told=nn.Linear(8, classes)))
"""


def init(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["init", *map(str, arguments)])


def images(*shape: int) -> dict[str, Any]:
    return {"x_train": pixels(40, *shape), "x_test": pixels(8, *shape)}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "nets_for_init.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    return "nets_for_init:net"


def assert_checked(sweep_file: str) -> None:
    done = CliRunner().invoke(app, ["check", sweep_file])
    assert done.exit_code == 0, done.output
    spec = load_spec(sweep_file).spec
    assert set(families_of(spec)) == {"label", "split"}


@pytest.mark.parametrize(
    ("changes", "task_model"),
    [
        ({}, "residual_cnn"),
        (images(8, 8), "residual_cnn"),
        (images(28, 28), "residual_cnn"),
        (images(20, 30), "residual_cnn"),
        (images(32, 32, 3), "residual_cnn"),
        (images(96, 96, 3), "residual_cnn"),
        ({"x_train": RANDOM.normal(size=(40, 16, 3)), "x_test": RANDOM.normal(size=(8, 16, 3))}, "pointnet"),
        ({"y_train": np.arange(40) % 2, "y_test": np.arange(8) % 2}, "residual_cnn"),
        ({"y_train": np.arange(40) % 3, "y_test": np.arange(8) % 3}, "residual_cnn"),
        ({"y_train": np.arange(40) % 20}, "residual_cnn"),
    ],
)
def test_the_file_passes_the_check(changes: dict[str, Any], task_model: str) -> None:
    write_npz(Path("own.npz"), **changes)
    done = init("--data", "own.npz", "--out", "first.yaml")
    assert done.exit_code == 0, done.output
    assert_checked("first.yaml")
    spec = load_spec("first.yaml").spec
    assert spec.name == "own"
    assert spec.task_model.name == task_model
    assert spec.dataset.parameters["path"] == str(Path("own.npz").absolute())
    splits = spec.space["family"]["split"]["split"]
    assert tuple(splits) == CATALOGUE.task_models[task_model].facts["splits"]


@pytest.mark.parametrize(
    ("width", "height", "size"), [(12, 12, 12), (6, 5, 8), (40, 48, 40), (300, 200, 128)]
)
def test_a_folder_of_images_gives_a_valid_file(width: int, height: int, size: int) -> None:
    write_classes(Path("my photos"), 8, width=width, height=height)
    done = init("--data", "my photos")
    assert done.exit_code == 0, done.output
    assert_checked("sweep.yaml")
    spec = load_spec("sweep.yaml").spec
    assert spec.name == "my-photos"
    assert spec.dataset.parameters["root"] == str(Path("my photos").absolute())
    assert spec.dataset.parameters["size"] == size
    assert f"samples of 3×{size}×{size}, 2 classes; 12 train, 2 validate, 2 test" in done.stderr


def test_doubtful_data_give_a_warning() -> None:
    """As the check says it."""
    train, test = pixels(40, 9, 8), pixels(10, 9, 8) // 16
    write_npz(Path("own.npz"), x_train=train, x_test=test, y_test=np.arange(10) % 3)
    done = init("--data", "own.npz")
    assert done.exit_code == 0, done.output
    assert "warning: the test split has no sample of 1 of the 4 classes: class 3" in done.stderr
    assert "warning: x_test is about 17 times darker than x_train" in done.stderr


def test_a_data_set_by_its_name_gives_a_valid_file() -> None:
    done = init("--data", "digits")
    assert done.exit_code == 0, done.output
    assert_checked("sweep.yaml")
    assert "samples of 1×8×8, 10 classes; 1 077 train, 360 validate, 360 test" in done.stderr


def test_your_own_network_gets_its_valid_split_points(network: str) -> None:
    write_npz(Path("own.npz"))
    done = init("--data", "own.npz", "--task-model", network)
    assert done.exit_code == 0, done.output
    assert_checked("sweep.yaml")
    spec = load_spec("sweep.yaml").spec
    assert spec.task_model.parameters["target"] == network
    assert spec.space["family"]["split"]["split"] == ["hidden"]
    assert f"task model: {network}, 30 epochs" in done.stderr


def test_trained_weights_are_not_trained(network: str) -> None:
    from nets_for_init import net  # type: ignore[import-not-found]
    from safetensors.torch import save_file

    write_npz(Path("own.npz"))
    save_file(net(4, (1, 9, 8)).state_dict(), "own.safetensors")
    done = init("--data", "own.npz", "--task-model", network, "--weights", "own.safetensors")
    assert done.exit_code == 0, done.output
    assert_checked("sweep.yaml")
    assert load_spec("sweep.yaml").spec.task_model.parameters["epochs"] == 0
    assert "nothing is trained" in done.stderr


def test_init_prints_data_training_cost_and_the_next_commands() -> None:
    write_npz(Path("own.npz"))
    done = init("--data", "own.npz")
    assert done.stdout == "sweep.yaml\n"
    assert "data: samples of 1×9×8, 4 classes; 36 train, 4 validate, 8 test" in done.stderr
    cost = "residual_cnn (width 32), 30 epochs, takes about"
    assert f"task model: {cost}" in done.stderr
    assert "ratefront check sweep.yaml" in done.stderr
    assert "ratefront sweep sweep.yaml" in done.stderr
    header = Path("sweep.yaml").read_text(encoding="utf-8").split("name:")[0]
    assert "# Command   ratefront sweep sweep.yaml" in header
    assert cost in " ".join(line.lstrip("# ") for line in header.splitlines())
    assert "entropy of 2 bit" in header


@pytest.mark.parametrize("name", ["my data.npz", "1e5.npz", "null.npz", "ü{}: #'\".npz", "-x.npz", "...npz"])
def test_the_data_file_may_have_any_name(name: str) -> None:
    write_npz(Path(name))
    done = init(f"--data={name}")
    assert done.exit_code == 0, done.output
    assert load_spec("sweep.yaml").spec.dataset.parameters["path"] == str(Path(name).absolute())


def test_an_existing_file_is_not_overwritten() -> None:
    write_npz(Path("own.npz"))
    Path("sweep.yaml").write_text("mine")
    done = init("--data", "own.npz")
    assert done.exit_code == 2
    assert "sweep.yaml is there already and stays as it is; choose another file with --out\n" in done.stderr
    assert Path("sweep.yaml").read_text() == "mine"


def test_a_given_kind_is_written_into_the_file() -> None:
    write_npz(Path("own.npz"), x_train=RANDOM.random((40, 9, 3)), x_test=RANDOM.random((8, 9, 3)))
    assert "kind to images or points" in init("--data", "own.npz").stderr
    assert init("--data", "own.npz", "--kind", "points").exit_code == 0
    assert load_spec("sweep.yaml").spec.dataset.parameters["kind"] == "points"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": np.full(8, 7)}, "own.npz: y_test"),
        ({"x_train": pixels(40, 9, 8) * 1.0, "x_test": pixels(8, 9, 8) * 1.0}, "own.npz: x_train"),
        ({"x_train": RANDOM.normal(size=(40, 9, 8)), "x_test": RANDOM.normal(size=(8, 9, 8))}, "[0, 1]"),
        ({"x_train": np.full((40, 9, 8), np.nan), "x_test": np.zeros((8, 9, 8))}, "finite"),
        (images(4, 4), "no task model takes samples of shape (1, 4, 4)"),
    ],
)
def test_data_that_a_sweep_would_refuse_leave_no_file(changes: dict[str, Any], message: str) -> None:
    write_npz(Path("own.npz"), **changes)
    done = init("--data", "own.npz")
    assert done.exit_code == 2
    assert message in done.stderr
    assert not Path("sweep.yaml").exists()


def test_a_folder_that_a_sweep_would_refuse_leaves_no_file() -> None:
    write_classes(Path("photos"), 8)
    Path("photos/cat/torn.png").write_bytes(Path("photos/cat/00.png").read_bytes()[:60])
    done = init("--data", "photos")
    assert done.exit_code == 2
    assert "torn.png" in done.stderr
    assert not Path("sweep.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere.npz"), "there is no such file or folder"),
        (("--data", "mnits"), 'did you mean "mnist"?'),
        (("--data", "digits", "--kind", "points"), "--kind points says"),
        (("--data", "."), "no image files in it that can be read; endings found: "),
        (("--data", "digits", "--task-model", "module"), "package.module:function"),
        (("--data", "digits", "--task-model", "lenett"), "--task-model lenett: give package.module:function"),
        (("--data", "digits", "--task-model", "no_such_module:net"), "No module named"),
        (("--data", "digits", "--task-model", "pointnet"), "pointnet takes clouds"),
        (
            ("--data", "digits", "--weights", "own.pt"),
            "--weights is of a task model: say which with --task-model",
        ),
        (("--data", "digits", "--task-model", "small_cnn", "--weights", "own.pt"), "task_model.weights"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = init(*arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert not Path("sweep.yaml").exists()
