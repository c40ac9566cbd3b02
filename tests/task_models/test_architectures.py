"""Every architecture has the split points, strides and sample shapes that the catalogue declares."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.split_points import inside_stage
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.errors import InputError, UnknownNameError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.task_model import TaskModel

#: Shapes of samples, the odd ones among them, for every architecture that is built in.
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "small_cnn": [(1, 8, 8), (3, 8, 8)],
    "lenet": [(1, 28, 28), (3, 32, 32)],
    "residual_cnn": [(1, 8, 8), (2, 9, 13)],
    "pointnet": [(5, 3), (40, 3)],
    "resnet18": [(1, 32, 32), (3, 37, 50)],
    "resnet34": [(1, 33, 32)],
    "resnet50": [(3, 37, 50)],
    "resnet101": [(3, 33, 65)],
    "vgg16": [(1, 32, 32), (3, 37, 50)],
}
CASES = [(name, shape) for name, shapes in SHAPES.items() for shape in shapes]
SMALL = ["small_cnn", "lenet", "residual_cnn", "pointnet", "resnet18"]


def built(name: str, shape: tuple[int, ...], classes: int = 7, **parameters: Any) -> TaskModel:
    return build_task_model(Named(name=name, **parameters), classes, shape).eval()


def test_every_task_model_of_the_catalogue_is_tested() -> None:
    assert {*SHAPES, "module"} == set(CATALOGUE.task_models)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_split_points_and_strides_are_as_declared(name: str, shape: tuple[int, ...]) -> None:
    facts = CATALOGUE.task_models[name].facts
    with torch.device("meta"):
        model = built(name, shape)
        value = torch.empty(2, *shape)
    assert model.splits == facts["splits"]
    for stage, stride in zip(model.stages.values(), (*facts["strides"], 0), strict=True):
        value = stage(value)
        if stride:
            assert value.shape[2:] == tuple(math.ceil(side / stride) for side in shape[1:])
        else:
            assert value.dim() < 4
    assert value.shape == (2, 7)


@pytest.mark.parametrize("name", SMALL)
def test_front_and_back_end_compute_the_whole_model(name: str) -> None:
    shape = SHAPES[name][-1]
    model, samples = built(name, shape), torch.rand(3, *shape)
    with torch.no_grad():
        whole = model(samples)
        for split in model.splits:
            features = model.front_end(split)(samples)
            kept = features.clone()
            assert torch.equal(model.back_end(split)(features), whole)
            assert torch.equal(features, kept), "the back end writes into what it is given"


@pytest.mark.parametrize(("split", "mebibytes"), [("layer3.3", 12.16), ("layer4.0", 28), ("pool", 45.06)])
def test_macs_of_resnet50_agree_with_published_ones(split: str, mebibytes: float) -> None:
    """MA §IV.B; without the classifier ``pool`` is the whole."""
    with torch.device("meta"):
        model = built("resnet50", (3, 224, 224), classes=1000)
    assert module_bytes(model.front_end(split)) / 2**20 == pytest.approx(mebibytes, rel=0.003)


@pytest.mark.parametrize("cut", ["front_end", "back_end"])
def test_a_cut_inside_a_residual_block_is_refused(cut: str) -> None:
    with torch.device("meta"):
        model = built("resnet18", (3, 32, 32))
    with pytest.raises(
        UnknownNameError, match=r"inside the residual block layer3\.1: .*cut at layer3\.0 or"
    ) as caught:
        getattr(model, cut)("layer3.1.conv2")
    assert caught.value.valid == model.splits
    assert "layer3.0, layer3.1, layer4.0" in str(caught.value)


def test_points_inside_a_stage_are_explained() -> None:
    splits = ("stem", "layer1.1", "layer1.10", "pool")
    assert inside_stage("layer1.2", splits) is None
    assert inside_stage("layer1.10", splits) is None
    assert "cut at layer1.1 or layer1.10" in (inside_stage("layer1.10.conv1", splits) or "")
    assert (inside_stage("stem.0", splits) or "").endswith(
        "the stage stem, whose only end is known; cut at stem"
    )


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "lenet",
            (3, 96, 96),
            r"lenet takes images \(C, 28, 28\) or \(C, 32, 32\), but .* images \(3, 96, 96\)",
        ),
        ("lenet", (1, 28, 32), r"images \(1, 28, 32\)"),
        (
            "small_cnn",
            (1, 28, 28),
            r"small_cnn takes images \(C, 8, 8\), but .* stl10 are images \(1, 28, 28\)",
        ),
        ("residual_cnn", (1, 7, 8), r"of at least 8×8 pixels, but"),
        ("resnet18", (3, 31, 64), r"images \(1 or 3, H, W\) of at least 32×32 pixels"),
        ("resnet18", (2, 64, 64), r"images \(2, 64, 64\)"),
        ("vgg16", (1024, 3), r"clouds \(1024, 3\)"),
        ("pointnet", (3, 32, 32), r"pointnet takes clouds \(P, 3\), but .* images \(3, 32, 32\)"),
        ("pointnet", (1024, 2), r"clouds \(1024, 2\)"),
    ],
)
def test_samples_of_a_wrong_shape_are_refused(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_task_model(Named(name=name), 10, shape, "stl10")


def test_grey_images_are_repeated() -> None:
    model, grey = built("resnet18", (1, 32, 32)), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(grey), model(grey.repeat(1, 3, 1, 1)))


def test_the_order_of_points_does_not_matter() -> None:
    model, clouds = built("pointnet", (30, 3)), torch.rand(4, 30, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(clouds[:, torch.randperm(30)]), model(clouds))
