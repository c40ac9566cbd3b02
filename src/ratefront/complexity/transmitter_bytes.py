"""What a transmitter must hold, in bytes: the tensors of its modules, and the tables of its entropy coder."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.complexity.stored_precision import tensors_to_store

_COUNT_BYTES = 2
_OFFSET_BYTES = 2


def module_bytes(*modules: nn.Module) -> int:
    """Count the bytes of all tensors of the modules, each tensor once, as they are stored.

    A weight takes 2 bytes in fp16, 4 in fp32, 1 in int8 beside its channel's scale; pruned weights take
    min(all values, bitmap + nonzeros).
    """
    stored = {id(one.tensor): one for module in modules for one in tensors_to_store(module)}
    return sum(one.bytes for one in stored.values())


def table_bytes(tables: Iterable[FrequencyTable]) -> int:
    """Count the bytes of the coder's tables: 16 bits for each symbol's count, and 16 for each table's offset."""
    return sum(_COUNT_BYTES * len(table) + _OFFSET_BYTES for table in tables)
