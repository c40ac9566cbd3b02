"""Distortions on which codecs are trained and refined: one value for each sample, in nats or in relative units."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−ln p(label) (n,) in nats, for logits (n, K) and labels (n,) (RA eq. 10)."""
    return F.cross_entropy(logits, labels, reduction="none")


def divergence_from_teacher(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher ‖ codec) (n,) in nats, which a transmitter can compute without labels."""
    per_class = F.kl_div(
        logits.log_softmax(1), teacher_logits.log_softmax(1), reduction="none", log_target=True
    )
    return per_class.sum(dim=1)


def _mean_square(synthesised: Tensor, features: Tensor) -> Tensor:
    return (synthesised - features).square().flatten(1).mean(dim=1)


def _mean_absolute(synthesised: Tensor, features: Tensor) -> Tensor:
    return (synthesised - features).abs().flatten(1).mean(dim=1)


def _cosine(synthesised: Tensor, features: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(synthesised.flatten(1), features.flatten(1), dim=1)


#: The distances d of RA eq. 11 by name; each gives (n,) for features (n, ...).
FEATURE_DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": _mean_square,
    "mae": _mean_absolute,
    "cosine": _cosine,
}


class RelativeFeatureError(nn.Module):
    """A distance (n,) of features, relative to that of the mean feature on the training split (RA eq. 11).

    0 is a perfect reconstruction; 1 is reached without any information, by always giving the mean feature.
    """

    unit: Tensor

    def __init__(self, distance: str = "mse") -> None:
        super().__init__()
        self.distance = FEATURE_DISTANCES[distance]
        self.register_buffer("unit", torch.ones(()))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Set the unit: the mean distance of features (N, ...) from their mean."""
        mean = features.mean(dim=0, keepdim=True).expand_as(features)
        self.unit.copy_(self.distance(mean, features).mean().clamp_min(1e-12))

    @override
    def forward(self, synthesised: Tensor, features: Tensor) -> Tensor:
        return self.distance(synthesised, features) / self.unit


def feature_error(distance: str | None) -> RelativeFeatureError:
    """The feature error of a sweep file's ``distance``; mse where there is none, or kl, which compares outputs."""
    return RelativeFeatureError(distance if distance and distance != "kl" else "mse")
