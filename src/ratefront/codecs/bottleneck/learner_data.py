"""The training and validation splits as learners use them: inputs of g_a, features of a frozen front end, labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ratefront.codecs.bottleneck.batch_sources import BatchSource, FeaturesByBatch, batch_source
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import dataset_digest
from ratefront.task_models.cached_features import cached_features

_SAMPLES_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 2**26  # numbers of a batch of inputs: 256 MiB


@dataclass(frozen=True)
class LearnerSplit:
    """A split of the data as a learner uses it.

    Attributes:
        inputs: What g_a takes.
        features: The features at the split point.
        labels: The classes (N,), on the learner's device.
    """

    inputs: BatchSource
    features: BatchSource
    labels: Tensor

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """One epoch: batches of positions (n,) in random order, on the learner's device."""
        order = torch.randperm(len(self.labels), generator=generator)
        yield from order.to(self.labels.device).split(batch_size)

    def positions(self, most: int | None = None) -> Iterator[Tensor]:
        """Batches of positions (n,), small enough for memory and in order; at most ``most``, evenly spread."""
        numbers = self.inputs[torch.arange(1)].numel()
        at_once = max(1, min(_SAMPLES_AT_ONCE, _NUMBERS_AT_ONCE // numbers))
        yield from spread_positions(len(self.labels), most).split(at_once)


def spread_positions(samples: int, most: int | None) -> Tensor:
    """At most ``most`` positions, evenly spread over a split, whose samples may be sorted by class."""
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
    """The training and the validation split with the features of a frozen front end.

    Features are computed once for each node if they fit on its disk, else batch by batch.

    Args:
        front_end: The frozen layers before the split point.
        data: The data set.
        device: Where the learner computes.
        inputs: g_a takes the samples if True (a student), the features if False (a split codec).
    """
    digest = dataset_digest(data)

    def learner_split(split: Split, name: str) -> LearnerSplit:
        features = _features(front_end, split, f"{digest} {name}", device)
        return LearnerSplit(
            batch_source(split.images, device) if inputs else features, features, _labels(split, device)
        )

    return learner_split(data.train, "train"), learner_split(data.validation, "validation")


def image_splits(data: Dataset, device: torch.device) -> tuple[LearnerSplit, LearnerSplit]:
    """The training and the validation split of an image codec: the images are inputs and features."""

    def learner_split(split: Split) -> LearnerSplit:
        images = batch_source(split.images, device)
        return LearnerSplit(images, images, _labels(split, device))

    return learner_split(data.train), learner_split(data.validation)


def _features(front_end: nn.Module, split: Split, digest: str, device: torch.device) -> BatchSource:
    cached = cached_features(front_end, split.images, digest)
    if cached is not None:
        return batch_source(cached, device)
    return FeaturesByBatch(front_end, batch_source(split.images, device))


def _labels(split: Split, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(split.labels).to(device)
