"""Elementwise products that are multiply–accumulates, whoever adds them up.

A product of what derives from the sample with weights or constants is counted where it is multiplied, one for each
number of it: whatever sums it later. A product of two tensors that both derive from the sample (a gate, a mask) is
counted where a sum takes it up, and so is the square of a difference of the sample from weights: also through copies
and additions. A product with a single number counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any, TypeAlias

from torch import Tensor

from ratefront.complexity.macs.memory_origins import Content, Contents, holds_one_number
from ratefront.complexity.macs.operations import Operation, copies, is_elementwise, is_view, kind, words
from ratefront.complexity.macs.unseen_work import by_argument, tensors_of, written

#: Tensors that an operation was given, and what they held then.
Given: TypeAlias = list[tuple[Tensor, Content]]

#: Elementwise operations of several tensors that hold no product; all others are taken to.
_ADDING = frozenset(("add", "sub", "rsub"))
_CHOOSING = words("""
    bitwise_and bitwise_or bitwise_xor clamp clamp_max clamp_min clip copysign eq fmax fmin ge gt heaviside le
    logaddexp logaddexp2 logical_and logical_or logical_xor lt masked_fill max maximum min minimum ne nextafter where
    __ior__ __ixor__ __iand__
""")
_PASSING = _ADDING | words(
    "abs addcdiv addcmul clone div lerp masked_fill mul neg positive true_divide where"
)
_SQUARES = words("pow square float_power")
_SUMS = words("""
    adaptive_avg_pool2d avg_pool2d avg_pool3d col2im cumsum index_add index_reduce mean nansum scatter_add
    scatter_reduce sum _adaptive_avg_pool2d _adaptive_avg_pool3d
""")
_ACCUMULATING = words("index_put put scatter _index_put_impl _unsafe_index_put")
_OF_ONE_NUMBER = words("""
    bernoulli empty empty_like empty_strided fill full full_like new_empty new_empty_strided new_full new_ones
    new_zeros ones ones_like scalar_tensor zero zeros zeros_like
