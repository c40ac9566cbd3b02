"""Where the numbers of a run's memory come from, and which products of each other they hold.

The account is kept by memory, not by tensor: so views share it, and what is written in place changes it for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ratefront.complexity.macs.unseen_work import storage_of


@dataclass(frozen=True)
class Content:
    """What memory may hold; neither ``sample`` nor ``weights`` is what the run made, as zeros or a dropout's mask.

    ``sample``: numbers that derive from the sample; ``weights``: weights or constants as they came from outside;
    ``products``: how many that no sum has taken up yet each number holds; ``difference``: of sample and weights.
    """

    sample: bool = False
    weights: bool = True
    products: int = 0
    difference: bool = False

    def __or__(self, other: Content) -> Content:
        return Content(
            self.sample or other.sample,
            self.weights or other.weights,
            max(self.products, other.products),
            self.difference or other.difference,
        )


class Contents:
    """What each piece of memory holds; what was never written in the run comes from outside."""

    def __init__(self) -> None:
        self._known: dict[
            int, tuple[StorageWeakRef, Content]
        ] = {}  # held weakly, so that no address comes twice

    def of(self, tensor: Tensor) -> Content:
        """What the tensor's memory holds."""
        known = self._known.get(storage_of(tensor)._cdata)
        return Content() if known is None else known[1]

    def write(self, tensor: Tensor, content: Content, *, computed: bool = False) -> None:
        """Remember what an operation wrote; where it left some numbers, memory holds both.

        What is computed in place in a part of weights (a gate in a recurrent layer's memory) makes all of it derive.
        """
        storage = storage_of(tensor)
        if tensor.numel() * tensor.element_size() < storage.nbytes():
            both = content | self.of(tensor)
            weights = content.weights or (both.weights and not computed) or not both.sample
            content = replace(both, weights=weights)
        self._known[storage._cdata] = (StorageWeakRef(storage), content)


def holds_one_number(tensor: Tensor) -> bool:
    """Whether all its memory is one number: an element of a weight is no such tensor."""
    return int(storage_of(tensor).nbytes()) <= tensor.element_size()
