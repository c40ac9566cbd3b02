"""CompressAI's learned densities. The one module of the codecs that imports CompressAI: a receiver never does."""

from __future__ import annotations

from compressai.entropy_models import EntropyBottleneck
from torch import Tensor


class FactorizedDensity(EntropyBottleneck):  # type: ignore[misc]
    """p(y) = Π_j p_j(y_j) convolved with a unit box (Ballé et al. 2018, appendix 6.1), evaluated where it is asked.

    Input (n, C) gives likelihoods (n, C). CompressAI's own quantisation is switched off: who calls has quantised.
    """

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        return inputs

    def likelihood(self, values: Tensor) -> Tensor:
        """Likelihoods (n, C) of values (n, C), at least 1e-9, differentiable."""
        _, likelihood = self(values[:, :, None], training=False)
        return likelihood[:, :, 0]  # type: ignore[no-any-return]
