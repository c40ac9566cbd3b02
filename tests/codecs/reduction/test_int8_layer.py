"""An int8 layer computes in integers: exactly, with either kernel, and close to the layer that it stands for."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from ratefront.codecs.reduction import int8_layer
from ratefront.codecs.reduction.int8_layer import Int8Layer, why_no_int8, with_float_weights
from ratefront.codecs.reduction.integer_kernel import (
    ConvolutionShape,
    convolve_carried,
    convolve_packed,
    has_integer_kernel,
    pack,
)
from ratefront.complexity.macs import multiply_accumulates
from ratefront.complexity.transmitter_bytes import module_bytes

needs_kernel = pytest.mark.skipif(
    not has_integer_kernel(torch.device("cpu")), reason="torch has no int8 kernel on this machine"
)

LAYERS: list[tuple[nn.Conv1d | nn.Conv2d | nn.Linear, tuple[int, ...]]] = [
    (nn.Conv2d(3, 8, 3, stride=2, padding=1), (4, 3, 9, 9)),
    (nn.Conv2d(8, 8, 3, groups=8, bias=False), (2, 8, 9, 7)),
    (nn.Conv2d(4, 6, (1, 3), dilation=2, padding="same", groups=2), (3, 4, 6, 8)),
    (nn.Conv1d(4, 8, 3, padding=1), (4, 4, 9)),
    (nn.Linear(20, 7), (5, 20)),
    (nn.Linear(20, 7, bias=False), (5, 6, 20)),
]


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 9),
    groups=st.sampled_from([1, 2, 5]),
    sides=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 2, 3])),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 3)),
    dilation=st.tuples(st.just(1), st.integers(1, 2)),
    zero=st.sampled_from([0, 1, 63, 127]),
    largest=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_the_kernel_gives_the_sums_bit_for_bit(
    inputs: int, outputs: int, groups: int, sides: Any, kernel: Any, stride: Any, padding: Any, dilation: Any,
    zero: int, largest: bool, seed: int,
) -> None:  # fmt: skip
    """Also where all numbers are as large as they may be, so that instructions of 16 bits come close to saturation."""
    generator = torch.Generator().manual_seed(seed)
    shape = ConvolutionShape(stride, padding, dilation, groups)
    weights = (outputs * groups, inputs, *kernel)
    integers = torch.randint(-127, 128, weights, dtype=torch.int8, generator=generator)
    images = torch.randint(0, 128, (2, inputs * groups, *sides), dtype=torch.uint8, generator=generator)
    if largest:
        integers = torch.where(integers < 0, -127, 127).to(torch.int8)
        images = torch.full_like(images, 127)
    exact = F.conv2d(images.long() - zero, integers.long(), None, stride, padding, dilation, groups)
    carried = convolve_carried(images, integers, zero, shape)
    assert torch.equal(carried, exact.float())
    assert torch.equal(convolve_packed(images, pack(integers, zero, shape), zero, shape), carried)


def test_sums_over_24_bits_are_rounded_once() -> None:
    """Integers carried in float32 would be rounded at every addition; int32 and float64 are not."""
    generator = torch.Generator().manual_seed(0)
    integers = torch.randint(100, 128, (3, 9000, 1, 1), dtype=torch.int8, generator=generator)
    images = torch.randint(100, 128, (4, 9000, 1, 1), dtype=torch.uint8, generator=generator)
    exact = images.flatten(1).long() @ integers.flatten(1).long().T
    assert exact.min() > 2**24
    shape = ConvolutionShape()
    assert torch.equal(convolve_carried(images, integers, 0, shape).flatten(1), exact.float())
    if has_integer_kernel(torch.device("cpu")):
        packed = pack(integers, 0, shape)
        assert torch.equal(convolve_packed(images, packed, 0, shape).flatten(1), exact.float())


def _converted(layer: nn.Conv1d | nn.Conv2d | nn.Linear, values: torch.Tensor) -> Int8Layer:
    converted = Int8Layer(layer)
    converted.set_weights(layer, min(0.0, float(values.min())), max(0.0, float(values.max())))
    return converted


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_an_int8_layer_is_close_to_its_layer(
    layer: nn.Conv1d | nn.Conv2d | nn.Linear, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within 2 % of the outputs' deviation (rms), with the same bits by either kernel."""
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    converted = _converted(layer, values)
    outputs, expected = converted(values), layer(values)
    assert outputs.shape == expected.shape
    assert (outputs - expected).square().mean().sqrt() < 0.02 * expected.std()
    monkeypatch.setattr(int8_layer, "has_integer_kernel", lambda device: False)
    assert torch.equal(copy.deepcopy(converted)(values), outputs)


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_an_int8_layer_is_the_arithmetic_of_its_docstring(
    layer: nn.Conv1d | nn.Conv2d | nn.Linear, shape: tuple[int, ...]
) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()
    converted = _converted(layer, values)
    step, zero = converted.input_scale.double(), int(converted.input_zero)
    restored = (((values / step).round() + zero).clamp(0, 127) - zero) * step
    plain = copy.deepcopy(layer).double()
    by_channel = converted.scales.double().reshape(-1, *[1] * (layer.weight.ndim - 1))
    plain.weight.data.copy_(converted.integers.double() * by_channel)
    expected = plain(restored)
    # A value on the edge of a step may be rounded the other way in float32.
    assert (converted(values.float()) - expected).abs().max() < 2 * step * converted.scales.max() * 127


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_int8_takes_one_byte_a_weight_and_the_same_products(
    layer: nn.Conv1d | nn.Conv2d | nn.Linear, shape: tuple[int, ...]
) -> None:
    values = torch.rand(1, *shape[1:])
    converted = _converted(layer, values)
    outputs = len(layer.weight)
    assert module_bytes(converted) == layer.weight.numel() + (4 + 2) * outputs + 4 + 1
    assert multiply_accumulates(converted, values) == multiply_accumulates(layer, values)
    assert multiply_accumulates(converted, values).unknown == ()


