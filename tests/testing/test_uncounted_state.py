"""The codec contract fails codecs that do not count all that their encoder reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from torch import Tensor

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.codec_files import load_codec
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.testing.codec_contract import CodecContract, TrainedExample, train_example
from ratefront.testing.uncounted_state import uncounted_tensors

contract = CodecContract().test_encoding_reads_nothing_that_is_not_counted


def example(name: str, task_model: Path, folder: Path) -> TrainedExample:
    return train_example(
        CODEC_CONFIGURATIONS[name], small_sweep_spec(training={"epochs": 1}), task_model, folder
    )


@pytest.fixture(scope="module")
def split(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    return example("split-factorized", task_model_folder, tmp_path_factory.mktemp("split"))


@pytest.fixture(scope="module")
def merged(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedExample:
    return example("label-merged", task_model_folder, tmp_path_factory.mktemp("merged"))


def test_both_examples_pass(split: TrainedExample, merged: TrainedExample) -> None:
    contract(split)
    contract(merged)


def test_an_uncounted_module_is_named(split: TrainedExample, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the bytes are reported, and every other test of the contract passes."""
    whole = split.codec.transmitter_bytes
    monkeypatch.setattr(BottleneckCodec, "transmitter_modules", lambda codec: [codec.front_end])
    assert split.codec.transmitter_bytes < whole
    with pytest.raises(AssertionError, match=r"bottleneck\.g_a\.0\.weight"):
        contract(split)


def test_a_single_uncounted_tensor_is_named(split: TrainedExample, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare(torch.nn.Module):
        """A convolution without its bias."""

        def __init__(self, weight: torch.nn.Parameter) -> None:
            super().__init__()
            self.weight = weight

    def without_a_bias(codec: BottleneckCodec) -> list[torch.nn.Module]:
        first, *others = (m for m in codec.front_end.modules() if isinstance(m, torch.nn.Conv2d))
        return [Bare(first.weight), *others, codec.bottleneck.g_a]

    monkeypatch.setattr(BottleneckCodec, "transmitter_modules", without_a_bias)
    with pytest.raises(AssertionError, match=r"front_end\.\S*bias"):
        contract(split)


def test_declared_tensors_must_be_counted_in_bytes(
    split: TrainedExample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BottleneckCodec, "transmitter_modules", lambda codec: [])
    monkeypatch.setattr(
        BottleneckCodec, "transmitter_tensors", lambda codec: list(codec.state_dict().values())
    )
    with pytest.raises(AssertionError, match="less than transmitter_tensors hold"):
        contract(split)


def test_integer_tensors_are_checked(merged: TrainedExample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabelCodec, "transmitter_tensors", lambda codec: [codec.counts])
    with pytest.raises(AssertionError, match="sent_as"):
        contract(merged)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_weights_in_plain_attributes_are_checked(
    merged: TrainedExample, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    """They are made when the codec is built, so that no file holds them."""
    original_init, original_analyse = LabelCodec.__init__, LabelCodec.analyse

    def init(codec: LabelCodec, *args: object, **kwargs: object) -> None:
        original_init(codec, *args, **kwargs)  # type: ignore[arg-type]
        codec.own = {"weights": [kind(np.ones(3))]}  # type: ignore[assignment]

    def analyse(codec: LabelCodec, images: Tensor, first: int = 0) -> Symbols:
        scale = float(sum(codec.own["weights"][0]))  # type: ignore[index]
        return original_analyse(codec, images * (scale / 3), first)

    monkeypatch.setattr(LabelCodec, "__init__", init)
    monkeypatch.setattr(LabelCodec, "analyse", analyse)
    with pytest.raises(AssertionError, match=r"own\.weights\.0"):
        contract(merged)


def test_a_tensor_sharing_counted_memory_is_counted(merged: TrainedExample) -> None:
    codec, _ = load_codec(merged.files.codec_config, merged.files.codec_weights)
    codec.register_buffer("same", next(codec.task_model.parameters()).detach().view(-1)[1:])
    assert "same" not in uncounted_tensors(codec)
    assert "prior" in uncounted_tensors(codec)
