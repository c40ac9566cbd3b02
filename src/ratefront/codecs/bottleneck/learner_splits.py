"""What learners are given of a data set: inputs of g_a, features of a frozen front end, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ratefront.codecs.bottleneck.batch_sources import BatchSource, FeaturesByBatch, batch_source
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import dataset_digest
from ratefront.tasks.cached_features import cached_features

_LOOKED_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 2**26  # of the inputs that are looked at: 256 MiB


@dataclass(frozen=True)
class LearnerSplit:
    """A split as a learner needs it: what g_a is given, the features at the split point, labels (N,)."""

    inputs: BatchSource
    features: BatchSource
    labels: Tensor

    def positions(self, most: int | None = None) -> Iterator[Tensor]:
        """Samples in their order, as many at a time as fit into memory; of more than ``most``, so many all over."""
        numbers = self.inputs[torch.arange(1)].numel()
        at_once = max(1, min(_LOOKED_AT_ONCE, _NUMBERS_AT_ONCE // numbers))
        yield from spread_positions(len(self.labels), most).split(at_once)


def spread_positions(samples: int, most: int | None) -> Tensor:
    """Positions all over a split, whose samples may be in the order of their classes."""
    if most is None or samples <= most:
        return torch.arange(samples)
    return torch.linspace(0, samples - 1, most, dtype=torch.float64).long()


@torch.no_grad()
def feature_shape(front_end: nn.Module, sample: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample's features."""
    return tuple(front_end(torch.zeros(1, *sample)).shape[1:])


def feature_splits(
    front_end: nn.Module, data: Dataset, device: torch.device, *, inputs: bool
) -> tuple[LearnerSplit, LearnerSplit]:
    """Of training and validation: features behind a frozen front end, which g_a is given, or ``inputs``: the samples.

    Features are computed once a node where the disk takes them, else batch by batch.
    """
    digest = dataset_digest(data)

    def of(split: Split, name: str) -> LearnerSplit:
        features = _features(front_end, split, f"{digest} {name}", device)
        return LearnerSplit(
            batch_source(split.images, device) if inputs else features, features, _labels(split, device)
        )

    return of(data.train, "train"), of(data.validation, "validation")


def image_splits(data: Dataset, device: torch.device) -> tuple[LearnerSplit, LearnerSplit]:
    """Of training and validation: the images, which are their own features."""

    def of(split: Split) -> LearnerSplit:
        images = batch_source(split.images, device)
        return LearnerSplit(images, images, _labels(split, device))

    return of(data.train), of(data.validation)


def _features(front_end: nn.Module, split: Split, digest: str, device: torch.device) -> BatchSource:
    cached = cached_features(front_end, split.images, digest)
    if cached is not None:
        return batch_source(cached, device)
    return FeaturesByBatch(front_end, batch_source(split.images, device))


def _labels(split: Split, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(split.labels).to(device)
