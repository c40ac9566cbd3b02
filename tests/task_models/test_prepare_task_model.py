"""A task model is trained once, cached by content, and by one process at a time."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import small_sweep_spec

from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.dataset_digest import dataset_digest
from ratefront.data.load_dataset import load_dataset
from ratefront.history.events import TaskModelReady
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import to_plain
from ratefront.store.files.checksummed_folder import is_intact
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import DatasetInfo, read_dataset_info
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.task_models.stored_task_model import load_task_model

pytestmark = pytest.mark.medium

PATIENCE_S = 240.0
SPEC = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 1})


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache has its task models; this process and its children share it."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "task_models"


@contextmanager
def trainer(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, in the middle of its training."""
    program = Path(__file__).with_name("paused_trainer.py")
    process = subprocess.Popen([sys.executable, program, SPEC.model_dump_json(), place])
    try:
        _until(lambda: (place / "trains").exists() or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def waiting(place: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Future[TaskModelReady]]:
    """This process, which wants the same task model, and says that it waits."""
    caplog.set_level(logging.INFO, "ratefront")
    with ThreadPoolExecutor(1) as pool:
        ready = pool.submit(prepare_task_model, SPEC, place / "ours")
        _until(lambda: "task model small_cnn: waiting for another process" in caplog.text or ready.done())
        yield ready


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "it did not come to this in time"
        time.sleep(0.01)


def test_one_trains_while_the_other_waits(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ratefront.task_models.prepare_task_model.train_task_model", _must_not_train)
    with trainer(tmp_path) as process, waiting(tmp_path, caplog) as ready:
        assert not ready.done()
        (tmp_path / "go").touch()
        ready.result(PATIENCE_S)
        assert process.wait(PATIENCE_S) == 0
    facts = [(tmp_path / folder / "facts.json").read_bytes() for folder in ("model", "ours")]
    assert facts[0] == facts[1]
    assert is_intact(tmp_path / "ours")


def _must_not_train(*_: object) -> None:
    raise AssertionError("trained again")


def test_the_waiting_process_replaces_a_killed_trainer(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with trainer(tmp_path) as process:
        (left,) = filter(Path.is_dir, models.iterdir())
        with waiting(tmp_path, caplog) as ready:
            assert not ready.done()
            process.kill()
            ready.result(PATIENCE_S)
    assert not left.exists()
    (kept,) = filter(Path.is_dir, models.iterdir())
    assert is_intact(kept)
    assert is_intact(tmp_path / "ours")


def test_a_task_model_is_trained_once_and_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 3})
    first = prepare_task_model(spec, tmp_path / "a")
    monkeypatch.setattr("ratefront.task_models.prepare_task_model.train_task_model", _must_not_train)
    assert prepare_task_model(spec, tmp_path / "b") == first
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (
        tmp_path / "b" / "model.safetensors"
    ).read_bytes()
    other = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 3, "seed": 1})
    with pytest.raises(AssertionError, match="trained again"):
        prepare_task_model(other, tmp_path / "c")


def test_the_folder_describes_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_stored_predictions_are_those_of_the_stored_weights(
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
def test_an_incomplete_cached_task_model_is_trained_again(
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
