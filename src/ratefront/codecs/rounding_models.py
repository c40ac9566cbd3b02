"""Which entropy model for rounded latents: by its name in a sweep file."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.codecs.entropy_model import EntropyModel
from ratefront.codecs.factorized import FactorizedModel
from ratefront.codecs.hyperprior import HyperpriorModel, HyperpriorShape
from ratefront.codecs.quantisation import Surrogate


@dataclass(frozen=True)
class RoundingModel:
    """``kind``: factorized, scale_hyperprior, mean_scale_hyperprior or context; None: what a sweep file leaves open."""

    kind: str
    hyper_width: int
    slices: int | None
    scale_bound: float | None
    surrogate: Surrogate | None

    def build(self, shape: tuple[int, ...], *, with_prior: bool) -> EntropyModel:
        """For latents (C,) or (C, H, W).

        Raises
        ------
        InputError
            The model does not fit latents of this shape.
        """
        surrogate = self.surrogate or "mixed"
        if self.kind == "factorized":
            return FactorizedModel(shape, surrogate=surrogate, with_prior=with_prior)
        return HyperpriorModel(
            shape,
            HyperpriorShape(self.hyper_width, self.slices or 1, means=self.kind != "scale_hyperprior"),
            scale_bound=self.scale_bound or 0.11,
            surrogate=surrogate,
            with_prior=with_prior,
        )
