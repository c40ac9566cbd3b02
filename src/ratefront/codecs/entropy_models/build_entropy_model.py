"""The entropy model that a sweep file names, for latents that are rounded.

The categorical model rounds nothing and has other parameters: ``codecs.bottleneck.bottleneck`` builds it.
"""

from __future__ import annotations

from ratefront.codecs.entropy_models.entropy_model import EntropyModel
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.codecs.entropy_models.hyperprior import HyperpriorModel, HyperpriorShape
from ratefront.codecs.entropy_models.quantization import Surrogate


def build_entropy_model(
    kind: str,
    shape: tuple[int, ...],
    *,
    hyper_width: int,
    slices: int | None,
    scale_bound: float | None,
    surrogate: Surrogate | None,
    with_prior: bool,
) -> EntropyModel:
    """Build the entropy model of this name; None stands for a parameter that the sweep file leaves open.

    Args:
        kind: factorized, scale_hyperprior, mean_scale_hyperprior or context.
        shape: Of one sample's latents, (C,) or (C, H, W).
        hyper_width: Channels of z.
        slices: Slices of channels of a context model.
        scale_bound: The least scale of a Gaussian.
        surrogate: The surrogate of rounding in training.
        with_prior: False for a receiver, which needs no density.

    Raises:
        InputError: The model does not fit latents of this shape.
    """
    surrogate = surrogate or "mixed"
    if kind == "factorized":
        return FactorizedModel(shape, surrogate=surrogate, with_prior=with_prior)
    return HyperpriorModel(
        shape,
        HyperpriorShape(hyper_width, slices or 1, means=kind != "scale_hyperprior"),
        scale_bound=scale_bound or 0.11,
        surrogate=surrogate,
        with_prior=with_prior,
    )