""")
_OVERWRITING = words("copy fill zero")
_DRAWN = words("bernoulli cauchy exponential geometric log_normal normal random uniform")


class Products:
    """Follows a run's products of tensors."""

    def __init__(self, sample: object) -> None:
        self._contents = Contents()
        #: Numbers of the sample, or of weights, are Python's: any of those may be one.
        self._sample_left = self._weights_left = False
        for tensor in tensors_of(sample):
            self._contents.write(tensor, Content(sample=True, weights=False))

    def given(self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Given:
        """The tensors whose numbers an operation uses: to be asked before it is run, which may write them."""
        used = [value for argument, value in by_argument(operation, args, kwargs) if not argument.is_out]
        tensors = tensors_of(used)[_overwrites_first(operation) :]
        return [(tensor, self._contents.of(tensor)) for tensor in tensors]

    def follow(
        self,
        operation: Operation,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        given: Given,
        output: object,
    ) -> int:
        """The multiply–accumulates that an operation of no formula holds or takes up."""
        if is_view(operation):
            return 0
        changed = tensors_of(written(operation, args, kwargs))
        results = tensors_of(output) or changed
        scales, content = self._scales(operation, args, given), _content(operation, given)
        for tensor in (*results, *changed):
            self._contents.write(
                tensor, replace(content, sample=content.sample or scales), computed=not copies(operation)
            )
        if kind(operation) == "_local_scalar_dense":
            self.leave(given[0][0])
        at_once = scales or _weighs(operation, given)
        products = sum(result.numel() for result in results) if at_once else 0
        return products + _taken_up(operation, args, kwargs, given)

    def leave(self, tensor: Tensor) -> None:
        """Remember that a tensor's numbers became Python's."""
        content = self._contents.of(tensor)
        self._sample_left |= content.sample
        self._weights_left |= tensor.is_floating_point() and _is_weight((tensor, content))

    def _scales(self, operation: Operation, args: Sequence[Any], given: Given) -> bool:
        """Whether it multiplies the sample by a number that may be a weight, or the other way round."""
        if kind(operation) not in ("mul", "div") or not any(isinstance(value, int | float) for value in args):
            return False
        of_weights = self._sample_left and any(map(_is_weight, given))
        return of_weights or (self._weights_left and any(content.sample for _, content in given))


def _overwrites_first(operation: Operation) -> bool:
    """Whether no number of its first tensor is used: one that is overwritten, or only asked for its shape."""
    name = kind(operation)
    in_place = operation.overloadpacket.__name__.endswith("_")
    overwrites = name in _OVERWRITING or (in_place and name in _DRAWN)
    return overwrites or name.endswith("_like") or name.startswith("new_")


def _weighs(operation: Operation, given: Given) -> bool:
    """Whether it multiplies what derives from the sample by weights."""
    factors = _factors(operation, given)
    return (
        len(factors) > 1 and any(content.sample for _, content in factors) and any(map(_is_weight, factors))
    )


def _is_weight(factor: tuple[Tensor, Content]) -> bool:
    tensor, content = factor
    return content.weights and not holds_one_number(tensor)


def _factors(operation: Operation, given: Given) -> Given:
    """The tensors that an elementwise operation multiplies; none where it multiplies none."""
    name = kind(operation)
    if not is_elementwise(operation) or name in _ADDING | _CHOOSING:
        return []
    if name == "lerp" and len(given) == 2:  # between two tensors, by a number
        return []
    return given[len(given) // 3 :] if name in ("addcmul", "addcdiv") else given


def _content(operation: Operation, given: Given) -> Content:
    sample = any(content.sample for _, content in given)
    weights = _keeps_weights(operation, given) if sample else not _is_made(operation, given)
    return Content(sample, weights, _products(operation, given), _is_difference(operation, given))


def _is_made(operation: Operation, given: Given) -> bool:
    """Whether nothing in the result comes from outside."""
    made = kind(operation) in _OF_ONE_NUMBER or (bool(given) and is_elementwise(operation))
    return made and not any(content.weights for _, content in given)


def _keeps_weights(operation: Operation, given: Given) -> bool:
    """Whether numbers of weights may be in the result as they were, beside those of the sample."""
    chooses = copies(operation) or kind(operation) in ("where", "masked_fill")
    return chooses and any(content.weights and tensor.is_floating_point() for tensor, content in given)


def _products(operation: Operation, given: Given) -> int:
    """How many products that are not counted yet each number of the result holds."""
    name, factors = kind(operation), _factors(operation, given)
    held = [content.products for _, content in given]
    if (name in _SQUARES or _is_own_square(name, factors)) and given[0][1].difference:
        return 1
    if name in ("mul", "addcmul") and _is_pair(factors) and not _weighs(operation, given):
        return 1 + sum(held[: len(given) - len(factors)])
    if name in _ADDING:
        return sum(held)
    return max(held, default=0) if _passes(operation) and name not in _SUMS else 0


def _passes(operation: Operation) -> bool:
    """Whether a sum of its results is one of what it was given, but for factors and terms."""
    return kind(operation) in _PASSING or copies(operation)


def _is_own_square(name: str, factors: Given) -> bool:
    return name == "mul" and len(factors) == 2 and factors[0][0] is factors[1][0]


def _is_pair(factors: Given) -> bool:
    """Whether these are two tensors of more than one number each."""
    several = all(tensor.numel() > 1 and not holds_one_number(tensor) for tensor, _ in factors)
    return len(factors) >= 2 and several and factors[0][0] is not factors[1][0]


def _is_difference(operation: Operation, given: Given) -> bool:
    name = kind(operation)
    if name in _ADDING and any(content.sample for _, content in given) and any(map(_is_weight, given)):
        return True
    return _passes(operation) and any(content.difference for _, content in given)


def _taken_up(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], given: Given) -> int:
    """Products that a sum takes up, and those within a reduction itself."""
    name, flags = kind(operation), _flags(args, kwargs)
    if name in ("prod", "cumprod") or {"prod", "multiply"} & flags:
        return sum(tensor.numel() for tensor, content in given if content.sample)
    if name in _SUMS or (name in _ACCUMULATING and flags):
        return sum(tensor.numel() * content.products for tensor, content in given)
    if name in ("norm", "linalg_vector_norm") and not {0, 1, inf, -inf} & set(args[1:2]):
        return sum(tensor.numel() for tensor, content in given if content.difference)
    return 0


def _flags(args: Sequence[Any], kwargs: Mapping[str, Any]) -> set[str | bool]:
    """Whether and how numbers that meet are joined."""
    return {value for value in (*args, *kwargs.values()) if value is True or isinstance(value, str)}
