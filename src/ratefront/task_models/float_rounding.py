"""How far two passes of one network may differ: other batches and threads add float32 in another order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

#: The largest difference of two passes, as a fraction of the largest output. Networks of a hundred layers stay a
#: hundred times below it; dropout, statistics of another batch and damaged weights are a hundred times above it.
ROUNDING_TOLERANCE = 2.0**-10


def relative_deviations(some: Tensor, others: Tensor) -> Tensor:
    """Return the largest difference of each sample's outputs, as a fraction of the largest one in ``others``.

    A NaN in both is no difference, a NaN in one is an infinite difference.

    Args:
        some: Outputs (n, ...).
        others: Outputs (n, ...) that they are compared with.

    Returns:
        The relative deviations (n,).
    """
    a, b = (outputs.detach().double().cpu().flatten(1) for outputs in (some, others))
    same = (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(same, 0.0, (a - b).abs()).nan_to_num(nan=torch.inf).amax(dim=1)
    scale = b.abs().nan_to_num(nan=torch.inf).amax(dim=1)
    return torch.where(apart == 0, 0.0, apart / scale).nan_to_num(nan=torch.inf)


@contextmanager
def without_tf32(device: torch.device) -> Iterator[None]:
    """Make a GPU compute in float32 inside, not in TF32, whose 10 bits are far coarser than rounding elsewhere."""
    if device.type != "cuda":
        yield
        return
    backends: tuple[Any, ...] = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed
