"""Multiply–accumulates of operations that multiply tensors with each other, by the sizes of their arguments.

Formulas come from torch's own registry, to which a package adds its custom operations by
``torch.utils.flop_counter.register_flop_formula``. Formulas that the registry lacks are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

from ratefront.complexity.macs.operations import Operation, plain_name


def _second_size(out: Tensor, first: Tensor, second: Tensor, *rest: object, **named: object) -> int:
    """Count every number of the second argument once: a matrix times a vector, added to something."""
    return second.numel()


def _first_size(out: Tensor, first: Tensor, *rest: object, **named: object) -> int:
    return first.numel()


def _output_size(out: Tensor, *rest: object, **named: object) -> int:
    return out.numel()


def _matrix_product(out: Tensor, first: Tensor, *rest: object, **named: object) -> int:
    return out.numel() * first.shape[-1]


def _sum_of_matrix_products(out: Tensor, added: Tensor, first: Tensor, *rest: object, **named: object) -> int:
    return out.numel() * first.shape[0] * first.shape[-1]


def _time_convolution(out: Tensor, values: Tensor, weight: Tensor, *rest: object, **named: object) -> int:
    """Count a convolution whose weight is (k, inputs, outputs)."""
    return out.numel() * prod(weight.shape[:2])


def _bilinear(
    out: Tensor,
    one: Tensor,
    two: Tensor,
    three: Tensor,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    sumdim: Sequence[int],
    *rest: object,
    **named: object,
) -> int:
    """Count Σ_i Σ_j a_i W_ij b_j: the last index is summed first, then the others."""
    sizes = torch.broadcast_shapes(
        _expanded(one, expand1), _expanded(two, expand2), _expanded(three, expand3)
    )
    terms: int = prod(sizes)
    return terms + (terms // sizes[sumdim[-1]] if len(sumdim) > 1 else 0)


def _expanded(tensor: Tensor, at: Sequence[int]) -> list[int]:
    sizes = list(tensor.shape)
    for axis in at:
        sizes.insert(axis, 1)
    return sizes


def _integer_convolution(
    out: Tensor, images: Tensor, scale: float, zero: int, packed: Tensor, *rest: object, **named: object
) -> int:
    """Count an int8 convolution, whose packed weight is (outputs, inputs/groups, h, w)."""
    return out.numel() * prod(packed.shape[1:])


#: oneDNN's int8 operations; their packed weights are in memory that only oneDNN reads.
_INT8_KERNELS: Mapping[str, Callable[..., int]] = {
    "qconv_pointwise": _integer_convolution,
    "qconv_prepack": lambda *_, **__: 0,
}

_NOT_IN_TORCH: Mapping[str, Callable[..., int]] = {
    "mv": _first_size,
    "dot": _first_size,
    "vdot": _first_size,
    "addmv": _second_size,
    "addr": _output_size,
    "addbmm": _sum_of_matrix_products,
    "_int_mm": _matrix_product,
    "conv_tbc": _time_convolution,
    "_trilinear": _bilinear,
}


def macs_by_formula(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], output: object
) -> int | None:
    """Return the multiply–accumulates of a call; None where the operation has no formula."""
    if operation.namespace == "aten" and (formula := _NOT_IN_TORCH.get(plain_name(operation))):
        return formula(output, *args, **kwargs)
    flops = _flop_formula(operation)
    return None if flops is None else int(flops(*args, **_without_out(kwargs), out_val=output)) // 2


def macs_of_int8_kernel(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], output: object
) -> int | None:
    """Return the multiply–accumulates of a call of an int8 kernel; None for other operations."""
    formula = _INT8_KERNELS.get(plain_name(operation)) if operation.namespace == "onednn" else None
    return None if formula is None else formula(output, *args, **kwargs)


def _flop_formula(operation: Operation) -> Callable[..., int] | None:
    """Return torch's formula of the operation, or of the operation whose in-place form it is."""
    formula: Callable[..., int] | None = flop_registry.get(operation.overloadpacket)
    if formula is not None or operation.namespace != "aten":
        return formula
    return flop_registry.get(getattr(torch.ops.aten, plain_name(operation), None))


def _without_out(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name != "out"}
