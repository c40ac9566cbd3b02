"""Counts the multiply–accumulates of a run: every operation is counted, known to count as none, or named as unknown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ratefront.complexity.macs.elementwise_products import ElementwiseProducts
from ratefront.complexity.macs.mac_formulas import macs_by_formula, macs_of_int8_kernel
from ratefront.complexity.macs.operations import Operation, multiplies_nothing, plain_name
from ratefront.complexity.macs.unseen_work import RunningNormalisation, UnwrittenMemory, ValuesLeavingTorch

_MAX_NAMED = 4


@dataclass(frozen=True)
class Macs:
    """A number of multiply–accumulates that may be unknown.

    ``counted`` is what was counted. It is the whole number, unless ``unknown`` names what else was run.
    """

    counted: int
    unknown: tuple[str, ...] = ()

    @property
    def value(self) -> int | None:
        """The number; None where it is unknown."""
        return None if self.unknown else self.counted

    @property
    def why_unknown(self) -> str:
        """What has no known number; empty where everything has one."""
        named, more = self.unknown[:_MAX_NAMED], len(self.unknown) - _MAX_NAMED
        rest = f" and {more} more" if more > 0 else ""
        return f"no count of multiply–accumulates for {', '.join(named)}{rest}" if named else ""

    def __add__(self, other: Macs) -> Macs:
        return Macs(self.counted + other.counted, tuple(dict.fromkeys(self.unknown + other.unknown)))

    def times(self, runs: int) -> Macs:
        """Return the number for so many runs."""
        return Macs(self.counted * runs, self.unknown)


def multiply_accumulates(run: Callable[[Tensor], object], sample: Tensor) -> Macs:
    """Count the multiply–accumulates of one run on one sample (1, ...); tensors may be on the device ``meta``.

    An error of the run is raised. An error that occurs only while the run is counted makes the number unknown.
    """
    counter = _MacCounter(sample)
    try:
        with torch.no_grad(), _unfused(), counter, counter.leaving, counter.normalisation:
            counter.end(run(sample))
    except Exception as error:
        with torch.no_grad():
            run(sample)
        counter.add_unknown(f"a run that fails while it is counted ({_first_line(error)})")
    return Macs(counter.total, tuple(counter.unknown))


@contextmanager
def _unfused() -> Iterator[None]:
    """Run networks as single operations: attention and recurrent layers unfused, compiled networks uncompiled."""
    with ExitStack() as stack:
        stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)
        libraries: list[Any] = [torch.backends.mkldnn, torch.backends.cudnn]
        for library in libraries:  # not by their flags(), which set more than that
            stack.callback(setattr, library, "enabled", library.enabled)
            library.enabled = False
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if "torch._dynamo" in sys.modules:  # nothing is compiled where it is not; importing it takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


class _MacCounter(TorchDispatchMode):
    """Adds up the MACs of each operation, and names operations of which the number is unknown."""

    supports_higher_order_operators = True

    def __init__(self, sample: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self.unknown: dict[str, None] = {}
        self._products = ElementwiseProducts(sample)
        self.leaving = ValuesLeavingTorch(self.add_unknown, self._products.note_left)
        self.normalisation = RunningNormalisation()
        self._memory = UnwrittenMemory()

    def add_unknown(self, what: str) -> None:
        """Remember what has no known number."""
        self.unknown[what] = None

    def end(self, result: object) -> None:
        """Look at the result of the run: a tensor in it may be memory that foreign code has written."""
        if self._memory.holds(result):
            self.add_unknown("code outside of torch's operations, which wrote the result")

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not isinstance(func, OpOverload):
            self.add_unknown(str(func))
            return func(*args, **kwargs)
        if (output := self._run_in_parts(func, args, kwargs)) is not NotImplemented:
            return output
        self._look_for_unseen_work(func, args, kwargs)
        inputs = self._products.read_inputs(func, args, kwargs)
        output = func(*args, **kwargs)
        self._memory.follow(func, args, kwargs, output)
        elementwise = self._products.follow(func, args, kwargs, inputs, output)
        self._add(func, args, kwargs, output, 0 if self.normalisation.is_running else elementwise)
        return output

    def _run_in_parts(self, func: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run an operation that consists of others (as in inference mode), so that those are counted."""
        if func.namespace == "prim":
            return NotImplemented
        with self:
            return func.decompose(*args, **kwargs)

    def _look_for_unseen_work(self, func: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if self.leaving.last_as_array and plain_name(func) == "lift_fresh":
            self.add_unknown(f"what follows Tensor.{self.leaving.last_as_array}")
        if self._memory.read_by(func, args, kwargs):
            self.add_unknown(f"code outside of torch's operations, whose output {func.overloadpacket} reads")

    def _add(
        self,
        func: Operation,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        output: object,
        elementwise: int,
    ) -> None:
        if (products := macs_of_int8_kernel(func, args, kwargs, output)) is not None:
            self.total += products
        elif not _are_plain([args, kwargs, output]):
            self.add_unknown(f"{func.overloadpacket} of tensors not dense and real")
        elif (products := macs_by_formula(func, args, kwargs, output)) is not None:
            self.total += products
        elif multiplies_nothing(func):
            self.total += elementwise
        else:
            self.add_unknown(str(func.overloadpacket))


def _first_line(error: Exception) -> str:
    first, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}"


def _are_plain(values: object) -> bool:
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    return all(t.layout == torch.strided and not t.is_complex() and not t.is_nested for t in tensors)
