"""Where the numbers in a run's memory come from, and how many products that are not counted yet they hold.

Origins are kept by memory, not by tensor. So views share them, and what is written in place changes them for all views.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ratefront.complexity.macs.operations import tensor_storage


@dataclass(frozen=True)
class Origin:
    """Where numbers come from; what the run made itself, as zeros or a dropout's mask, is from neither.

    Attributes:
        from_sample: Some numbers may derive from the sample.
        from_weights: Some numbers may be weights or constants as they came from outside.
        unsummed_products: How many products that no sum has taken up yet each number holds.
        is_difference: Some numbers may be differences of sample and weights.
    """

    from_sample: bool = False
    from_weights: bool = True
    unsummed_products: int = 0
    is_difference: bool = False

    def __or__(self, other: Origin) -> Origin:
        return Origin(
            self.from_sample or other.from_sample,
            self.from_weights or other.from_weights,
            max(self.unsummed_products, other.unsummed_products),
            self.is_difference or other.is_difference,
        )


class OriginTracker:
    """Remembers the origin of each piece of memory; what was never written in the run comes from outside."""

    def __init__(self) -> None:
        # Storages are held weakly, so that no address comes twice.
        self._known: dict[int, tuple[StorageWeakRef, Origin]] = {}

    def origin(self, tensor: Tensor) -> Origin:
        """Return the origin of the tensor's memory."""
        known = self._known.get(tensor_storage(tensor)._cdata)
        return Origin() if known is None else known[1]

    def write(self, tensor: Tensor, origin: Origin, *, computed: bool = False) -> None:
        """Remember what an operation wrote; where it left some numbers as they were, memory holds both.

        What is ``computed`` in place in a part of weights (a gate in a recurrent layer's memory) makes all of that
        memory derive from the sample.
        """
        storage = tensor_storage(tensor)
        if tensor.numel() * tensor.element_size() < storage.nbytes():
            both = origin | self.origin(tensor)
            from_weights = origin.from_weights or (both.from_weights and not computed) or not both.from_sample
            origin = replace(both, from_weights=from_weights)
        self._known[storage._cdata] = (StorageWeakRef(storage), origin)


def holds_one_number(tensor: Tensor) -> bool:
    """Tell whether all of the tensor's memory is one number; an element of a weight is no such tensor."""
    return int(tensor_storage(tensor).nbytes()) <= tensor.element_size()
