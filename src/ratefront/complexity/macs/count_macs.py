"""Every operation of a run is looked at, and counted, known to count nothing, or named as unknown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ratefront.complexity.macs.count import Macs
from ratefront.complexity.macs.elementwise_products import Products
from ratefront.complexity.macs.formulas import counted
from ratefront.complexity.macs.operations import Operation, multiplies_nothing, plain_name
from ratefront.complexity.macs.unseen_work import Departures, Normalisations, UnwrittenMemory


def multiply_accumulates(run: Callable[[Tensor], object], sample: Tensor) -> Macs:
    """Multiply–accumulates of one run on one sample (1, ...), of which the tensors may be meta ones.

    An error of the run is raised; one that it has only while it is counted makes the number unknown.
    """
    counter = _Counter(sample)
    try:
        with torch.no_grad(), _unfused(), counter, counter.departures, counter.normalisations:
            counter.end(run(sample))
    except Exception as error:
        with torch.no_grad():
            run(sample)
        counter.add_unknown(f"a run that fails while it is counted ({_in_short(error)})")
    return Macs(counter.total, tuple(counter.unknown))


@contextmanager
def _unfused() -> Iterator[None]:
    """Networks run as single operations: attention and recurrent layers by their products, compiled ones uncompiled."""
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


class _Counter(TorchDispatchMode):
    """Sums what formulas give, and names what has none."""

    supports_higher_order_operators = True

    def __init__(self, sample: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self.unknown: dict[str, None] = {}
        self._products = Products(sample)
        self.departures = Departures(self.add_unknown, self._products.leave)
        self.normalisations = Normalisations()
        self._memory = UnwrittenMemory()

    def add_unknown(self, what: str) -> None:
        """Remember what has no known number."""
        self.unknown[what] = None

    def end(self, result: object) -> None:
        """Look at what the run gave: a tensor in it may be memory that foreign code has written."""
        if self._memory.holds(result):
            self.add_unknown("code outside of torch's operations, which wrote the result")

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not isinstance(func, OpOverload):
            self.add_unknown(str(func))
            return func(*args, **kwargs)
        if (output := self._in_parts(func, args, kwargs)) is not NotImplemented:
            return output
        self._look_for_hidden(func, args, kwargs)
        given = self._products.given(func, args, kwargs)
        output = func(*args, **kwargs)
        self._memory.follow(func, args, kwargs, output)
        elementwise = self._products.follow(func, args, kwargs, given, output)
        self._add(func, args, kwargs, output, 0 if self.normalisations.entered else elementwise)
        return output

    def _in_parts(self, func: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The output of an operation that is made of others, which are then looked at (so in inference mode)."""
        if func.namespace == "prim":
            return NotImplemented
        with self:
            return func.decompose(*args, **kwargs)

    def _look_for_hidden(self, func: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if self.departures.as_array and plain_name(func) == "lift_fresh":
            self.add_unknown(f"what follows Tensor.{self.departures.as_array}")
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
        if not _are_plain([args, kwargs, output]):
            self.add_unknown(f"{func.overloadpacket} of tensors not dense and real")
        elif (products := counted(func, args, kwargs, output)) is not None:
            self.total += products
        elif multiplies_nothing(func):
            self.total += elementwise
        else:
            self.add_unknown(str(func.overloadpacket))


def _in_short(error: Exception) -> str:
    first, *_ = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {first}"


def _are_plain(values: object) -> bool:
    tensors = [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
    return all(t.layout == torch.strided and not t.is_complex() and not t.is_nested for t in tensors)
