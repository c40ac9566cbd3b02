"""Codecs with a reduced transmitter: their files, the loading of these, and what a training starts from."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.small_sweep import CODEC_CONFIGURATIONS, DISTILLED, small_sweep_spec
from torch import nn

from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.reduction import Int8Layer
from ratefront.codecs.starting_weights import start_from_codec
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.errors import InputError
from ratefront.testing.codec_contract import TrainedExample, train_example

pytestmark = pytest.mark.medium

SHORT = {"training": {"epochs": 2}}


def _example(values: Mapping[str, Any], task_model: Path, folder: Path) -> TrainedExample:
    return train_example(values, small_sweep_spec(**SHORT), task_model, folder)


@pytest.fixture(scope="module")
def plain(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    values = {**DISTILLED, "precision": "fp16"}
    return _example(values, task_model_folder, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def int8(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    values = {**DISTILLED, "precision": "int8"}
    return _example(values, task_model_folder, tmp_path_factory.mktemp("int8"))


@pytest.fixture(scope="module")
def pruned(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    values = {**DISTILLED, "precision": "int8", "pruning": "unstructured", "pruned_share": 0.8}
    return _example(values, task_model_folder, tmp_path_factory.mktemp("pruned"))


@pytest.fixture(scope="module")
def dropped(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    values = {**DISTILLED, "pruning": "structured", "pruned_share": 0.5}
    return _example(values, task_model_folder, tmp_path_factory.mktemp("dropped"))


@pytest.mark.parametrize("name", ["plain", "int8", "pruned", "dropped"])
def test_counted_bytes_are_those_of_the_file(name: str, request: pytest.FixtureRequest) -> None:
    """Front end and g_a take as many bytes of the file as ``transmitter_bytes`` counts beside the tables."""
    trained: TrainedExample = request.getfixturevalue(name)
    stored = load_file(trained.files.codec_weights)
    held = sum(t.nbytes for key, t in stored.items() if key.startswith(("front_end.", "bottleneck.g_a.")))
    tables = table_bytes(trained.codec.transmitter_tables()) + trained.codec.further_state_bytes()
    assert trained.codec.transmitter_bytes == held + tables


def test_each_reduction_makes_the_transmitter_smaller(
    plain: TrainedExample, int8: TrainedExample, pruned: TrainedExample, dropped: TrainedExample
) -> None:
    sizes = [module_bytes(*example.codec.transmitter_modules()) for example in (plain, int8, pruned)]
    assert sizes[1] < 0.55 * sizes[0]
    assert sizes[2] < 0.8 * sizes[1]
    image = plain.test_images(1)
    assert int8.codec.transmitter_macs(image) == plain.codec.transmitter_macs(image)
    assert pruned.codec.transmitter_macs(image) == plain.codec.transmitter_macs(image)
    assert dropped.codec.transmitter_macs(image).counted < 0.5 * plain.codec.transmitter_macs(image).counted
    assert module_bytes(dropped.codec) < module_bytes(plain.codec)


def test_encoding_runs_in_integers(int8: TrainedExample) -> None:
    """All weights of the transmitter are integers; the receiver holds none of them."""
    transmitter = nn.ModuleList(int8.codec.transmitter_modules())
    assert not [part for part in transmitter.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len([part for part in transmitter.modules() if isinstance(part, Int8Layer)]) == 4
    received, _ = load_codec(int8.files.codec_config, int8.files.codec_weights, receiver_only=True)
    assert not [part for part in received.modules() if isinstance(part, Int8Layer)]


def test_a_codec_that_has_encoded_is_pickled(int8: TrainedExample) -> None:
    copied = pickle.loads(pickle.dumps(int8.codec))
    images = int8.test_images(20)
    assert np.array_equal(copied.analyse(images), int8.codec.analyse(images))


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_weights_of_another_share_are_refused(dropped: TrainedExample, share: float, tmp_path: Path) -> None:
    content = json.loads(dropped.files.codec_config.read_text())
    content["parameters"]["pruned_share"] = share
    (tmp_path / "codec.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="weights of another shape: front_end"):
        load_codec(tmp_path / "codec.json", dropped.files.codec_weights)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("front_end.0.0.input_scale", torch.tensor(0.0), "out of range"),
        ("front_end.0.0.integers.nonzeros", torch.ones(1, dtype=torch.int8), "do not fit its bitmap"),
        ("bottleneck.g_a.0.integers", torch.zeros(1, dtype=torch.int8), "weights of another shape"),
    ],
)
def test_forged_integers_are_refused(
    pruned: TrainedExample, key: str, value: torch.Tensor, message: str, tmp_path: Path
) -> None:
    tensors = load_file(pruned.files.codec_weights)
    assert key in tensors
    save_file({**tensors, key: value}, tmp_path / "codec.safetensors")
    with pytest.raises(InputError, match=message):
        load_codec(pruned.files.codec_config, tmp_path / "codec.safetensors")


def test_training_starts_from_the_integers_of_another_codec(int8: TrainedExample) -> None:
    """Its g_a is trained in float: it starts with the weights that the integers stand for, within half a step."""
    codec, state = int8.untrained(seed=3)
    assert isinstance(codec, BottleneckCodec)
    assert state is not None
    files = int8.files
    start_from_codec(
        codec, state.learner, int8.family, int8.structure, files.codec_config, files.codec_weights
    )
    stored = load_file(files.codec_weights)
    integers, scales = (stored[f"bottleneck.g_a.0.{name}"] for name in ("integers", "scales"))
    weight = codec.bottleneck.g_a[0].weight
    assert torch.equal(weight, integers * scales.reshape(-1, 1, 1, 1))


def test_features_to_match_are_those_of_the_whole_front_end(dropped: TrainedExample) -> None:
    """g_a takes 16 channels; distillation compares features of 32."""
    codec, state = dropped.untrained(seed=0)
    assert state is not None
    train = state.learner.train  # type: ignore[attr-defined]
    first = torch.arange(3)
    assert train.inputs[first].shape == (3, 16, 4, 4)
    images = torch.from_numpy(dropped.data.train.images[:3])
    with torch.no_grad():
        whole = dropped.task_model.front_end("conv2")(images)
        reduced = codec.front_end(images)  # type: ignore[operator]
    assert torch.allclose(train.features[first], whole, atol=1e-5)
    assert torch.allclose(train.inputs[first], reduced, atol=1e-5)


def test_the_student_in_int8_is_half_as_large(task_model_folder: Path, tmp_path: Path) -> None:
    sizes = []
    for precision in ("fp32", "fp16", "int8"):
        (tmp_path / precision).mkdir()
        values = {**CODEC_CONFIGURATIONS["student"], "precision": precision}
        trained = _example(values, task_model_folder, tmp_path / precision)
        sizes.append(module_bytes(*trained.codec.transmitter_modules()))
    assert sizes[0] == 2 * sizes[1]
    assert 0.5 * sizes[1] < sizes[2] < 0.55 * sizes[1]
