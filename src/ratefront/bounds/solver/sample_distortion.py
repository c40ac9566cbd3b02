"""N samples, each a posterior over K classes, as a source for Blahut–Arimoto: one step costs O(N K)."""

from __future__ import annotations

import numpy as np

from ratefront.bounds.solver.block_distortion import BlockDistortion
from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.source.scores import RealArray, posterior_rows


class SampleDistortion(BlockDistortion):
    """The distortion d(x_i, y^) of all samples, shape (N, M).

    Args:
        scores: logits or log-probabilities, shape (N, K).
        cost: shape (K, M); d = posterior @ cost. By default the error, d = 1 - p(y^ | x).
        tolerance_bits: the certified gap that will be asked for.

    Attributes:
        mean: mean over the samples of each answer's distortion, shape (M,).
    """

    def __init__(
        self, scores: RealArray, cost: FloatArray | None = None, tolerance_bits: float = 0.0
    ) -> None:
        samples, classes = scores.shape
        outputs = int(classes if cost is None else cost.shape[1])
        self._scores, self.cost = scores, cost
        self.mean = np.zeros(outputs)
        super().__init__((samples, outputs), max(classes, outputs), tolerance_bits)

    def distortion(self, rows: slice) -> FloatArray:
        """Return the distortions of some samples, computed from their scores."""
        posterior = posterior_rows(self._scores[rows])
        return np.maximum(1.0 - posterior, 0.0) if self.cost is None else posterior @ self.cost

    def prepare_block(self, rows: slice, distortion: FloatArray) -> None:
        """Add a block to `mean`."""
        self.mean += distortion.sum(axis=0) / self.shape[0]
