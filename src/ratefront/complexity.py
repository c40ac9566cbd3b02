"""What a transmitter must hold, in bytes (theory §6)."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from ratefront.entropy_coder import FrequencyTable

_HALF_BYTES = 2
_COUNT_BYTES = 2
_OFFSET_BYTES = 2


def module_bytes(*modules: nn.Module) -> int:
    """Bytes of all tensors of the modules, each counted once, in fp16 (what codecs and task models are stored in)."""
    tensors = {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}
    return sum(_tensor_bytes(tensor) for tensor in tensors.values())


def _tensor_bytes(tensor: Tensor) -> int:
    return tensor.numel() * (_HALF_BYTES if tensor.is_floating_point() else tensor.element_size())


def table_bytes(tables: Iterable[FrequencyTable]) -> int:
    """Bytes of the coder's tables: a 16-bit count a symbol and a 16-bit offset a table."""
    return sum(_COUNT_BYTES * len(table) + _OFFSET_BYTES for table in tables)
