"""The quantized tables of an entropy model: what CompressAI's ``update`` fixes at the end of training.

Each element has a pmf in floats, from which bits are estimated, and the integer counts that the coder uses, which are
the increments of its cdf. The counts are stored with the codec, so that encoder and decoder on different machines use
the same tables.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.frequency_table import TABLE_BITS, FrequencyTable

_LARGEST_OFFSET = 1 << 30  # so that a symbol fits 32 bit
_UNUSED = FrequencyTable(np.array([1 << TABLE_BITS]))


class QuantizedTables(nn.Module):
    """One distribution over integers for each element, padded to ``capacity`` symbols.

    Attributes:
        offset: The least integer (elements,), int32.
        size: How many integers from there on have a probability (elements,), int32.
        pmf: Their probabilities (elements, capacity), float64.
        counts: The coder's frequencies (elements, capacity), int32; their running sum is the quantized cdf.
    """

    offset: Tensor
    size: Tensor
    pmf: Tensor
    counts: Tensor

    def __init__(self, elements: int, capacity: int) -> None:
        super().__init__()
        self.register_buffer("offset", torch.zeros(elements, dtype=torch.int32))
        self.register_buffer("size", torch.zeros(elements, dtype=torch.int32))
        self.register_buffer("pmf", torch.zeros(elements, capacity, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(elements, capacity, dtype=torch.int32))
        self._tables: list[FrequencyTable] | None = None
        self.register_load_state_dict_post_hook(_clear_cache)  # type: ignore[no-untyped-call]

    def clear_cached_tables(self) -> None:
        """Make the coder's tables anew at the next call, from the buffers as they are then."""
        self._tables = None

    def update(
        self, distributions: Sequence[tuple[int, Tensor]], kept: Collection[int] | None = None
    ) -> None:
        """Quantize the distributions, once training has ended.

        Args:
            distributions: For each element j its least integer, and the weights (n_j,) of the integers from there
                on, n_j ≤ capacity; they need not sum to 1.
            kept: The elements that will be used; the others stay unchanged. None means all.
        """
        for element, (offset, weights) in enumerate(distributions):
            if kept is not None and element not in kept:
                continue
            p = (weights.double() / weights.double().sum()).cpu()
            table = FrequencyTable.from_pmf(p.numpy(), offset)
            self.offset[element], self.size[element] = offset, len(p)
            self.pmf[element, : len(p)] = p
            self.counts[element, : len(p)] = torch.from_numpy(table.counts)
        self.clear_cached_tables()

    @property
    def ranges(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest integer (elements,) of each element."""
        return self.offset, self.offset + self.size - 1

    def frequency_tables(self) -> list[FrequencyTable]:
        """The coder's tables, one for each element."""
        if self._tables is None:
            rows = zip(self.counts.cpu().long(), self.size.tolist(), self.offset.tolist(), strict=True)
            self._tables = [
                FrequencyTable(counts[:size].numpy(), offset) if size else _UNUSED
                for counts, size, offset in rows
            ]
        return self._tables

    def check(self) -> None:
        """Check tensors that were loaded from a file.

        Raises:
            ValueError: They make no tables.
        """
        capacity = self.counts.shape[1]
        if not ((self.size >= 0) & (self.size <= capacity)).all() or (self.pmf < 0).any():
            raise ValueError(f"tables have 0 to {capacity} symbols, and probabilities ≥ 0")
        if (self.offset.long().abs() > _LARGEST_OFFSET).any():
            raise ValueError(f"symbols of tables begin at integers of up to ±{_LARGEST_OFFSET}")
        self.frequency_tables()

    def table_tensors(self) -> list[Tensor]:
        """The tensors that the coder's tables are made from."""
        return [self.offset, self.size, self.counts]

    def bits(self, latents: Symbols) -> Tensor:
        """−log2 probability (n,), float64, of latents (n, elements), which must lie inside the ranges."""
        elements = torch.arange(len(self.offset)).expand(len(latents), -1)
        return self.bits_per_integer(elements, torch.from_numpy(latents)).sum(dim=1)

    def bits_per_integer(self, elements: Tensor, integers: Tensor) -> Tensor:
        """−log2 probability, float64, of each integer under its element's distribution; all have the same shape."""
        pmf, offset = self.pmf.cpu(), self.offset.cpu()
        return -pmf[elements, integers.long() - offset[elements]].log2()


def _clear_cache(module: QuantizedTables, keys: object) -> None:
    """The hook after loading weights; a module-level function, so that a codec can be pickled."""
    module.clear_cached_tables()
