"""What is stored, and so counted: fp16, fp32, integers, and weights without their zeros."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from ratefront.complexity.stored_precision import (
    keep_fp16,
    keep_fp32,
    keep_sparse,
    round_to_half,
    stored_tensors,
    with_zeros,
)
from ratefront.complexity.transmitter_bytes import module_bytes


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.floats(0, 1), st.sampled_from(["fp16", "fp32"]))
def test_sparse_weights_take_the_less_of_both_forms(
    inputs: int, outputs: int, share: float, precision: str
) -> None:
    """min(all values, bitmap and nonzeros), as counted here and as found in the file, from where they come back."""
    torch.manual_seed(inputs)
    layer = nn.Linear(inputs, outputs, bias=False)
    with torch.no_grad():
        layer.weight.mul_(torch.rand(layer.weight.shape) >= share)
    if precision == "fp32":
        keep_fp32(layer)
    keep_sparse(layer, "weight")
    round_to_half(layer)
    size = 4 if precision == "fp32" else 2
    nonzeros = sum(value != 0 for value in layer.weight.flatten().tolist())
    expected = min(size * inputs * outputs, math.ceil(inputs * outputs / 8) + size * nonzeros)
    stored = load(save(stored_tensors(layer)))
    assert module_bytes(layer) == expected == sum(tensor.nbytes for tensor in stored.values())
    assert torch.equal(with_zeros(stored, copy.deepcopy(layer))["weight"].float(), layer.weight)


def test_all_weights_0_are_a_bitmap_alone() -> None:
    layer = nn.Linear(16, 4, bias=False)
    nn.init.zeros_(layer.weight)
    keep_sparse(layer, "weight")
    assert module_bytes(layer) == 8
    assert not with_zeros(stored_tensors(layer), layer)["weight"].any()


def test_what_rounds_to_0_in_fp16_is_counted_as_0() -> None:
    layer = nn.Linear(16, 1, bias=False)
    nn.init.constant_(layer.weight, 1e-9)
    keep_sparse(layer, "weight")
    assert module_bytes(layer) == 2


def test_a_copy_is_stored_as_its_original() -> None:
    layer = nn.Linear(4, 4)
    keep_fp32(layer)
    assert module_bytes(copy.deepcopy(layer)) == 4 * 20
    keep_fp16(layer)
    assert module_bytes(copy.deepcopy(layer)) == 2 * 20


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (".nonzeros", lambda values: values[1:], "do not fit its bitmap"),
        (".nonzeros", lambda values: values[None], "do not fit its bitmap"),
        (".places_of_nonzeros", lambda places: places[1:], "does not fit its shape"),
        (".places_of_nonzeros", lambda places: places.float(), "does not fit its shape"),
        (".places_of_nonzeros", lambda places: places | 1, "do not fit its bitmap"),
    ],
)
def test_a_damaged_bitmap_is_refused(name: str, change: object, message: str) -> None:
    """The bitmap of 15 places ends with a bit that stands for none."""
    assert callable(change)
    layer = nn.Linear(15, 1, bias=False)
    with torch.no_grad():
        layer.weight[:, 3:] = 0
    keep_sparse(layer, "weight")
    stored = stored_tensors(layer)
    stored["weight" + name] = change(stored["weight" + name])
    with pytest.raises(ValueError, match=message):
        with_zeros(stored, layer)
