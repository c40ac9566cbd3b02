"""The task model: its split points, its front and back end, its bytes and operations."""

from __future__ import annotations

import pytest
import torch

from ratefront.catalogue import CATALOGUE
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.stored_precision import round_to_half
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.errors import UnknownNameError
from ratefront.task_models.architectures.small_cnn import SmallCNN

SPLITS = CATALOGUE.task_models["small_cnn"].facts["splits"]


def test_declared_split_points_are_those_of_the_model() -> None:
    assert SmallCNN(10).splits == SPLITS


@pytest.mark.parametrize("split", SPLITS)
def test_front_and_back_end_compute_the_whole_model(split: str) -> None:
    model = SmallCNN(10).eval()
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(model.back_end(split)(model.front_end(split)(images)), model(images))
    assert module_bytes(model.front_end(split)) + module_bytes(model.back_end(split)) == module_bytes(model)


def test_an_unknown_split_point_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="conv1, conv2, conv3, hidden"):
        SmallCNN(10).front_end("classifier")


def test_bytes_and_macs_agree_with_a_count_by_hand() -> None:
    model = SmallCNN(10)
    weights = (9 * 16 + 16) + (9 * 16 * 32 + 32) + (9 * 32 * 64 + 64) + (256 * 64 + 64) + (64 * 10 + 10)
    assert module_bytes(model) == 2 * weights
    macs = 9 * 16 * 64 + 9 * 16 * 32 * 16 + 9 * 32 * 64 * 4 + 256 * 64 + 640
    assert multiply_accumulates(model.eval(), torch.rand(1, 1, 8, 8)).value == macs


def test_rounded_weights_are_exact_in_fp16() -> None:
    model = SmallCNN(10)
    round_to_half(model)
    assert all(torch.equal(p, p.half().float()) for p in model.parameters())
