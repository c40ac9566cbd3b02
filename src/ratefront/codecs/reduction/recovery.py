"""Recovery from pruning: what is left is trained so that its outputs match those of the whole network."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ratefront.data.dataset import Samples

_LEARNING_RATE = 1e-3
_BATCH, _BATCH_VALUES = 64, 2**20


class OutputMatching:
    """Trains a pruned network on the mean squared error of its outputs, relative to their variance.

    Batches follow from a generator with a fixed seed. Statistics of normalisations stay as they are.

    Args:
        whole: The whole network, frozen, in evaluation mode.
        samples: Training samples (N, ...).
        device: Where the networks are.
    """

    def __init__(self, whole: nn.Module, samples: Samples, device: torch.device) -> None:
        self._whole, self._samples, self._device = whole, samples, device
        self._generator = torch.Generator().manual_seed(0)
        self._size = max(2, min(_BATCH, _BATCH_VALUES // math.prod(samples.shape[1:]), len(samples)))

    def batch(self) -> Tensor:
        """Return the next samples (n, ...), drawn at random."""
        positions = torch.randint(len(self._samples), (self._size,), generator=self._generator)
        return torch.from_numpy(self._samples[positions.numpy()]).to(self._device)

    def error(self, pruned: nn.Module, kept: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        """Return the relative error; ``kept`` selects those outputs of the whole network that the pruned one gives."""
        with torch.no_grad():
            target = kept(self._whole(batch))
        error: Tensor = (pruned(batch) - target).square().mean() / (target.var() + 1e-9)
        return error

    def train(
        self,
        pruned: nn.Module,
        kept: Callable[[Tensor], Tensor],
        steps: int,
        after_step: Callable[[], None] = lambda: None,
    ) -> None:
        """Train the pruned network for so many steps of Adam, whose rate falls to 0 by a cosine."""
        parameters = list(pruned.requires_grad_(True).parameters())
        optimiser = torch.optim.Adam(parameters, lr=_LEARNING_RATE)
        with torch.enable_grad():
            for step in range(steps):
                optimiser.param_groups[0]["lr"] = _LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
                optimiser.zero_grad()
                self.error(pruned, kept, self.batch()).backward()
                optimiser.step()
                after_step()
        pruned.requires_grad_(False)
