"""What a transmitter must hold, in bytes: the tensors of its modules, and the tables of its entropy coder."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.complexity.stored_precision import tensors_to_store

_COUNT_BYTES = 2
_OFFSET_BYTES = 2


def module_bytes(*modules: nn.Module) -> int:
    """Count the bytes of all tensors of the modules, each tensor once, in the precision that it is stored in."""
    stored = {
        id(tensor): (tensor, dtype) for module in modules for _, tensor, dtype in tensors_to_store(module)
    }
    return sum(tensor.numel() * dtype.itemsize for tensor, dtype in stored.values())


def table_bytes(tables: Iterable[FrequencyTable]) -> int:
    """Count the bytes of the coder's tables: 16 bits for each symbol's count, and 16 for each table's offset."""
    return sum(_COUNT_BYTES * len(table) + _OFFSET_BYTES for table in tables)
