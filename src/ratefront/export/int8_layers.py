"""Int8 layers in an ONNX file, by ONNX's own operator for whole numbers, and the proof that they compute the same.

Sums of whole numbers are exact, so that two programs may differ only in the last bits of what is rounded to whole
numbers before each layer. Where such a value lies at an edge, a step more or less goes into the sums. Therefore the
codec's network is followed with the whole numbers that ONNX Runtime has used: each must be next to the codec's value,
and with them everything after it must be the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.codecs.reduction.int8_layer import Int8Layer
from ratefront.codecs.reduction.integer_kernel import MOST_INPUT, convolve_carried
from ratefront.export.halves import TransmitterHalf

_OPSET_OF_CONV_INTEGER = 10


def int8_inputs(network: nn.Module) -> list[str]:
    """Return names for what goes into the int8 layers of a network, in the order of ``named_modules``."""
    return [f"quantized_{number}" for number, _ in enumerate(_int8_layers(network))]


def _int8_layers(network: nn.Module) -> list[tuple[str, Int8Layer]]:
    return [(path, part) for path, part in network.named_modules() if isinstance(part, Int8Layer)]


class ExportedTransmitter(nn.Module):
    """A transmitter whose int8 layers are written by ONNX's operator; its further outputs are what goes into them."""

    def __init__(self, half: TransmitterHalf, example: Tensor) -> None:
        super().__init__()
        self.transmitter = copy.deepcopy(half)
        self._noted = _Noted()
        self._names, layers = int8_inputs(half), _int8_layers(self.transmitter)
        with torch.no_grad():
            self.transmitter(example)  # the layers prepare what torch cannot follow
        for name, (path, layer) in zip(self._names, layers, strict=True):
            parent, _, last = path.rpartition(".")
            setattr(self.transmitter.get_submodule(parent), last, _OnnxInt8Layer(layer, name, self._noted))
        self.eval()

    @override
    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        latents, values = self.transmitter(samples)
        return latents, values, *(self._noted.inputs[name] for name in self._names)


class _Noted:
    """What goes into int8 layers; not a dict, since torch takes tensors in an attribute for a part of the network."""

    def __init__(self) -> None:
        self.inputs: dict[str, Tensor] = {}


class _OnnxInt8Layer(nn.Module):
    kernel: Tensor

    def __init__(self, layer: Int8Layer, name: str, noted: _Noted) -> None:
        super().__init__()
        self.layer, self._name, self._noted = layer, name, noted
        self.register_buffer("kernel", layer.kernel_weights())

    @override
    def forward(self, values: Tensor) -> Tensor:
        return self.layer.forward_by(values, self._convolve)

    def _convolve(self, images: Tensor, quantized: Tensor) -> Tensor:
        self._noted.inputs[self._name] = quantized
        shape = self.layer.shape
        rows, columns = shape.padding
        sums = torch.onnx.ops.symbolic(
            "ConvInteger",
            (quantized, self.kernel, self.layer.input_zero),
            {
                "strides": list(shape.stride),
                "pads": [rows, columns, rows, columns],
                "dilations": list(shape.dilation),
                "group": shape.groups,
            },
            dtype=torch.int32,
            shape=self._sums_shape(quantized),
            version=_OPSET_OF_CONV_INTEGER,
        )
        return sums.float()

    def _sums_shape(self, quantized: Tensor) -> Sequence[int | torch.SymInt]:
        shape = self.layer.shape
        floats = quantized.float(), self.kernel.float(), None
        return F.conv2d(*floats, shape.stride, shape.padding, shape.dilation, shape.groups).shape


@dataclass
class Followed:
    """What was found as the codec's network was followed with another program's whole numbers.

    Attributes:
        apart: Whole numbers that are rounded the other way.
        distance: The largest distance, in steps, of a value from the edge of the cell that the program has put it in.
    """

    apart: int = 0
    distance: float = 0.0


@contextmanager
def following(network: nn.Module, inputs: Mapping[str, NDArray[np.uint8]]) -> Iterator[Followed]:
    """Inside, the network's int8 layers take these whole numbers instead of their own, and compare.

    Args:
        network: The codec's own network.
        inputs: What went into each int8 layer of another program, by the names of ``int8_inputs``.
    """
    found = Followed()
    layers = _int8_layers(network)
    for name, (_, layer) in zip(int8_inputs(network), layers, strict=True):
        given = torch.from_numpy(inputs[name])
        layer.forward = _forward_with(layer, given, found)  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        for _, layer in layers:
            del layer.forward


def _forward_with(layer: Int8Layer, given: Tensor, found: Followed) -> Callable[[Tensor], Tensor]:
    def convolve(images: Tensor, quantized: Tensor) -> Tensor:
        steps = images.double() / layer.input_scale.double() + int(layer.input_zero)
        outside = (steps.clamp(0, MOST_INPUT) - given).abs() - 0.5
        found.apart += int((quantized != given).sum())
        found.distance = max(found.distance, float(outside.max()))
        return convolve_carried(given, layer.kernel_weights(), int(layer.input_zero), layer.shape)

    return lambda values: layer.forward_by(values, convolve)
