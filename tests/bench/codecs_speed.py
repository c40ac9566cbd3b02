"""How fast codecs are: a block of MNIST through networks and coder and back, and what cached features save a trial.

MNIST comes from ``RATEFRONT_DATA`` (or is downloaded). Nothing of it decides a time but the images' shape; the rate is
checked, since a codec that sends nothing is fast.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timing import Figures, VoidBenchmarkError, seconds_of

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.codecs.codec_files import load_codec
from ratefront.data.load_dataset import load_dataset
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

_IMAGES, _BLOCK = 10_000, 1000
_LOW_RATE_BITS = 16
_WIDTH = 8  # channels of LeNet's conv1: LeCun's had 6
_SPLIT = {"family": "split", "entropy_model": "factorized", "width": 4, "beta": 60.0}
_TRAINED_ON, _TESTED_ON = 2000, 500


def measure() -> Figures:
    """Images a second of encoding and decoding, and how many times faster a trial is on cached features."""
    with tempfile.TemporaryDirectory() as temporary, _own_cache(Path(temporary)):
        yield "block_images_per_second", _images_per_second(Path(temporary) / "block")
        yield "trial_on_cached_features", _saved_by_features(Path(temporary) / "features")


def _images_per_second(folder: Path) -> float:
    folder.mkdir()
    spec = _spec({"name": "mnist"}, {"name": "lenet", "width": _WIDTH, "epochs": 1}, epochs=2)
    prepare_task_model(spec, folder / "task_model")
    run_trial(TrialParams("one", 0, {**_SPLIT, "split": "conv1"}), TrialContext(spec, folder))
    files = SweepFolder(folder).trial("one")
    codec, identity = load_codec(files.codec_config, files.codec_weights)
    images = torch.from_numpy(load_dataset(spec.dataset).test.images[:_IMAGES])
    torch.set_num_threads(2)
    rates: list[float] = []

    def there_and_back() -> None:
        latents = np.concatenate([codec.analyse(block) for block in images.split(_BLOCK)])
        stream = write_stream(codec, identity, latents, _BLOCK)
        codec.classify(read_stream(codec, identity, stream.data))
        rates.append(stream.rate_bits)

    seconds = seconds_of(there_and_back)
    if not 1 < rates[0] <= _LOW_RATE_BITS:
        raise VoidBenchmarkError(f"a codec of 1 to {_LOW_RATE_BITS} bit was meant, got {rates[0]:.2f}")
    print(f"block: {rates[0]:.2f} bit/sample, {len(images)} images in {seconds:.2f} s", file=sys.stderr)
    return len(images) / seconds


def _saved_by_features(folder: Path) -> float:
    folder.mkdir()
    spec = _spec(
        {"name": "arrays", "path": str(_some_mnist(folder))}, {"name": "residual_cnn", "epochs": 1}, epochs=20
    )
    torch.set_num_threads(2)
    prepare_task_model(spec, folder / "task_model")
    context = TrialContext(spec, folder)
    deepest = {**_SPLIT, "split": "pool"}

    def trial(name: str) -> TrialResult:
        return run_trial(TrialParams(name, 0, deepest), context)

    trial("computes the features")
    cached_s = seconds_of(lambda: trial("maps them"))
    with _environment("RATEFRONT_FEATURES_GB", "0"):
        through_s = seconds_of(lambda: trial("goes through the front end"))
    print(
        f"trial: {through_s:.1f} s through the front end, {cached_s:.1f} s on cached features",
        file=sys.stderr,
    )
    return through_s / cached_s


def _some_mnist(folder: Path) -> Path:
    data = load_dataset(_spec({"name": "mnist"}, {"name": "lenet"}, epochs=1).dataset)
    path = folder / "mnist.npz"
    np.savez(
        path,
        x_train=_bytes(data.train.images[:_TRAINED_ON]),
        y_train=data.train.labels[:_TRAINED_ON],
        x_test=_bytes(data.test.images[:_TESTED_ON]),
        y_test=data.test.labels[:_TESTED_ON],
    )
    return path


def _bytes(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (images[:, 0] * 255).round().astype(np.uint8)


def _spec(dataset: dict[str, Any], task_model: dict[str, Any], *, epochs: int) -> SweepSpec:
    plain = {"name": "bench", "dataset": dataset, "task_model": task_model, "space": {}, "trials": 1}
    return SweepSpec.model_validate(plain | {"training": {"epochs": epochs, "batch_size": 128}})


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    with _environment("RATEFRONT_CACHE", str(folder / "cache")):
        yield


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before
