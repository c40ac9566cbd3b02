"""What learners are given of a data set: inputs of g_a, features of a frozen front end, labels."""

from __future__ import annotations

import torch
from torch import nn

from ratefront.codecs.bottleneck.batch_sources import ComputedFeatures, Source, source_of
from ratefront.codecs.bottleneck.bottleneck_learner import Material
from ratefront.data.dataset import Dataset, Split
from ratefront.data.dataset_digest import dataset_digest
from ratefront.tasks.cached_features import cached_features


@torch.no_grad()
def feature_shape(front_end: nn.Module, sample: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample's features."""
    return tuple(front_end(torch.zeros(1, *sample)).shape[1:])


def feature_material(
    front_end: nn.Module, data: Dataset, device: torch.device, *, inputs: bool
) -> tuple[Material, Material]:
    """Of training and validation: features behind a frozen front end, which g_a is given, or ``inputs``: the samples.

    Features are computed once a node where the disk takes them, else batch by batch.
    """
    digest = dataset_digest(data)

    def of(split: Split, name: str) -> Material:
        features = _features(front_end, split, f"{digest} {name}", device)
        return Material(
            source_of(split.images, device) if inputs else features, features, _labels(split, device)
        )

    return of(data.train, "train"), of(data.validation, "validation")


def image_material(data: Dataset, device: torch.device) -> tuple[Material, Material]:
    """Of training and validation: the images, which are their own features."""

    def of(split: Split) -> Material:
        images = source_of(split.images, device)
        return Material(images, images, _labels(split, device))

    return of(data.train), of(data.validation)


def _features(front_end: nn.Module, split: Split, digest: str, device: torch.device) -> Source:
    cached = cached_features(front_end, split.images, digest)
    if cached is not None:
        return source_of(cached, device)
    return ComputedFeatures(front_end, source_of(split.images, device))


def _labels(split: Split, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(split.labels).to(device)
