"""Where a learner takes its batches from: the device's memory, a mapped file, or a frozen network's output."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.data.dataset import Samples

_LARGEST_BYTES = 1 << 30  # the most that samples may take in the device's memory


class BatchSource(Protocol):
    """Samples (N, ...) that are indexed by batches of positions; results are on the learner's device."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor, /) -> Tensor:
        """The samples at positions (n,)."""
        ...


class SamplesOnDevice:
    """All samples are in the device's memory."""

    def __init__(self, samples: Samples, device: torch.device) -> None:
        self._samples = torch.from_numpy(samples[:]).to(device)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: Tensor, /) -> Tensor:
        return self._samples[index.to(self._samples.device)]


class SamplesByBatch:
    """Each batch is read and copied to the device when it is indexed."""

    def __init__(self, samples: Samples, device: torch.device) -> None:
        self._samples, self._device = samples, device

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: Tensor, /) -> Tensor:
        positions: NDArray[np.int64] = index.cpu().numpy()
        return torch.from_numpy(self._samples[positions]).to(self._device, non_blocking=True)


class FeaturesByBatch:
    """Each batch goes through a frozen network when it is indexed."""

    def __init__(self, network: nn.Module, samples: BatchSource) -> None:
        self._network, self._samples = network, samples

    def __len__(self) -> int:
        return len(self._samples)

    @torch.no_grad()
    def __getitem__(self, index: Tensor, /) -> Tensor:
        features: Tensor = self._network(self._samples[index])
        return features


def batch_source(samples: Samples, device: torch.device) -> BatchSource:
    """The samples as a source: in the device's memory if they fit there (1 GiB), else read by batch."""
    size = 4 * int(np.prod(samples.shape))
    return SamplesOnDevice(samples, device) if size <= _LARGEST_BYTES else SamplesByBatch(samples, device)
