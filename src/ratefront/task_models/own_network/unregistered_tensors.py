"""Find tensors that a stage computes with but has not registered: nothing would count or store them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_MOST_CONSTANTS = (
    64  # values: a few, such as a mean and a deviation per channel, are as good as constants in the code
)


@contextmanager
def unregistered_tensors(stage: nn.Module, stage_input: Tensor) -> Iterator[list[tuple[int, ...]]]:
    """Record the shapes of unregistered tensors that operations inside take.

    Use it on the first evaluation of a stage, since a later one may take what it has kept of an earlier one.

    Args:
        stage: The stage that is evaluated inside.
        stage_input: The input of the stage.

    Yields:
        The shapes; the list grows while operations run.
    """
    recorder = _TensorRecorder(stage, stage_input)
    with recorder:
        yield recorder.unregistered


class _TensorRecorder(TorchDispatchMode):
    """Records the shapes of tensors that are neither registered nor computed inside."""

    def __init__(self, stage: nn.Module, stage_input: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stage, self._known = stage, {_storage_address(stage_input)}
        self.unregistered: list[tuple[int, ...]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        taken = tree_leaves((args, kwargs or {}))
        for tensor in taken:
            if isinstance(tensor, Tensor) and tensor.numel() > _MOST_CONSTANTS and not self._knows(tensor):
                self.unregistered.append(tuple(tensor.shape))
        result = func(*args, **(kwargs or {}))
        self._known |= {
            _storage_address(tensor) for tensor in tree_leaves(result) if isinstance(tensor, Tensor)
        }
        return result

    def _knows(self, tensor: Tensor) -> bool:
        """Say whether a tensor is known; registered ones are read again: lazy layers make theirs on evaluation."""
        if _storage_address(tensor) not in self._known:
            registered = (*self._stage.parameters(), *self._stage.buffers())
            self._known |= {_storage_address(one) for one in registered if not nn.parameter.is_lazy(one)}
        return _storage_address(tensor) in self._known


def _storage_address(tensor: Tensor) -> int:
    """Return the address of a tensor's storage, which a view shares with the whole tensor."""
    return tensor.untyped_storage().data_ptr()
