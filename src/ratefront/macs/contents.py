"""Where the numbers of a run's memory come from, and which products of each other they hold.

The account is kept by memory, not by tensor: so views share it, and what is written in place changes it for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import reduce
from operator import or_

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ratefront.macs.hidden import storage_of


class Source(IntEnum):
    """What holds numbers of several sources is of the greatest."""

    MADE = 0  # in the run: of one number, as zeros and ones are, or the mask of a dropout
    OUTSIDE = 1  # weights and constants
    SAMPLE = 2


@dataclass(frozen=True)
class Content:
    """``products``: how many that no sum has taken up yet each number holds; ``difference``: of sample and weight."""

    source: Source = Source.OUTSIDE
    products: int = 0
    difference: bool = False

    def __or__(self, other: Content) -> Content:
        return Content(
            max(self.source, other.source),
            max(self.products, other.products),
            self.difference or other.difference,
        )


class Contents:
    """What each piece of memory holds; what was never written in the run comes from outside."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[StorageWeakRef, Content]] = {}  # held weakly, so that no address comes twice

    def of(self, tensor: Tensor) -> Content:
        """What the tensor's memory holds."""
        known = self._known.get(storage_of(tensor)._cdata)
        return Content() if known is None else known[1]

    def write(self, tensor: Tensor, content: Content) -> None:
        """Remember what an operation wrote; where it left some numbers, memory holds both."""
        storage = storage_of(tensor)
        if tensor.numel() * tensor.element_size() < storage.nbytes():
            content = reduce(or_, [content, self.of(tensor), Content()])
        self._known[storage._cdata] = (StorageWeakRef(storage), content)


def holds_one_number(tensor: Tensor) -> bool:
    """Whether all its memory is one number: an element of a weight is no such tensor."""
    return int(storage_of(tensor).nbytes()) <= tensor.element_size()


def most(values: Iterable[Content], of: Callable[[Content], int]) -> int:
    """The largest; 0 of none."""
    return max(map(of, values), default=0)
