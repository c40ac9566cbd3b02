"""Exact convolution of integers: by oneDNN's int8 kernel where torch has it, else carried in float64.

Inputs have 7 bits, 0 to 127, and weights -127 to 127. Then no instruction saturates: without VNNI, x86 adds two
products in 16 bits, and 2 · 127 · 127 < 2^15. Sums are kept in 32 bits, and rounded once to float32. Float64 holds
the same sums exactly, in any order and by any algorithm, so that both ways give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

#: The largest quantised input and the largest size of a quantised weight.
MOST_INPUT, MOST_WEIGHT = 127, 127

#: A sum of more products may not fit into 32 bits.
MOST_PRODUCTS = (2**31 - 1) // (MOST_INPUT * MOST_WEIGHT)


@dataclass(frozen=True)
class ConvolutionShape:
    """How a kernel moves over images: two numbers each, for rows and columns, and the number of groups."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


def has_integer_kernel(device: torch.device) -> bool:
    """Whether torch has an int8 kernel on this device."""
    return device.type == "cpu" and hasattr(torch.ops.onednn, "qconv_pointwise")


def pack(integers: Tensor, zero: int, shape: ConvolutionShape) -> Tensor:
    """Return weights (out, in/groups, h, w), int8, in the order that the int8 kernel wants."""
    packed: Tensor = torch.ops.onednn.qconv_prepack(
        integers,
        torch.ones(len(integers)),
        1.0,
        zero,
        list(shape.stride),
        list(shape.padding),
        list(shape.dilation),
        shape.groups,
        None,
    )
    return packed


def convolve_packed(quantized: Tensor, packed: Tensor, zero: int, shape: ConvolutionShape) -> Tensor:
    """Return what ``convolve_carried`` returns, by the int8 kernel; ``packed`` is what ``pack`` made."""
    channels = packed.shape[0]
    scale_of_one: list[Any] = [torch.ones(channels), torch.zeros(channels, dtype=torch.int64), None]
    sums: Tensor = torch.ops.onednn.qconv_pointwise(
        quantized,
        1.0,
        zero,
        packed,
        *scale_of_one,
        list(shape.stride),
        list(shape.padding),
        list(shape.dilation),
        shape.groups,
        1.0,
        0,
        torch.float32,
        "none",
        [],
        "",
    )
    return sums


def convolve_carried(quantized: Tensor, integers: Tensor, zero: int, shape: ConvolutionShape) -> Tensor:
    """Convolve (quantized − zero) with integers, carried in float64.

    Args:
        quantized: Images (n, in, h, w), uint8, up to ``MOST_INPUT``.
        integers: Weights (out, in/groups, h, w), int8, up to ±``MOST_WEIGHT``.
        zero: What stands for 0 in ``quantized``, and pads the images.
        shape: Strides, padding, dilation and groups.

    Returns:
        Sums (n, out, h', w'), float32: whole numbers, rounded to 24 bits; channels last.
    """
    sums = F.conv2d(
        quantized.double() - zero,
        integers.double(),
        None,
        shape.stride,
        shape.padding,
        shape.dilation,
        shape.groups,
    )
    return sums.float().contiguous(memory_format=torch.channels_last)
