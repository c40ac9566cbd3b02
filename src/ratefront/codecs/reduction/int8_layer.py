"""The int8 form of a layer: its integers, their scales, and a forward pass in integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from ratefront.codecs.reduction.integer_kernel import (
    MOST_INPUT,
    MOST_PRODUCTS,
    MOST_WEIGHT,
    ConvolutionShape,
    convolve_carried,
    convolve_packed,
    has_integer_kernel,
    pack,
)

#: The layers that have an int8 form; a class derived from them may compute something else.
INT8_TYPES = (nn.Conv1d, nn.Conv2d, nn.Linear)


def why_no_int8(layer: nn.Module) -> str:
    """Return why a layer has no int8 form; empty where it has one."""
    if type(layer) not in INT8_TYPES:
        return "is no Conv1d, Conv2d or Linear"
    assert isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear)
    if layer.weight[0].numel() > MOST_PRODUCTS:
        return f"adds more than {MOST_PRODUCTS} products, which 32 bits may not hold"
    if isinstance(layer, nn.Linear):
        return ""
    if layer.padding_mode != "zeros":
        return f"pads with padding_mode {layer.padding_mode!r}, not with zeros"
    return "pads one side more than the other" if _padding(layer) is None else ""


class Int8Layer(nn.Module):
    """A convolution or linear layer in integers.

    ::

        q = clip(round(x / input_scale) + input_zero, 0, 127)
        y = input_scale · scales · Σ (q − input_zero) · integers + bias

    Weights are symmetric, with a scale for each output channel; inputs have one scale and one zero. What it takes and
    gives is float32.

    Attributes:
        integers: The weights, int8, in the layer's own shape.
        scales: The scale (out,), float32, of each output channel's weights.
        bias: The bias (out,).
        input_scale: The step of the inputs, float32.
        input_zero: The whole number that stands for 0, uint8.
    """

    integers: Tensor
    scales: Tensor
    input_scale: Tensor
    input_zero: Tensor

    def __init__(self, layer: nn.Conv1d | nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        outputs = len(layer.weight)
        self.is_linear, self.dimensions = isinstance(layer, nn.Linear), layer.weight.ndim - 2
        self.shape = _convolution_shape(layer)
        self.register_buffer("integers", torch.zeros(layer.weight.shape, dtype=torch.int8))
        self.register_buffer("scales", torch.ones(outputs))
        self.register_buffer("input_scale", torch.tensor(1.0))
        self.register_buffer("input_zero", torch.tensor(0, dtype=torch.uint8))
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False)
        self._cached: tuple[Tensor | None, int, Tensor, Tensor] | None = None
        self.register_load_state_dict_post_hook(_clear_cache)  # type: ignore[no-untyped-call]
        self.to(layer.weight.device)

    @torch.no_grad()
    def set_weights(self, layer: nn.Conv1d | nn.Conv2d | nn.Linear, low: float, high: float) -> None:
        """Quantise a layer's weights to the nearest integers, for inputs from ``low`` to ``high``, which hold 0."""
        weight = layer.weight.detach().float()
        largest = weight.abs().flatten(1).amax(dim=1)
        scales = torch.where(largest > 0, largest / MOST_WEIGHT, 1.0)
        self.scales.copy_(scales)
        self.integers.copy_((weight / scales.reshape(-1, *[1] * (weight.ndim - 1))).round())
        self.bias.copy_(layer.bias.detach() if layer.bias is not None else torch.zeros_like(largest))
        step = (high - low) / MOST_INPUT
        self.input_scale.fill_(step if step > 0 else 1.0)
        self.input_zero.fill_(max(0, min(MOST_INPUT, round(-low / step))) if step > 0 else 0)
        self.clear_cache()

    def clear_cache(self) -> None:
        """Prepare the kernel anew at the next call, from the buffers as they are then."""
        self._cached = None

    def check(self) -> None:
        """Refuse buffers that no conversion makes, as a stranger's file may hold.

        Raises:
            ValueError: A scale or zero is out of range, or an integer is below -127.
        """
        steps_are_valid = bool((self.input_scale > 0) and (self.scales > 0).all())
        if (
            not steps_are_valid
            or int(self.input_zero) > MOST_INPUT
            or bool((self.integers < -MOST_WEIGHT).any())
        ):
            raise ValueError("an int8 layer holds a scale, a zero or an integer out of range")

    @override
    def forward(self, values: Tensor) -> Tensor:
        return self.forward_by(values, self._convolve)

    def forward_by(self, values: Tensor, convolve: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """As ``forward``, with another way to convolve whole numbers.

        Args:
            values: As in ``forward``.
            convolve: Takes images (n, in, h, w), float32, and what they are quantised to, uint8; gives the sums
                (n, out, h', w'), float32, of ``convolve_carried``.
        """
        _, zero, zeros, ones = self._prepared()
        images = self._as_images(values)
        sums = convolve(images, self._quantized(images, zero))
        # A normalisation of mean 0 and variance 1 is the fused form of · scale + bias.
        scaled = F.batch_norm(sums, zeros, ones, self.input_scale * self.scales, self.bias, False, 0.0, 0.0)
        return self._from_images(scaled, values)

    def _convolve(self, images: Tensor, quantized: Tensor) -> Tensor:
        packed, zero, _, _ = self._prepared()
        if packed is None:
            return convolve_carried(quantized, self.kernel_weights(), zero, self.shape)
        return convolve_packed(quantized, packed, zero, self.shape)

    def _quantized(self, images: Tensor, zero: int) -> Tensor:
        steps = images / self.input_scale
        return steps.round_().add_(zero).clamp_(0, MOST_INPUT).to(torch.uint8)

    def _as_images(self, values: Tensor) -> Tensor:
        if self.is_linear:
            return values.reshape(-1, values.shape[-1], 1, 1)
        return values if self.dimensions == 2 else values.unsqueeze(2)

    def _from_images(self, images: Tensor, values: Tensor) -> Tensor:
        if self.is_linear:
            return images.reshape(*values.shape[:-1], len(self.scales))
        return images if self.dimensions == 2 else images.squeeze(2)

    def kernel_weights(self) -> Tensor:
        """Return the integers as weights (out, in/groups, h, w)."""
        integers = self.integers
        return integers.reshape(*integers.shape[:2], *[1] * (2 - self.dimensions), *integers.shape[2:])

    def _prepared(self) -> tuple[Tensor | None, int, Tensor, Tensor]:
        """Return the packed weights (None where there is no int8 kernel), the zero of inputs, zeros and ones (out,)."""
        if self._cached is None:
            device, zero = self.integers.device, int(self.input_zero)
            packed = pack(self.kernel_weights(), zero, self.shape) if has_integer_kernel(device) else None
            self._cached = packed, zero, torch.zeros_like(self.scales), torch.ones_like(self.scales)
        return self._cached

    @override
    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self.clear_cache()
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cached": None}  # packed weights cannot be copied

    @override
    def extra_repr(self) -> str:
        return f"{tuple(self.integers.shape)}, {'linear' if self.is_linear else self.shape}"


def with_float_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return stored tensors, and beside the integers of each int8 layer the weights that they stand for, float32."""
    weights = {}
    for name, integers in tensors.items():
        layer, _, last = name.rpartition(".")
        scales = tensors.get(f"{layer}.scales")
        if last == "integers" and scales is not None and scales.shape == integers.shape[:1]:
            by_channel = scales.float().reshape(-1, *[1] * (integers.ndim - 1))
            weights[f"{layer}.weight"] = integers * by_channel
    return {**tensors, **weights}


def _clear_cache(module: Int8Layer, keys: object) -> None:
    """The hook after loading weights; a module-level function, so that a layer can be pickled."""
    module.clear_cache()


def _convolution_shape(layer: nn.Conv1d | nn.Conv2d | nn.Linear) -> ConvolutionShape:
    if isinstance(layer, nn.Linear):
        return ConvolutionShape()
    padding = _padding(layer)
    assert padding is not None, "refused by why_no_int8"
    return ConvolutionShape(
        _of_rows_and_columns(layer.stride, 1),
        _of_rows_and_columns(padding, 0),
        _of_rows_and_columns(layer.dilation, 1),
        layer.groups,
    )


def _of_rows_and_columns(numbers: tuple[int, ...], of_rows: int) -> tuple[int, int]:
    """Return two numbers; those of a Conv1d are of columns."""
    rows, columns = numbers if len(numbers) == 2 else (of_rows, *numbers)
    return rows, columns


def _padding(layer: nn.Conv1d | nn.Conv2d) -> tuple[int, ...] | None:
    """Return the padding of both sides of each axis; None where they differ."""
    if not isinstance(layer.padding, str):
        return tuple(layer.padding)
    if layer.padding == "valid":
        return (0,) * len(layer.kernel_size)
    whole = [dilation * (size - 1) for size, dilation in zip(layer.kernel_size, layer.dilation, strict=True)]
    return None if any(total % 2 for total in whole) else tuple(total // 2 for total in whole)
