"""CompressAI's learned densities. Training and per-sample optimisation need them, a receiver does not.

They are imported only when a density is built, so that a receiver imports no CompressAI.
"""

from __future__ import annotations

import warnings

from torch import Tensor

with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch's, to CompressAI's developers
    from compressai.entropy_models import EntropyBottleneck, GaussianConditional


class FactorizedDensity(EntropyBottleneck):  # type: ignore[misc]
    """p(y) = Π_j p_j(y_j), convolved with a unit box (Ballé et al. 2018, appendix 6.1).

    Input (n, C) gives likelihoods (n, C). CompressAI's own quantization is switched off: the caller has quantized.
    """

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        """The inputs as they are."""
        return inputs

    def likelihood(self, values: Tensor) -> Tensor:
        """Likelihoods (n, C) of values (n, C), at least 1e-9, differentiable."""
        _, likelihood = self(values[:, :, None], training=False)
        return likelihood[:, :, 0]  # type: ignore[no-any-return]


class GaussianDensity(GaussianConditional):  # type: ignore[misc]
    """N(0, σ²) convolved with a unit box; σ has a lower bound (GP §IV.A.2; Ballé et al. 2018, eq. 10)."""

    def __init__(self, scale_bound: float) -> None:
        super().__init__(None, scale_bound=scale_bound)

    def likelihood(self, values: Tensor, scales: Tensor) -> Tensor:
        """Likelihoods of zero-centred values under scales of the same shape, at least 1e-9, differentiable."""
        likelihood: Tensor = self.likelihood_lower_bound(self._likelihood(values, scales))
        return likelihood
