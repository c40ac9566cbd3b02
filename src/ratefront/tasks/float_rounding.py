"""How far two passes of one network may lie apart: float32 adds in another order in other batches and threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

#: Of the largest output: what two passes may differ by. Networks of a hundred layers stay a hundred times below it;
#: dropout, another batch's statistics and spoiled weights are a hundred times above it.
ROUNDING_TOLERANCE = 2.0**-10


def relative_deviations(some: Tensor, others: Tensor) -> Tensor:
    """Of each sample's outputs (n, ...) the largest difference, as a fraction of the largest of ``others``; (n,).

    NaN in both is no difference, in one it is an infinite one.
    """
    a, b = (outputs.detach().double().cpu().flatten(1) for outputs in (some, others))
    same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(same, 0.0, (a - b).abs()).nan_to_num(nan=torch.inf).amax(dim=1)
    scale = b.abs().nan_to_num(nan=torch.inf).amax(dim=1)
    return torch.where(apart == 0, 0.0, apart / scale).nan_to_num(nan=torch.inf)


@contextmanager
def without_tf32(device: torch.device) -> Iterator[None]:
    """A GPU computes float32 as such inside, not in TF32, whose 10 bits are far coarser than rounding elsewhere."""
    if device.type != "cuda":
        yield
        return
    places: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = False
        yield
    finally:
        for place, allowed in zip(places, before, strict=True):
            place.allow_tf32 = allowed
