"""Tables of zero-centred Gaussians whose scales are equally spaced in their logarithm, as CompressAI's scale table.

A codec keeps the tables that it uses.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables

COUNT = 64
LARGEST_SCALE = 32.0
_TAIL_DEVIATIONS = 4.3  # a side's tail beyond holds less than 2^-16
_REACH = math.ceil(_TAIL_DEVIATIONS * LARGEST_SCALE)


class GaussianTables(nn.Module):
    """Scales σ_i = bound · (32 / bound)^(i/63), i = 0 … 63; a table's *position* is its i.

    Attributes:
        first: The first table that is kept after training.
        last: The last one.
    """

    first: Tensor
    last: Tensor

    def __init__(self, scale_bound: float) -> None:
        super().__init__()
        self.scale_bound = scale_bound
        self.log_step = math.log(LARGEST_SCALE / scale_bound) / (COUNT - 1)
        self.register_buffer("first", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last", torch.full((), COUNT - 1))
        self.tables = QuantizedTables(COUNT, 2 * _REACH + 1)

    def scale(self, position: Tensor) -> Tensor:
        """σ at a real position, differentiable; below position 0 it is less than the bound."""
        return self.scale_bound * (self.log_step * position.clamp(max=COUNT - 1)).exp()

    def index(self, position: Tensor) -> Tensor:
        """The nearest kept table, int64, of positions that an integer network computed."""
        nearest = (position + 0.5).floor().clamp(0, COUNT - 1).long()
        return nearest.clamp(self.first.to(nearest.device), self.last.to(nearest.device))

    def update(self, positions: Tensor) -> None:
        """Fix the tables; those between the least and the greatest of ``positions`` are kept."""
        nearest = (positions + 0.5).floor().clamp(0, COUNT - 1).long()
        self.first.copy_(nearest.min())
        self.last.copy_(nearest.max())
        kept = range(int(self.first), int(self.last) + 1)
        self.tables.update(
            [_box_gaussian(float(self.scale(torch.tensor(float(i))))) for i in range(COUNT)], kept
        )

    @property
    def reach(self) -> Tensor:
        """The largest integer (COUNT,) of each table; the least is its negative."""
        return self.tables.ranges[1]


def _box_gaussian(scale: float) -> tuple[int, Tensor]:
    """The least integer and the masses of N(0, scale²) convolved with a unit box; the ends get the tails' mass."""
    reach = max(1, math.ceil(_TAIL_DEVIATIONS * scale))
    edges = torch.arange(-reach, reach, dtype=torch.float64) + 0.5
    below = torch.special.ndtr(edges / scale)
    whole = torch.cat([torch.zeros(1, dtype=torch.float64), below, torch.ones(1, dtype=torch.float64)])
    return -reach, whole.diff().clamp_min(2.0**-40)
