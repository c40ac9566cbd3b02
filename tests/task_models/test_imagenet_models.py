"""torchvision's weights are found, checked, and frozen except for a new classifier."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torchvision import models

from ratefront.catalogue.task_models import TASK_MODELS, ImageNetParameters
from ratefront.data.dataset import Dataset, Split
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.architectures.imagenet_models import ImageNetModel
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.training.train_task_model import train_task_model

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def learned() -> models.ResNet:
    """A network as ImageNet might have made it: of 1000 classes, its statistics moved."""
    torch.manual_seed(5)
    network = models.resnet18().train()
    with torch.no_grad():
        network(torch.rand(4, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def file(learned: models.ResNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights in torchvision's format and under a name of torchvision's kind."""
    content = io.BytesIO()
    torch.save(learned.state_dict(), content)
    checksum = hashlib.sha256(content.getvalue()).hexdigest()[:8]
    path: Path = tmp_path_factory.mktemp("weights") / f"resnet18-{checksum}.pth"
    path.write_bytes(content.getvalue())
    return path


@pytest.fixture
def weights(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the file is looked for; there is no network."""
    monkeypatch.setenv("RATEFRONT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _no_network)
    (tmp_path / "data" / "weights").mkdir(parents=True)
    return tmp_path / "data" / "weights"


def _no_network(*_: Any, **__: Any) -> None:
    raise URLError("no route to host")


def resnet(file: Path, classes: int, **parameters: Any) -> ImageNetModel:
    model = build_task_model(Named(name="resnet18", pretrained=True, **parameters), classes, (1, 32, 32))
    assert isinstance(model, ImageNetModel)
    model._url = f"https://weights.invalid/models/{file.name}"
    return model.eval()


def random_dataset(classes: int) -> Dataset:
    random = np.random.default_rng(0)
    split = Split(random.random((8, 1, 32, 32), dtype=np.float32), np.arange(8) % classes)
    return Dataset("random", classes, 8192, split, split, split)


def test_imagenet_classes_need_no_training(file: Path, weights: Path, learned: models.ResNet) -> None:
    shutil.copy(file, weights)
    model = resnet(file, 1000, epochs=0)
    model.load_pretrained()
    assert not any(weight.requires_grad for weight in model.parameters())
    mean, deviation = (
        torch.tensor(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        expected = learned((images.repeat(1, 3, 1, 1) - mean) / deviation)
        torch.testing.assert_close(model(images), expected)


def test_weights_are_found_in_the_torch_hub_cache(file: Path, weights: Path) -> None:
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints"
    checkpoints.mkdir(parents=True)
    shutil.copy(file, checkpoints)
    resnet(file, 1000).load_pretrained()


@pytest.mark.parametrize("fine_tune", [False, True])
def test_a_new_classifier_is_trained_the_rest_on_request(file: Path, weights: Path, fine_tune: bool) -> None:
    shutil.copy(file, weights)
    parameters = {"epochs": 1, "batch_size": 4, "fine_tune": fine_tune}
    model = resnet(file, 4, **parameters)
    model.load_pretrained()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    named = TASK_MODELS["resnet18"].parameters(pretrained=True, **parameters)
    train_task_model(model, random_dataset(4), named, "cpu")
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    if fine_tune:
        assert len(moved) == len(before)
    else:
        assert moved == {"stages.classifier.weight", "stages.classifier.bias"}


def test_an_untrained_new_classifier_is_refused(file: Path, weights: Path) -> None:
    shutil.copy(file, weights)
    with pytest.raises(InputError, match="must be ≥ 1 to train a classifier of 4 classes"):
        resnet(file, 4, epochs=0).load_pretrained()


def test_missing_weights_are_reported_with_their_places(file: Path, weights: Path) -> None:
    with pytest.raises(InputError, match="no route to host") as caught:
        resnet(file, 1000).load_pretrained()
    places = f"{weights / file.name} or {torch.hub.get_dir()}/checkpoints/{file.name}"
    assert f"put the file at {places}" in str(caught.value)


def test_truncated_weights_are_refused(file: Path, weights: Path) -> None:
    (weights / file.name).write_bytes(file.read_bytes()[:5000])
    with pytest.raises(InputError, match="truncated or altered: its SHA-256 begins with"):
        resnet(file, 1000).load_pretrained()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 0}, "must be ≥ 1 where there are no trained weights"),
        ({"pretrained": True, "weights": "mine.pt"}, "give either weights or pretrained"),
        ({"fine_tune": True}, "needs pretrained: true"),
    ],
)
def test_conflicting_parameters_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ImageNetParameters.model_validate(parameters)


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "vgg16"])
def test_urls_are_those_of_torchvision(name: str) -> None:
    with torch.device("meta"):
        model = build_task_model(Named(name=name), 10, (3, 32, 32))
    assert isinstance(model, ImageNetModel)
    (known,) = [w.IMAGENET1K_V1 for w in (models.get_model_weights(name),)]
    assert model._url == known.url
