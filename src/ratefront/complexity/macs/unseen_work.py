"""Work that torch's dispatcher does not see: it shows by where its values come from.

Values that leave torch (a numpy array, a raw pointer) and come back were computed elsewhere in between. Memory that
was asked for and is read, though no operation has written it, was written by foreign code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ratefront.complexity.macs.operations import Operation, is_elementwise, is_view

_ARRAYS = frozenset({Tensor.numpy, Tensor.__array__, Tensor.tolist})
_POINTERS = frozenset({Tensor.data_ptr, Tensor.untyped_storage, Tensor.__dlpack__})
_NORMALISING = frozenset({torch.rms_norm, torch.nn.functional.rms_norm})
_ASKED_FOR = ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided")


class Departures(TorchFunctionMode):
    """Looks for values that leave torch: as arrays, or for good by their address."""

    def __init__(self, tell: Callable[[str], None], left: Callable[[Tensor], None]) -> None:
        super().__init__()
        self.as_array, self._tell, self._left = "", tell, left

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _ARRAYS:
            self.as_array = func.__name__
            self._left(args[0])
        elif func in _POINTERS:
            self._tell(f"what uses Tensor.{func.__name__}")
        return func(*args, **(kwargs or {}))


class Normalisations(TorchFunctionMode):
    """Says while torch computes a normalisation that it makes of single operations where it has no fused one."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = False

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.entered = func in _NORMALISING
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.entered = False


class UnwrittenMemory:
    """Which tensors' memory no operation has written yet."""

    def __init__(self) -> None:
        self._unwritten: dict[int, StorageWeakRef] = {}  # held weakly: its address is not given to another

    def read_by(self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether this operation reads such memory."""
        if is_view(operation):
            return False
        return any(map(self._is_unwritten, tensors_of(_read(operation, args, kwargs))))

    def holds(self, values: object) -> bool:
        """Whether one of these tensors is such memory."""
        return any(map(self._is_unwritten, tensors_of(values)))

    def follow(
        self, operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """Keep the account after an operation was run."""
        asked_for = operation.overloadpacket.__name__ in _ASKED_FOR
        for tensor in tensors_of(output) if asked_for else ():
            if tensor.numel():
                storage = StorageWeakRef(storage_of(tensor))
                self._unwritten[storage.cdata] = storage
        if not asked_for and not is_view(operation):
            for tensor in tensors_of([written(operation, args, kwargs), output]):
                self._unwritten.pop(storage_of(tensor)._cdata, None)

    def _is_unwritten(self, tensor: Tensor) -> bool:
        return bool(self._unwritten) and storage_of(tensor)._cdata in self._unwritten


def tensors_of(values: object) -> list[Tensor]:
    """All dense tensors in nested lists and mappings."""
    leaves: Iterable[object] = tree_leaves(values)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.layout == torch.strided]


def storage_of(tensor: Tensor) -> Any:
    """The memory that a tensor is a view of."""
    with torch._C.DisableTorchFunction():
        return tensor.untyped_storage()


def _read(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that are read: an elementwise operation reads also what it writes in place."""
    in_place = is_elementwise(operation)
    given = by_argument(operation, args, kwargs)
    return [
        value for argument, value in given if not _is_written(argument) or (in_place and not argument.is_out)
    ]


def written(operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that are written: in place, or as ``out``."""
    return [value for argument, value in by_argument(operation, args, kwargs) if _is_written(argument)]


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and bool(argument.alias_info.is_write)


def by_argument(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[Any, Any]]:
    """What was given, each with its place in the schema."""
    arguments = operation._schema.arguments
    named = [(argument, kwargs[argument.name]) for argument in arguments if argument.name in kwargs]
    return [*zip(arguments, args, strict=False), *named]
