"""Training of task models: defaults, streamed data, augmentations and memory formats."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ratefront.catalogue.datasets import LabelledImageParameters
from ratefront.catalogue.task_models import TASK_MODELS, TaskModelParameters
from ratefront.data.dataset import Dataset, Split
from ratefront.data.official.digits import load_digits
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.task_models.training import batches
from ratefront.task_models.training.augment import augmentation
from ratefront.task_models.training.batches import Batches
from ratefront.task_models.training.train_task_model import train_task_model

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_digits(LabelledImageParameters())


def trained(data: Dataset, name: str = "small_cnn", **parameters: Any) -> TaskModel:
    torch.manual_seed(0)
    model = build_task_model(Named(name=name, **parameters), data.classes, data.shape)
    train_task_model(model, data, TASK_MODELS[name].parameters(**parameters), "cpu")
    return model


def test_defaults_train_as_in_the_first_version(digits: Dataset) -> None:
    torch.manual_seed(0)
    model = build_task_model(Named(name="small_cnn"), digits.classes, digits.shape)
    _train_as_in_the_first_version(model, digits, TaskModelParameters(epochs=2))
    now = trained(digits, epochs=2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), now.parameters(), strict=True))


def _train_as_in_the_first_version(model: TaskModel, data: Dataset, parameters: TaskModelParameters) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=parameters.learning_rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, parameters.epochs)
    images, labels = torch.from_numpy(data.train.images[:]), torch.from_numpy(data.train.labels)
    generator = torch.Generator().manual_seed(parameters.seed)
    for _ in range(parameters.epochs):
        for batch in torch.randperm(len(labels), generator=generator).split(parameters.batch_size):
            loss = F.cross_entropy(model(images[batch]), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()


class Watched:
    """Samples that tell how many are asked for at once."""

    def __init__(self, images: NDArray[np.float32]) -> None:
        self._images, self.most = images, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self._images.shape

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        samples = self._images[index]
        self.most = max(self.most, len(samples))
        return samples


def test_streamed_data_train_as_resident_data(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    known = trained(digits, epochs=2, augment="shift")
    monkeypatch.setattr(batches, "_RESIDENT_BYTES", {"cpu": 1000})
    watched = Watched(digits.train.images[:])
    large = Dataset("d", 10, 1, Split(watched, digits.train.labels), digits.validation, digits.test)
    streamed = trained(large, epochs=2, augment="shift")
    assert watched.most == 64
    assert all(torch.equal(a, b) for a, b in zip(known.parameters(), streamed.parameters(), strict=True))


@pytest.mark.parametrize("resident_bytes", [0, 10**6])
def test_no_batch_has_one_sample(monkeypatch: pytest.MonkeyPatch, resident_bytes: int) -> None:
    """Batch normalisation could not train on it."""
    monkeypatch.setattr(batches, "_RESIDENT_BYTES", {"cpu": resident_bytes})
    split = Split(np.arange(9, dtype=np.float32).reshape(9, 1, 1, 1), np.arange(9))
    read = list(Batches(split, "cpu").batches(torch.randperm(9), 4))
    assert [len(labels) for _, labels in read] == [4, 5]
    assert sorted(torch.cat([labels for _, labels in read]).tolist()) == list(range(9))
    assert all(torch.equal(images.flatten().long(), labels) for images, labels in read)


@pytest.mark.parametrize("name", ["shift", "affine", "flip"])
def test_augmented_images_stay_images(name: str) -> None:
    change = augmentation(name, (3, 12, 16))
    assert change is not None
    images = torch.rand(8, 3, 12, 16)
    one, again = (change(images, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, again)
    assert one.shape == images.shape
    assert not torch.equal(one, images)
    assert one.min() >= 0
    assert one.max() <= 1


def test_shift_moves_by_two_pixels_at_most() -> None:
    change = augmentation("shift", (1, 9, 9))
    assert change is not None
    images = torch.zeros(400, 1, 9, 9)
    images[:, 0, 4, 4] = 1
    moved = change(images, torch.Generator().manual_seed(0))
    assert torch.equal(moved.sum(dim=(1, 2, 3)), torch.ones(400))
    positions = {(int(y), int(x)) for _, _, y, x in moved.nonzero()}
    assert positions == {(y, x) for y in range(2, 7) for x in range(2, 7)}


def test_flip_mirrors_about_half() -> None:
    change = augmentation("flip", (1, 9, 9))
    assert change is not None
    images = torch.zeros(400, 1, 9, 9)
    images[:, 0, 4, 2], images[:, 0, 4, 3] = 1, 0.5
    changed = change(images, torch.Generator().manual_seed(0))
    is_mirrored = changed.argmax(dim=3).amax(dim=(1, 2)) > changed.eq(0.5).float().argmax(dim=3).amax(
        dim=(1, 2)
    )
    assert 150 < int(is_mirrored.sum()) < 250


def test_affine_changes_stay_within_their_limits() -> None:
    """A dot in the middle is moved by up to two pixels; turning and scaling leave it."""
    change = augmentation("affine", (1, 15, 15))
    assert change is not None
    images = torch.zeros(300, 1, 15, 15)
    images[:, 0, 7, 7] = 1
    changed = change(images, torch.Generator().manual_seed(0))[:, 0]
    weights = changed / changed.sum(dim=(1, 2), keepdim=True)
    for axis in (1, 2):
        centre = (weights.sum(dim=3 - axis) * torch.arange(15)).sum(dim=1) - 7
        assert 1.5 < centre.abs().max() <= 2.6
        assert abs(float(centre.mean())) < 0.3


def test_clouds_move_and_scale_but_do_not_flip() -> None:
    change = augmentation("affine", (50, 3))
    assert change is not None
    clouds = torch.randn(20, 50, 3)
    changed = change(clouds, torch.Generator().manual_seed(1))
    ratio = changed.std(dim=1) / clouds.std(dim=1)
    assert 0.8 <= ratio.min() <= ratio.max() <= 1.25
    with pytest.raises(InputError, match="flip is for images, not for clouds; valid: none, shift, affine"):
        augmentation("flip", (50, 3))


def test_a_pointnet_learns_clouds() -> None:
    """Flat, long and round clouds."""
    random = np.random.default_rng(0)
    labels = np.arange(240) % 3
    axes = np.array([[1, 1, 0.1], [1, 0.1, 0.1], [1, 1, 1]])[labels]
    clouds = (random.normal(size=(240, 24, 3)) * axes[:, None]).astype(np.float32)
    parts = [Split(clouds[part], labels[part]) for part in (slice(160), slice(160, 200), slice(200, 240))]
    data = Dataset("clouds", 3, 24 * 96, *parts)
    model = trained(data, "pointnet", epochs=10, batch_size=32, width=8, augment="shift")
    assert (predict_logits(model, data.test.images).argmax(1).numpy() == data.test.labels).mean() > 0.9


def test_every_epoch_is_logged(digits: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ratefront"):
        trained(digits, epochs=2)
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "task model: epoch 1 of 2",
        "task model: epoch 2 of 2",
    ]


def test_large_samples_have_smaller_batches() -> None:
    sizes: list[int] = []

    class Counting(torch.nn.Linear):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            sizes.append(len(images))
            return super().forward(images.flatten(1)[:, :2])

    images = np.zeros((5, 3, 2048, 2048), dtype=np.float32)
    assert predict_logits(Counting(2, 4), images).shape == (5, 4)
    assert sizes == [1] * 5


def test_narrow_networks_train() -> None:
    """Channels-last convolutions of few channels damage the memory of torch 2.15 on a CPU, some only large ones."""
    program = (
        "import numpy as np\n"
        "from ratefront.catalogue import CATALOGUE\n"
        "from ratefront.data.dataset import Dataset, Split\n"
        "from ratefront.spec.sweep_spec import Named\n"
        "from ratefront.task_models.build_task_model import build_task_model\n"
        "from ratefront.task_models.training.train_task_model import train_task_model\n"
        "def noise(count, side):\n"
        "    images = np.random.default_rng(0).random((count, 3, side, side)).astype(np.float32)\n"
        "    split = Split(images, np.arange(count) % 3)\n"
        "    return Dataset('noise', 3, 24 * side * side, split, split, split)\n"
        "small, large = noise(240, 16), noise(64, 96)\n"
        "for width, data in [*((width, small) for width in (4, 5, 6, 7)), *((width, large) for width in (8, 12))]:\n"
        "    named = Named.model_validate({'name': 'residual_cnn', 'width': width, 'epochs': 3})\n"
        "    parameters = CATALOGUE.task_models['residual_cnn'].parameters(**named.parameters)\n"
        "    train_task_model(build_task_model(named, 3, data.shape), data, parameters, 'cpu')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
