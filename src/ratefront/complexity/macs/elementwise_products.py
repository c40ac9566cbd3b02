"""Elementwise products that are multiply–accumulates, wherever the network adds them up.

A product of what derives from the sample with weights or constants is counted where it is multiplied, one for each
number of it, whatever sums it later. A product of two tensors that both derive from the sample (a gate, a mask) is
counted where a sum takes it up, also through copies and additions. So is the square of a difference of the sample from
weights. A product with a single number counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, TypeAlias

from torch import Tensor

from ratefront.complexity.macs.memory_origins import Origin, OriginTracker, holds_one_number
from ratefront.complexity.macs.operations import (
    Operation,
    arguments_written,
    by_schema_argument,
    copies,
    dense_tensors,
    is_elementwise,
    is_view,
    kind,
    names_in,
)

#: The tensors that an operation takes, and where their numbers came from before it ran.
Inputs: TypeAlias = list[tuple[Tensor, Origin]]

#: Elementwise operations of several tensors that hold no product; all others count as products.
_ADDING = frozenset(("add", "sub", "rsub"))
_CHOOSING = names_in("""
    bitwise_and bitwise_or bitwise_xor clamp clamp_max clamp_min clip copysign eq fmax fmin ge gt heaviside le
    logaddexp logaddexp2 logical_and logical_or logical_xor lt masked_fill max maximum min minimum ne nextafter where
    __ior__ __ixor__ __iand__
""")
_PASSING = _ADDING | names_in(
    "abs addcdiv addcmul clone div lerp masked_fill mul neg positive true_divide where"
)
_SQUARES = names_in("pow square float_power")
_SUMS = names_in("""
    adaptive_avg_pool2d avg_pool2d avg_pool3d col2im cumsum index_add index_reduce mean nansum scatter_add
    scatter_reduce sum _adaptive_avg_pool2d _adaptive_avg_pool3d
""")
_ACCUMULATING = names_in("index_put put scatter _index_put_impl _unsafe_index_put")
_CREATING = names_in("""
    bernoulli empty empty_like empty_strided fill full full_like new_empty new_empty_strided new_full new_ones
    new_zeros ones ones_like scalar_tensor zero zeros zeros_like
""")
_OVERWRITING = names_in("copy fill zero")
_RANDOM = names_in("bernoulli cauchy exponential geometric log_normal normal random uniform")


class ElementwiseProducts:
    """Follows the tensors of a run, and counts the elementwise products of each operation."""

    def __init__(self, sample: object) -> None:
        self._origins = OriginTracker()
        #: Whether numbers of the sample, or of weights, became Python numbers: any Python number may be one of them.
        self._sample_left = self._weights_left = False
        for tensor in dense_tensors(sample):
            self._origins.write(tensor, Origin(from_sample=True, from_weights=False))

    def read_inputs(self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Inputs:
        """Return the tensors whose numbers an operation uses; call this before it runs and may write them."""
        used = [
            value for argument, value in by_schema_argument(operation, args, kwargs) if not argument.is_out
        ]
        tensors = dense_tensors(used)[_overwrites_first(operation) :]
        return [(tensor, self._origins.origin(tensor)) for tensor in tensors]

    def follow(
        self,
        operation: Operation,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        inputs: Inputs,
        output: object,
    ) -> int:
        """Count the multiply–accumulates that an operation without a formula holds or takes up."""
        if is_view(operation):
            return 0
        changed = dense_tensors(arguments_written(operation, args, kwargs))
        results = dense_tensors(output) or changed
        scales, origin = self._scales_by_number(operation, args, inputs), _result_origin(operation, inputs)
        for tensor in (*results, *changed):
            self._origins.write(
                tensor,
                replace(origin, from_sample=origin.from_sample or scales),
                computed=not copies(operation),
            )
        if kind(operation) == "_local_scalar_dense":
            self.note_left(inputs[0][0])
        at_once = scales or _multiplies_by_weights(operation, inputs)
        products = sum(result.numel() for result in results) if at_once else 0
        return products + _products_summed(operation, args, kwargs, inputs)

    def note_left(self, tensor: Tensor) -> None:
        """Remember that a tensor's numbers became numbers of Python."""
        origin = self._origins.origin(tensor)
        self._sample_left |= origin.from_sample
        self._weights_left |= tensor.is_floating_point() and _is_weight((tensor, origin))

    def _scales_by_number(self, operation: Operation, args: Sequence[Any], inputs: Inputs) -> bool:
        """Tell whether it multiplies the sample by a Python number that may be a weight, or the other way round."""
        if kind(operation) not in ("mul", "div") or not any(isinstance(value, int | float) for value in args):
            return False
        scales_weights = self._sample_left and any(map(_is_weight, inputs))
        return scales_weights or (self._weights_left and any(origin.from_sample for _, origin in inputs))


