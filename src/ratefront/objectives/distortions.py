"""Distortions that a learned codec is trained and refined on; each gives one value a sample, in nats or
relative units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−ln p(label) (n,) in nats, of logits (n, K) and labels (n,) (RA eq. 10)."""
    return F.cross_entropy(logits, labels, reduction="none")


def divergence_from_teacher(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(teacher ‖ codec) (n,) in nats: what a transmitter without labels can ask for at encode time."""
    per_class = F.kl_div(
        logits.log_softmax(1), teacher_logits.log_softmax(1), reduction="none", log_target=True
    )
    return per_class.sum(dim=1)


class RelativeFeatureError(nn.Module):
    """Squared error (n,) of features as a fraction of their variance on the training split (RA eq. 11, MSE).

    0 is a perfect reconstruction, 1 is what the mean feature achieves.
    """

    variance: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("variance", torch.ones(()))

    @torch.no_grad()
    def fit(self, features: Tensor) -> None:
        """Take the variance of features (N, ...), averaged over their elements."""
        self.variance.copy_(features.flatten(1).var(dim=0).mean().clamp_min(1e-12))

    def forward(self, synthesised: Tensor, features: Tensor) -> Tensor:
        return (synthesised - features).square().flatten(1).mean(dim=1) / self.variance
