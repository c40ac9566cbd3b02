"""Which entropy model for rounded latents: by its name in a sweep file."""

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
    """factorized, scale_hyperprior, mean_scale_hyperprior or context, for latents (C,) or (C, H, W).

    None is what a sweep file leaves open.

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