def _overwrites_first(operation: Operation) -> bool:
    """Tell whether no number of its first tensor is used: that is overwritten, or gives its shape alone."""
    name = kind(operation)
    in_place = operation.overloadpacket.__name__.endswith("_")
    overwrites = name in _OVERWRITING or (in_place and name in _RANDOM)
    return overwrites or name.endswith("_like") or name.startswith("new_")


def _multiplies_by_weights(operation: Operation, inputs: Inputs) -> bool:
    """Tell whether it multiplies what derives from the sample by weights."""
    factors = _factors(operation, inputs)
    return (
        len(factors) > 1
        and any(origin.from_sample for _, origin in factors)
        and any(map(_is_weight, factors))
    )


def _is_weight(factor: tuple[Tensor, Origin]) -> bool:
    tensor, origin = factor
    return origin.from_weights and not holds_one_number(tensor)


def _factors(operation: Operation, inputs: Inputs) -> Inputs:
    """Return the tensors that an elementwise operation multiplies; none where it multiplies none."""
    name = kind(operation)
    if not is_elementwise(operation) or name in _ADDING | _CHOOSING:
        return []
    if name == "lerp" and len(inputs) == 2:  # between two tensors, by a number
        return []
    return inputs[len(inputs) // 3 :] if name in ("addcmul", "addcdiv") else inputs


def _result_origin(operation: Operation, inputs: Inputs) -> Origin:
    sample = any(origin.from_sample for _, origin in inputs)
    weights = _keeps_weights(operation, inputs) if sample else not _is_made_by_run(operation, inputs)
    return Origin(sample, weights, _unsummed_products(operation, inputs), _is_difference(operation, inputs))


def _is_made_by_run(operation: Operation, inputs: Inputs) -> bool:
    """Tell whether nothing in the result comes from outside."""
    made = kind(operation) in _CREATING or (bool(inputs) and is_elementwise(operation))
    return made and not any(origin.from_weights for _, origin in inputs)


def _keeps_weights(operation: Operation, inputs: Inputs) -> bool:
    """Tell whether numbers of weights may be in the result unchanged, beside those of the sample."""
    chooses = copies(operation) or kind(operation) in ("where", "masked_fill")
    return chooses and any(origin.from_weights and tensor.is_floating_point() for tensor, origin in inputs)


def _unsummed_products(operation: Operation, inputs: Inputs) -> int:
    """Count the products that no sum has taken up yet in each number of the result."""
    name, factors = kind(operation), _factors(operation, inputs)
    held = [origin.unsummed_products for _, origin in inputs]
    if (name in _SQUARES or _is_square(name, factors)) and inputs[0][1].is_difference:
        return 1
    if name in ("mul", "addcmul") and _is_pair(factors) and not _multiplies_by_weights(operation, inputs):
        return 1 + sum(held[: len(inputs) - len(factors)])
    if name in _ADDING:
        return sum(held)
    return max(held, default=0) if _passes(operation) and name not in _SUMS else 0


def _passes(operation: Operation) -> bool:
    """Tell whether a sum of its results is a sum of its inputs, but for factors and terms."""
    return kind(operation) in _PASSING or copies(operation)


def _is_square(name: str, factors: Inputs) -> bool:
    return name == "mul" and len(factors) == 2 and factors[0][0] is factors[1][0]


def _is_pair(factors: Inputs) -> bool:
    """Tell whether these are two tensors of more than one number each."""
    several = all(tensor.numel() > 1 and not holds_one_number(tensor) for tensor, _ in factors)
    return len(factors) >= 2 and several and factors[0][0] is not factors[1][0]


def _is_difference(operation: Operation, inputs: Inputs) -> bool:
    name = kind(operation)
    if name in _ADDING and any(origin.from_sample for _, origin in inputs) and any(map(_is_weight, inputs)):
        return True
    return _passes(operation) and any(origin.is_difference for _, origin in inputs)


def _products_summed(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], inputs: Inputs
) -> int:
    """Count the products that a sum takes up, and those within a reduction itself."""
    name, flags = kind(operation), _flags(args, kwargs)
    if name in ("prod", "cumprod") or {"prod", "multiply"} & flags:
        return sum(tensor.numel() for tensor, origin in inputs if origin.from_sample)
    if name in _SUMS or (name in _ACCUMULATING and flags):
        return sum(tensor.numel() * origin.unsummed_products for tensor, origin in inputs)
    if name in ("norm", "linalg_vector_norm") and not {0, 1, inf, -inf} & set(args[1:2]):
        return sum(tensor.numel() for tensor, origin in inputs if origin.is_difference)
    return 0


def _flags(args: Sequence[Any], kwargs: Mapping[str, Any]) -> set[str | bool]:
    """Return the arguments that say whether and how numbers at one place are accumulated."""
    return {value for value in (*args, *kwargs.values()) if value is True or isinstance(value, str)}
