"""What a transmitter must hold, in bytes (theory §6)."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ratefront.bitstream.entropy_coder import FrequencyTable
from ratefront.complexity.stored_precision import all_stored

_COUNT_BYTES = 2
_OFFSET_BYTES = 2


def module_bytes(*modules: nn.Module) -> int:
    """Bytes of all tensors of the modules, each counted once, in the precision that they are stored in."""
    stored = {id(tensor): (tensor, dtype) for module in modules for _, tensor, dtype in all_stored(module)}
    return sum(tensor.numel() * dtype.itemsize for tensor, dtype in stored.values())


def table_bytes(tables: Iterable[FrequencyTable]) -> int:
    """Bytes of the coder's tables: a 16-bit count a symbol and a 16-bit offset a table."""
    return sum(_COUNT_BYTES * len(table) + _OFFSET_BYTES for table in tables)
