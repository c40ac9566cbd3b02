"""The task model of a first sweep: the widest that can be trained in two minutes on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.data_files import load

from ratefront.catalogue import CATALOGUE
from ratefront.data.dataset import Dataset, Split
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.first_sweep import affordable_model, training_cost
from ratefront.task_models.first_sweep.affordable_model import LIMIT_S, choose_affordable_training
from ratefront.task_models.first_sweep.draft_first_sweep import draft_first_sweep
from ratefront.task_models.first_sweep.training_cost import TrainingCost, measure_training_cost
from ratefront.task_models.training.train_task_model import train_task_model

pytestmark = pytest.mark.medium

DIGITS = [Named(name="digits")]


def costing(monkeypatch: pytest.MonkeyPatch, epoch_s: dict[int, float], once_s: float = 0.0) -> None:
    """An epoch of a width takes so long."""

    def cost(named: Named, data: Dataset, too_long_s: float) -> TrainingCost:
        return TrainingCost(epoch_s[named.parameters["width"]], once_s, 9, 1.0)

    monkeypatch.setattr(affordable_model, "measure_training_cost", cost)


@pytest.mark.parametrize(
    ("epoch_s", "width", "epochs"),
    [
        ({32: 1, 16: 0.5, 8: 0.1}, 32, 30),  # quick: not more than are of use
        ({32: 4, 16: 1, 8: 0.1}, 16, 30),  # the widest would see each digit 23 times
        ({32: 40, 16: 20, 8: 10}, 8, 9),  # none sees enough: as often as the time allows
        ({32: 400, 16: 200, 8: 90}, 8, 1),
        ({32: 400, 16: 200, 8: 150}, 8, 1),  # none is affordable: the quickest
    ],
)
def test_the_widest_affordable_model_is_chosen(
    epoch_s: dict[int, float], width: int, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    costing(monkeypatch, epoch_s)
    chosen = choose_affordable_training(DIGITS).task_model
    assert (chosen["width"], chosen["epochs"]) == (width, epochs)


@pytest.mark.parametrize("narrowest_s", np.geomspace(0.01, 85, 12))
@pytest.mark.parametrize("once_s", [0.0, 9.0])
def test_the_training_stays_within_two_minutes_if_possible(
    narrowest_s: float, once_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    costing(monkeypatch, {32: 9 * narrowest_s, 16: 3 * narrowest_s, 8: narrowest_s}, once_s)
    assert choose_affordable_training(DIGITS).seconds < LIMIT_S


@pytest.mark.parametrize(("epoch_s", "message"), [(150, "30 s more"), (6000, "98 minutes more")])
def test_an_unaffordable_training_is_reported_with_advice(
    epoch_s: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    costing(monkeypatch, {32: 9e5, 16: 9e4, 8: epoch_s})
    first = draft_first_sweep(DIGITS, None)
    assert message in first.cost
    assert "a trained network (weights)" in first.cost
    header = " ".join(line.lstrip("# ") for line in first.text(Path("x.yaml")).splitlines())
    assert message in header


def test_a_busy_machine_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affordable_model, "measure_training_cost", lambda *_: TrainingCost(1.0, 0.0, 9, 3.1))
    assert "busy, which made that 3.1 times as long" in draft_first_sweep(DIGITS, None).cost


def test_smaller_images_are_chosen_if_large_ones_cost_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(named: Named, data: Dataset, too_long_s: float) -> TrainingCost:
        return TrainingCost(data.shape[1] ** 2 * named.parameters["width"] / 1e4, 0.0, 9, 1.0)

    def noise(named: Named) -> Dataset:
        split = Split(np.zeros((6, 3, *[named.parameters["size"]] * 2), np.float32), np.arange(6) % 2)
        return Dataset("noise", 2, 8, split, split, split)

    monkeypatch.setattr(affordable_model, "measure_training_cost", cost)
    monkeypatch.setattr(affordable_model, "load_dataset", noise)
    sizes = [Named.model_validate({"name": "image_folder", "size": size}) for size in (128, 32)]
    choice = choose_affordable_training(sizes)
    assert (choice.dataset.parameters["size"], choice.task_model["width"]) == (32, 16)


@pytest.mark.parametrize("name", ["residual_cnn", "small_cnn"])
def test_the_measured_cost_is_that_of_training(name: str) -> None:
    data, named = load("digits"), Named.model_validate({"name": name, "epochs": 6})
    cost = measure_training_cost(named, data, 1e9)
    model = build_task_model(named, data.classes, data.shape)
    began = time.process_time()
    train_task_model(model, data, CATALOGUE.task_models[name].parameters(epochs=6), "cpu")
    assert cost.seconds(6) == pytest.approx(time.process_time() - began, rel=0.7)


class _Laborious:
    """Samples that take a millisecond of computing each to read."""

    shape = (64, 1, 8, 8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | NDArray[np.int64], /) -> NDArray[np.float32]:
        count = len(np.arange(len(self))[index])
        until = time.process_time() + count / 1000
        while time.process_time() < until:
            pass
        return np.zeros((count, *self.shape[1:]), np.float32)


@pytest.mark.parametrize(("is_resident", "epochs_of_reading"), [(True, 0), (False, 1)])
def test_reading_costs_once_or_in_every_epoch(
    is_resident: bool, epochs_of_reading: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_cost, "fits_device", lambda *_: is_resident)
    split: Any = Split(_Laborious(), np.arange(64) % 2)
    cost = measure_training_cost(Named(name="small_cnn"), Dataset("slow", 2, 8, split, split, split), 1e9)
    read_s = 0.064
    assert (cost.epoch_s > read_s) == bool(epochs_of_reading)
    assert cost.once_s > (2 if epochs_of_reading else 3) * read_s


def test_a_hopeless_training_is_measured_on_one_batch() -> None:
    split = Split(np.zeros((10_000, 1, 8, 8), np.float32), np.arange(10_000) % 2)
    data = Dataset("many", 2, 8, split, split, split)
    assert measure_training_cost(Named(name="small_cnn"), data, too_long_s=0).batches == 1
