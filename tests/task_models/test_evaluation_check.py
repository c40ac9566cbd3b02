"""A task model that is not a function of a sample in evaluation mode is refused; the stage is named."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from tests.small_sweep import small_sweep_spec
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.errors import InputError, SpecError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import Named
from ratefront.spec.yaml_text import read_yaml, write_yaml
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.own_network.evaluation_check import check_evaluation, check_stages, random_samples
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.task_models.task_model import TaskModel

ROOT = Path(__file__).parents[2]
SHAPE = (1, 8, 8)
SHAPES = {
    "small_cnn": SHAPE,
    "residual_cnn": SHAPE,
    "lenet": (1, 28, 28),
    "resnet18": (3, 32, 32),
    "vgg16": (3, 32, 32),
    "pointnet": (32, 3),
}


class Does(nn.Module):
    """A stage that does what a function says, with a buffer and a count to do it with."""

    total: Tensor

    def __init__(self, what: Callable[[Does, Tensor], Tensor]) -> None:
        super().__init__()
        self.what, self.calls = what, 0
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("total", torch.zeros(1))
        self.register_buffer("hidden", torch.zeros(1), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        self.calls += 1
        return self.what(self, value)


def _model(stage: nn.Module) -> TaskModel:
    torch.manual_seed(0)
    return TaskModel(
        [
            ("conv.0", nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())),
            ("hidden.1", stage),
            ("classifier", nn.Sequential(nn.Flatten(), nn.Linear(256, 10))),
        ]
    )


def _counted(stage: Does, value: Tensor) -> Tensor:
    stage.total += 1
    return value


def _moved_in_secret(stage: Does, value: Tensor) -> Tensor:
    stage.hidden = 0.9 * stage.hidden + 0.1 * value.mean()
    return value


def _weight_moved(stage: Does, value: Tensor) -> Tensor:
    stage.weight.mul_(0.5)
    return value * stage.weight


def _added_in_place(stage: Does, value: Tensor) -> Tensor:
    value += 1
    return value


def _view_changed(stage: Does, value: Tensor) -> Tensor:
    value.flatten(1)[:, :3].zero_()
    return value.clone()


def _seldom(stage: Does, value: Tensor) -> Tensor:
    """One unit in a hundred."""
    return value * (torch.rand_like(value) > 0.01)


RANDOM = "gives another output for the same input in evaluation mode"
BATCH = "gives a sample another output alone than beside other samples"
IN_PLACE = "changes its input in place"
FAULTS: dict[str, tuple[nn.Module, str]] = {
    "dropout": (Does(lambda stage, x: F.dropout(x, 0.3)), RANDOM),
    "a unit in a hundred": (Does(_seldom), RANDOM),
    "noise": (Does(lambda stage, x: x + 0.01 * torch.randn_like(x)), RANDOM),
    "every other call": (Does(lambda stage, x: x * (1 + stage.calls % 2)), RANDOM),
    "batch statistics": (nn.BatchNorm2d(4, track_running_stats=False), BATCH),
    "functional batch norm": (Does(lambda stage, x: F.batch_norm(x, None, None, training=True)), BATCH),
    "centred": (Does(lambda stage, x: x - x.mean(dim=0)), BATCH),
    "largest of a batch": (Does(lambda stage, x: x / x.max()), BATCH),
    "rolled": (Does(lambda stage, x: x.roll(1, dims=0)), BATCH),
    "a count": (Does(_counted), "changes its own total in evaluation mode"),
    "a momentum": (Does(_moved_in_secret), "changes its own hidden in evaluation mode"),
    "a weight": (Does(_weight_moved), "changes its own weight in evaluation mode"),
    "ReLU in place": (nn.LeakyReLU(inplace=True), IN_PLACE),
    "an operator in place": (Does(_added_in_place), IN_PLACE),
    "a view": (Does(_view_changed), IN_PLACE),
    "one sample only": (Does(lambda stage, x: x.reshape(1, 4, 8, 8)), "cannot be evaluated on .* sample"),
    "samples in one": (
        Does(lambda stage, x: x.mean(dim=0, keepdim=True)),
        "must give a tensor whose first dimension is",
    ),
    "two outputs": (Does(lambda stage, x: (x, x)), "must give a tensor .* got tuple"),  # type: ignore[arg-type, return-value]
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_invalid_stage_is_named(fault: str) -> None:
    stage, message = FAULTS[fault]
    with pytest.raises(InputError, match=f"^target mine:net: stage hidden.1 {message}"):
        check_evaluation(_model(stage), random_samples(SHAPE), "target mine:net")


def test_the_last_stage_is_checked() -> None:
    model = TaskModel(
        [("flat", nn.Flatten()), ("classifier", nn.Sequential(nn.Linear(64, 10), Does(_seldom)))]
    )
    with pytest.raises(InputError, match="stage classifier gives another output"):
        check_evaluation(model, random_samples(SHAPE), "it")


def test_stages_are_checked_despite_another_forward() -> None:
    class Noisy(TaskModel):
        def forward(self, images: Tensor) -> Tensor:
            return F.dropout(super().forward(images), 0.3)

    with pytest.raises(InputError, match="it: its stages in sequence do not compute what the network does"):
        check_stages(Noisy([*_model(nn.Identity()).stages.items()]), random_samples(SHAPE), "it")


def _table(stage: Does, value: Tensor) -> Tensor:
    if not hasattr(stage, "table"):
        stage.register_buffer("table", torch.linspace(0, 1, 8), persistent=False)
    return value + stage.table


@pytest.mark.parametrize(
    "stage",
    [
        nn.Dropout(0.5),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)),
        Does(lambda stage, x: F.dropout(x, 0.3, stage.training)),
        Does(lambda stage, x: _counted(stage, x) if stage.training else x),
        Does(_table),
        Does(lambda stage, x: torch.full_like(x, torch.nan)),
        nn.GroupNorm(2, 4),
    ],
)
def test_randomness_in_training_only_is_accepted(stage: nn.Module) -> None:
    check_evaluation(_model(stage), random_samples(SHAPE), "it")


@pytest.mark.parametrize("name", SHAPES)
def test_task_models_of_the_catalogue_are_accepted(name: str) -> None:
    """One of each kind: the larger residual networks have the same stages."""
    shape = SHAPES[name]
    check_evaluation(build_task_model(Named(name=name), 10, shape), random_samples(shape)[:2], name)


def test_modes_and_random_states_stay_the_same() -> None:
    model = _model(Does(lambda stage, x: F.dropout(x, 0.3)))
    model.stages["conv/0"].eval()
    modes = [part.training for part in model.modules()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with pytest.raises(InputError, match=RANDOM):
        check_evaluation(model, random_samples(SHAPE), "it")
    assert torch.equal(torch.rand(3), expected)
    assert [part.training for part in model.modules()] == modes


CODE = """
from collections import OrderedDict
import torch
from torch import nn
from torch.nn import functional as F

