"""The probabilities of the integers once training has ended: floats for the estimate, integer counts for the coder.

The counts are part of the codec, so that encoder and decoder on different machines use the very same tables.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import TABLE_BITS, FrequencyTable, Symbols

_UNUSED = FrequencyTable(np.array([1 << TABLE_BITS]))


class QuantizedTables(nn.Module):
    """One distribution over integers an element; all are padded to ``capacity`` symbols."""

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
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    def clear_cached_tables(self) -> None:
        self._tables = None

    def update(
        self, distributions: Sequence[tuple[int, Tensor]], kept: Collection[int] | None = None
    ) -> None:
        """Fix element j's least integer and its probabilities (n_j,) from there on, n_j ≤ capacity.

        ``kept``: the elements that will be used; the others stay as they were.
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
        """Least and greatest integer (elements,) of each element."""
        return self.offset, self.offset + self.size - 1

    def frequency_tables(self) -> list[FrequencyTable]:
        """The coder's tables, one an element."""
        if self._tables is None:
            rows = zip(self.counts.cpu().long(), self.size.tolist(), self.offset.tolist(), strict=True)
            self._tables = [
                FrequencyTable(counts[:size].numpy(), offset) if size else _UNUSED
                for counts, size, offset in rows
            ]
        return self._tables

    def table_tensors(self) -> list[Tensor]:
        """What the tables are made of."""
        return [self.offset, self.size, self.counts]

    def bits(self, latents: Symbols) -> Tensor:
        """−log2 probability (n,), float64, of latents (n, elements) inside the ranges."""
        elements = torch.arange(len(self.offset)).expand(len(latents), -1)
        return self.bits_of(elements, torch.from_numpy(latents)).sum(dim=1)

    def bits_of(self, elements: Tensor, integers: Tensor) -> Tensor:
        """−log2 probability, float64, of each integer under the distribution of its element; all of one shape."""
        pmf, offset = self.pmf.cpu(), self.offset.cpu()
        return -pmf[elements, integers.long() - offset[elements]].log2()


def _forget(module: QuantizedTables, keys: object) -> None:
    """A hook that is a function of this module, so that a codec can be pickled."""
    module.clear_cached_tables()
