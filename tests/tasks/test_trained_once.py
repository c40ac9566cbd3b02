"""Processes that want the same task model at once: one trains, the others wait; a killed one is in nobody's way."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.history.events import TaskModelReady
from ratefront.store.files.checksummed_folder import is_intact
from ratefront.tasks.prepare_task_model import prepare_task_model

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
    program = Path(__file__).with_name("hesitant_trainer.py")
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
    monkeypatch.setattr("ratefront.tasks.prepare_task_model.train_task_model", _must_not_train)
    with trainer(tmp_path) as process, waiting(tmp_path, caplog) as ready:
        assert not ready.done()
        (tmp_path / "go").touch()
        ready.result(PATIENCE_S)
        assert process.wait(PATIENCE_S) == 0
    facts = [(tmp_path / folder / "facts.json").read_bytes() for folder in ("model", "ours")]
    assert facts[0] == facts[1]
    assert is_intact(tmp_path / "ours")


def _must_not_train(*_: object) -> None:
    raise AssertionError("trained twice")


def test_a_killed_trainer_is_replaced_by_the_one_that_waits(
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
