"""The probabilities of the integers once training has ended: floats for the estimate, integer counts for the coder.

The counts are part of the codec, so that encoder and decoder on different machines use the very same tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ratefront.entropy_coder import FrequencyTable, Symbols


class SettledProbabilities(nn.Module):
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
        self.register_load_state_dict_post_hook(lambda module, keys: module._forget())  # type: ignore[no-untyped-call]

    def _forget(self) -> None:
        self._tables = None

    def settle(self, distributions: Sequence[tuple[int, Tensor]]) -> None:
        """Fix element j's least integer and its probabilities (n_j,) from there on, n_j ≤ capacity."""
        for element, (offset, weights) in enumerate(distributions):
            p = (weights.double() / weights.double().sum()).cpu()
            table = FrequencyTable.from_pmf(p.numpy(), offset)
            self.offset[element], self.size[element] = offset, len(p)
            self.pmf[element, : len(p)] = p
            self.counts[element, : len(p)] = torch.from_numpy(table.counts)
        self._forget()

    @property
    def ranges(self) -> tuple[Tensor, Tensor]:
        """Least and greatest integer (elements,) of each element."""
        return self.offset, self.offset + self.size - 1

    def tables(self) -> list[FrequencyTable]:
        """The coder's tables, one an element."""
        if self._tables is None:
            rows = zip(self.counts.cpu().long(), self.size.tolist(), self.offset.tolist(), strict=True)
            self._tables = [FrequencyTable(counts[:size].numpy(), offset) for counts, size, offset in rows]
        return self._tables

    def bits(self, latents: Symbols) -> Tensor:
        """−log2 probability (n,), float64, of latents (n, elements) inside the ranges."""
        index = (torch.from_numpy(latents) - self.offset.cpu()).long().T
        return -self.pmf.cpu().gather(1, index).log2().sum(dim=0)
