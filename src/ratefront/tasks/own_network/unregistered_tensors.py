"""Tensors that a stage computes with though they are neither its parameters nor its buffers: nobody counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_CONSTANTS = 64  # numbers: a few, as a mean and a deviation by channel, are as good as written in the code


@contextmanager
def unregistered_tensors(stage: nn.Module, given: Tensor) -> Iterator[list[tuple[int, ...]]]:
    """The shapes of those that operations inside take, as they come; to be asked of a stage's first evaluation, since a
    later one may take what it has kept of an earlier one.
    """
    watch = _Watch(stage, given)
    with watch:
        yield watch.loose


class _Watch(TorchDispatchMode):
    def __init__(self, stage: nn.Module, given: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stage, self._known = stage, {_memory(given)}
        self.loose: list[tuple[int, ...]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        taken = tree_leaves((args, kwargs or {}))
        for tensor in taken:
            if isinstance(tensor, Tensor) and tensor.numel() > _CONSTANTS and not self._knows(tensor):
                self.loose.append(tuple(tensor.shape))
        made = func(*args, **(kwargs or {}))
        self._known |= {_memory(tensor) for tensor in tree_leaves(made) if isinstance(tensor, Tensor)}
        return made

    def _knows(self, tensor: Tensor) -> bool:
        """Lazy layers make their parameters in their first evaluation."""
        if _memory(tensor) not in self._known:
            own = (*self._stage.parameters(), *self._stage.buffers())
            self._known |= {_memory(one) for one in own if not nn.parameter.is_lazy(one)}
        return _memory(tensor) in self._known


def _memory(tensor: Tensor) -> int:
    """Views have that of the whole."""
    return tensor.untyped_storage().data_ptr()
