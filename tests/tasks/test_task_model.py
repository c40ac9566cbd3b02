"""The task model: cut where it may be cut, trained once, kept by content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import small_sweep_spec

from ratefront.catalogue import CATALOGUE
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.stored_precision import round_to_half
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import UnknownNameError
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import to_plain
from ratefront.store.files.checksummed_folder import is_intact
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import DatasetInfo, read_dataset_info
from ratefront.tasks.architectures.small_cnn import SmallCNN
from ratefront.tasks.prepare_task_model import prepare_task_model
from ratefront.tasks.stored_task_model import load_task_model

SPLITS = CATALOGUE.task_models["small_cnn"].facts["splits"]


def test_the_declared_split_points_are_the_models_own() -> None:
    assert SmallCNN(10).splits == SPLITS


@pytest.mark.parametrize("split", SPLITS)
def test_front_and_back_end_are_the_whole(split: str) -> None:
    model = SmallCNN(10).eval()
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(model.back_end(split)(model.front_end(split)(images)), model(images))
    assert module_bytes(model.front_end(split)) + module_bytes(model.back_end(split)) == module_bytes(model)


def test_an_unknown_split_point_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="conv1, conv2, conv3, hidden"):
        SmallCNN(10).front_end("classifier")


def test_bytes_and_arithmetic_by_hand() -> None:
    model = SmallCNN(10)
    weights = (9 * 16 + 16) + (9 * 16 * 32 + 32) + (9 * 32 * 64 + 64) + (256 * 64 + 64) + (64 * 10 + 10)
    assert module_bytes(model) == 2 * weights
    macs = 9 * 16 * 64 + 9 * 16 * 32 * 16 + 9 * 32 * 64 * 4 + 256 * 64 + 640
    assert multiply_accumulates(model.eval(), torch.rand(1, 1, 8, 8)).value == macs


def test_rounding_leaves_what_fp16_can_hold() -> None:
    model = SmallCNN(10)
    round_to_half(model)
    assert all(torch.equal(p, p.half().float()) for p in model.parameters())


def test_trained_once_and_cached_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 3})
    first = prepare_task_model(spec, tmp_path / "a")
    monkeypatch.setattr("ratefront.tasks.prepare_task_model.train_task_model", _must_not_train)
    assert prepare_task_model(spec, tmp_path / "b") == first
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (
        tmp_path / "b" / "model.safetensors"
    ).read_bytes()
    other = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 3, "seed": 1})
    with pytest.raises(AssertionError, match="trained again"):
        prepare_task_model(other, tmp_path / "c")


def _must_not_train(*_: object) -> None:
    raise AssertionError("trained again")


def test_what_the_folder_says_of_the_data_set_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec, folder = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 1}), SweepFolder(tmp_path)
    prepare_task_model(spec, folder.task_model)
    data, history = load_dataset(spec.dataset), SweepHistory(spec=to_plain(spec))
    assert read_dataset_info(folder, history) == DatasetInfo(
        data.name,
        spec.dataset.parameters,
        dataset_digest(data),
        {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        data.shape,
        data.classes,
    )


def test_its_predictions_are_those_of_the_stored_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 6})
    ready = prepare_task_model(spec, tmp_path / "model")
    data, model = load_dataset(spec.dataset), load_task_model(spec, tmp_path / "model")
    stored = np.load(tmp_path / "model" / "predictions.npz", allow_pickle=False)
    with torch.no_grad():
        logits = model(torch.from_numpy(data.test.images)).numpy()
    np.testing.assert_allclose(stored["logits_test"], logits, atol=1e-4)
    np.testing.assert_array_equal(stored["labels_test"], data.test.labels)
    assert ready.accuracy == pytest.approx((logits.argmax(1) == data.test.labels).mean())
    assert ready.accuracy > 0.9
    assert ready.task_model_bytes == module_bytes(model)


@pytest.mark.parametrize("torn", ["model.safetensors", "facts.json"])
def test_one_that_lies_torn_in_the_cache_is_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: str
) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 1})
    first = prepare_task_model(spec, tmp_path / "a")
    (kept,) = filter(Path.is_dir, (tmp_path / "cache" / "task_models").iterdir())
    (kept / torn).write_bytes(b"")
    assert prepare_task_model(spec, tmp_path / "b") == first
    assert is_intact(kept)
    assert is_intact(tmp_path / "b")
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, f"{kept.name}.lock"}