class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.moved = nn.Linear(64, 32), torch.zeros(32)
        self.register_buffer("large", torch.full((32,), 65535.0))

    def forward(self, x):
        return WHAT

def net(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), hidden=Hidden(), classifier=nn.Linear(32, classes)))
"""
LEARNED_OUTSIDE = """self.learned(F.relu(self.inner(x)))

    def learned(self, features):
        if self.training:
            self.moved = 0.9 * self.moved + 0.1 * features.detach().mean(dim=0)
        return features - self.moved"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A user's task model whose stage ``hidden`` returns an expression of its input ``x``."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)

    def write(expression: str) -> dict[str, Any]:
        (tmp_path / "checked_net.py").write_text(CODE.replace("WHAT", expression))
        importlib.invalidate_caches()
        return {"name": "module", "target": "checked_net:net", "epochs": 1}

    yield write
    sys.modules.pop("checked_net", None)


DROPPED = "F.dropout(F.relu(self.inner(x)), 0.3)"


def test_a_check_of_the_sweep_file_names_the_stage(
    net: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    plain = read_yaml((ROOT / "sweeps" / "digits.yaml").read_text()) | {"task_model": net(DROPPED)}
    plain["space"] = {"family": {"label": {}}}
    (tmp_path / "sweep.yaml").write_text(write_yaml(plain))
    with pytest.raises(SpecError, match=rf"task_model: target checked_net:net: stage hidden {RANDOM}"):
        load_spec(tmp_path / "sweep.yaml")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (DROPPED, f"stage hidden {RANDOM}"),
        # only on real samples: the random ones of the check have no blank pixel
        ("F.dropout(self.inner(x), 0.3, training=bool((x == 0).any()))", f"stage hidden {RANDOM}"),
        # of a few samples only, which a stage that is tried on a few will not meet: the second pass does
        (
            "self.inner(x) + torch.rand(()) * (x[:, 36:37] == 0) * (x[:, 28:29] > 0.5)",
            f"stage hidden {RANDOM}",
        ),
        (LEARNED_OUTSIDE, r"as stored it gives \d+ of \d+ samples other logits than before.*register_buffer"),
    ],
)
def test_preparing_the_task_model_names_the_stage(
    net: Callable[[str], dict[str, Any]], tmp_path: Path, expression: str, message: str
) -> None:
    spec = small_sweep_spec(task_model=net(expression))
    with pytest.raises(InputError, match=f"target checked_net:net: {message}"):
        prepare_task_model(spec, tmp_path / "model")


def test_a_buffer_damaged_by_storing_is_noticed(
    net: Callable[[str], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_sweep_spec(task_model=net("self.inner(x) * (self.large / 65535)"))

    def in_half_precision(tensors: dict[str, Tensor]) -> bytes:
        return save({name: tensor.half() for name, tensor in tensors.items()})

    monkeypatch.setattr("ratefront.task_models.stored_task_model.save", in_half_precision)
    with pytest.raises(InputError, match=r"as stored it gives \d+ of \d+ samples other logits than before"):
        prepare_task_model(spec, tmp_path / "model")
