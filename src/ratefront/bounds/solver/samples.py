"""N samples, each a posterior over K classes, as a source for Blahut-Arimoto: one step costs O(N K).

Single precision where the matrix is large: then one step runs at the speed of memory. What does not fit
into the budget is computed again in every step, block by block, so that memory stays bounded whatever N is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ratefront.bounds.scores import Reals, blocks_of, posterior_rows
from ratefront.bounds.solver.kernels import SMALLEST, Kernel, checked_slope, factors
from ratefront.bounds.source import FloatArray

PASS_ENTRIES = 1 << 19
"""Of a block that one step reads twice: it stays in the cache."""
DOUBLE_ENTRIES = 1 << 22
"""Up to this size of the matrix steps are made in double precision, above it in single."""
KEPT_ENTRIES = 1 << 27
"""Matrices up to this size are kept: half a gibibyte in single precision."""
SINGLE_ROUNDING_BITS = 1e-5
"""Rounding of single precision in a sum of up to a block's rows, with a margin of ten."""


class SampleSource:
    """The distortions d(x_i, y^) of all samples, above each sample's least one.

    Attributes:
        floor: min over y^ of d(x_i, y^), shape (N,).
        constant_distortion: mean over the samples of d(x_i, y^), shape (M,).

    Args:
        scores: logits or log-probabilities, shape (N, K).
        cost: shape (K, M); d = posterior @ cost. By default the error, d = 1 - p(y^ | x).
    """

    def __init__(self, scores: Reals, cost: FloatArray | None = None) -> None:
        self._scores, self.cost = scores, cost
        self.samples, classes = scores.shape
        self.outputs = int(classes if cost is None else cost.shape[1])
        entries = self.samples * self.outputs
        self.dtype: type[np.floating[Any]] = np.float64 if entries <= DOUBLE_ENTRIES else np.float32
        self.keeps = entries <= KEPT_ENTRIES
        self.blocks = list(blocks_of((self.samples, max(classes, self.outputs)), PASS_ENTRIES))
        self.floor = np.empty(self.samples)
        self.constant_distortion = np.zeros(self.outputs)
        self._kept: list[Reals] = []
        self._weights: list[Reals] = []
        self._slope = np.nan
        for rows in self.blocks:
            distortion = self._distortion(rows)
            self.floor[rows] = distortion.min(axis=1)
            self.constant_distortion += distortion.sum(axis=0) / self.samples
            if self.keeps:
                self._kept.append(self._above(rows, distortion))

    def above(self) -> Iterator[tuple[slice, Reals]]:
        """d - floor, block by block: >= 0 with a zero in each row."""
        for index, rows in enumerate(self.blocks):
            yield rows, self._kept[index] if self.keeps else self._above(rows, self._distortion(rows))

    def weights(self, slope: float) -> Iterator[tuple[slice, Reals]]:
        """exp(-slope (d - floor)), block by block; those of the last slope asked for are kept.

        Fresh memory for every slope would cost as much as the exponentials: it is written over.
        """
        if not self.keeps:
            for rows, above in self.above():
                yield rows, factors(above, slope)
            return
        if slope != self._slope:
            self._weights = self._weights or [np.empty_like(above) for above in self._kept]
            for above, weights in zip(self._kept, self._weights, strict=True):
                factors(above, slope, weights)
            self._slope = slope
        yield from zip(self.blocks, self._weights, strict=True)

    def _distortion(self, rows: slice) -> FloatArray:
        posterior = posterior_rows(self._scores[rows])
        return np.asarray(1.0 - posterior if self.cost is None else posterior @ self.cost)

    def _above(self, rows: slice, distortion: FloatArray) -> Reals:
        return (distortion - self.floor[rows, None]).astype(self.dtype)


class SampleKernel(Kernel):
    """exp(-slope (d - floor)) of a `SampleSource`, one pass over the blocks a step."""

    def __init__(self, source: SampleSource, slope: float) -> None:
        self.slope = checked_slope(slope)
        self.floor, self.outputs = source.floor, source.outputs
        self.rounding_bits = SINGLE_ROUNDING_BITS if source.dtype is np.float32 else 0.0
        self._source = source

    def respond(self, source: FloatArray, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each block is read once for both products, while it is in the cache."""
        q = output.astype(self._source.dtype)
        normaliser, gain = np.empty(self._source.samples), np.zeros(self.outputs)
        for rows, weights in self.blocks():
            normaliser[rows] = np.maximum(weights @ q, SMALLEST)
            gain += _gathered(weights, source[rows] / normaliser[rows])
        return normaliser, gain

    def weigh(self, output: FloatArray) -> FloatArray:
        q = output.astype(self._source.dtype)
        return np.concatenate([weights @ q for _, weights in self.blocks()], dtype=np.float64)

    def gather(self, weight: FloatArray) -> FloatArray:
        return np.asarray(sum(_gathered(weights, weight[rows]) for rows, weights in self.blocks()))

    def weigh_excess(self, output: FloatArray) -> FloatArray:
        q = output.astype(self._source.dtype)
        pairs = zip(self.blocks(), self._source.above(), strict=True)
        found = [(weights * above) @ q for (_, weights), (_, above) in pairs]
        return np.concatenate(found, dtype=np.float64)

    def blocks(self) -> Iterator[tuple[slice, Reals]]:
        """The rows of E, block by block."""
        return self._source.weights(self.slope)


def _gathered(weights: Reals, weight: FloatArray) -> FloatArray:
    """Single precision overflows beyond 1e38: the weights of a block are scaled to at most 1."""
    scale = float(weight.max())
    return np.asarray((weight / scale).astype(weights.dtype) @ weights, dtype=np.float64) * scale
