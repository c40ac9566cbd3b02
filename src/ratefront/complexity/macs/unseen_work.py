"""Work that torch's dispatcher does not see; one finds it by looking where values come from.

Values that leave torch (a NumPy array, a raw pointer) and come back were computed elsewhere in between. Memory that
was allocated and is read, though no operation has written it, was written by foreign code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

from ratefront.complexity.macs.operations import (
    Operation,
    arguments_read,
    arguments_written,
    dense_tensors,
    is_view,
    tensor_storage,
)

_TO_ARRAYS = frozenset({Tensor.numpy, Tensor.__array__, Tensor.tolist})
_TO_POINTERS = frozenset({Tensor.data_ptr, Tensor.untyped_storage, Tensor.__dlpack__})
_NORMALISATIONS = frozenset({torch.rms_norm, torch.nn.functional.rms_norm})
_ALLOCATIONS = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")


class ValuesLeavingTorch(TorchFunctionMode):
    """Looks for values that leave torch, as arrays or by their address.

    ``last_as_array`` is the name of the method that last gave values as an array, empty where none did.
    """

    def __init__(self, add_unknown: Callable[[str], None], note_left: Callable[[Tensor], None]) -> None:
        super().__init__()
        self.last_as_array, self._add_unknown, self._note_left = "", add_unknown, note_left

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _TO_ARRAYS:
            self.last_as_array = func.__name__
            self._note_left(args[0])
        elif func in _TO_POINTERS:
            self._add_unknown(f"what uses Tensor.{func.__name__}")
        return func(*args, **(kwargs or {}))


class RunningNormalisation(TorchFunctionMode):
    """Knows whether a normalisation is running, which torch composes of single operations if it has no fused one."""

    def __init__(self) -> None:
        super().__init__()
        self.is_running = False

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.is_running = func in _NORMALISATIONS
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.is_running = False


class UnwrittenMemory:
    """Memory of tensors that no operation has written yet."""

    def __init__(self) -> None:
        self._unwritten: dict[int, StorageWeakRef] = {}  # held weakly: its address is given to no other

    def read_by(self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Tell whether this operation reads such memory."""
        if is_view(operation):
            return False
        return any(map(self._is_unwritten, dense_tensors(arguments_read(operation, args, kwargs))))

    def holds(self, values: object) -> bool:
        """Tell whether one of these tensors is such memory."""
        return any(map(self._is_unwritten, dense_tensors(values)))

    def follow(
        self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """Update what is unwritten, after an operation was run."""
        allocates = operation.overloadpacket.__name__ in _ALLOCATIONS
        for tensor in dense_tensors(output) if allocates else ():
            if tensor.numel():
                storage = StorageWeakRef(tensor_storage(tensor))
                self._unwritten[storage.cdata] = storage
        if not allocates and not is_view(operation):
            for tensor in dense_tensors([arguments_written(operation, args, kwargs), output]):
                self._unwritten.pop(tensor_storage(tensor)._cdata, None)

    def _is_unwritten(self, tensor: Tensor) -> bool:
        return bool(self._unwritten) and tensor_storage(tensor)._cdata in self._unwritten