def test_batches_change_no_bit_of_a_sample() -> None:
    layer, values = LAYERS[0][0], torch.rand(16, 3, 9, 9)
    converted = _converted(layer, values)
    alone = torch.cat([converted(values[i : i + 1]) for i in range(16)])
    assert torch.equal(converted(values), alone)


def test_a_used_layer_is_copied_pickled_and_filled_anew() -> None:
    """What the kernel has prepared is neither copied nor kept when other integers are loaded."""
    layer, values = LAYERS[0][0], torch.rand(2, 3, 9, 9)
    converted = _converted(layer, values)
    outputs = converted(values)
    copied: Int8Layer = pickle.loads(pickle.dumps(copy.deepcopy(converted)))
    assert torch.equal(copied(values), outputs)
    other = {name: tensor.clone() for name, tensor in copied.state_dict().items()}
    other["integers"] = -other["integers"]
    copied.load_state_dict(other)
    bias = copied.bias.reshape(-1, 1, 1)
    assert torch.allclose(copied(values) - bias, bias - outputs, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.ConvTranspose2d(2, 2, 3), "is no Conv1d"),
        (nn.GRU(2, 2), "is no Conv1d"),
        (nn.MultiheadAttention(4, 2).out_proj, "is no Conv1d"),
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), "padding_mode 'reflect'"),
        (nn.Conv2d(2, 2, 2, padding="same"), "pads one side more"),
        (nn.Linear(140_000, 1), "more than 133144 products"),
        (nn.Conv2d(2, 2, 3, padding="same"), ""),
    ],
)
def test_layers_without_int8_form_say_why(layer: nn.Module, reason: str) -> None:
    assert reason in why_no_int8(layer)
    assert bool(reason) == bool(why_no_int8(layer))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_scale", 0.0),
        ("input_scale", float("nan")),
        ("scales", -1.0),
        ("input_zero", 128),
        ("integers", -128),
    ],
)
def test_buffers_that_no_conversion_makes_are_refused(name: str, value: float) -> None:
    converted = _converted(LAYERS[0][0], torch.rand(2, 3, 9, 9))
    converted.check()
    getattr(converted, name).fill_(value)
    with pytest.raises(ValueError, match="out of range"):
        converted.check()


def test_integers_of_a_file_are_read_as_weights() -> None:
    layer = nn.Linear(6, 3)
    converted = _converted(layer, torch.rand(2, 6))
    weights = with_float_weights({f"g_a.{name}": t for name, t in converted.state_dict().items()})
    assert (weights["g_a.weight"] - layer.weight).abs().max() <= converted.scales.max() / 2 * 1.001
    assert weights["g_a.integers"].dtype == torch.int8
