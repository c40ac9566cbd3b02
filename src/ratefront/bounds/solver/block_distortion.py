"""A distortion matrix in blocks of rows, made ready once for all slopes, and its kernel.

Where it is large and the tolerance allows it, steps are made in single precision: they run at the speed of
memory. What does not fit into the budget is computed again in every step, so that memory stays bounded
however many rows there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ratefront.bounds.solver.kernels import SMALLEST, Kernel, checked_slope, factors
from ratefront.bounds.source.distributions import FloatArray, as_numbers
from ratefront.bounds.source.scores import RealArray, blocks_of
from ratefront.errors import InputError

PASS_ENTRIES, PASS_ROWS = 1 << 21, 4096
"""Of a block that one step reads twice: it stays in the cache, and single precision sums over few rows."""
DOUBLE_ENTRIES, DOUBLE_OUTPUTS = 1 << 19, 64
"""Up to either, steps are made in double precision whatever the tolerance."""
KEPT_ENTRIES = 1 << 27
"""Matrices up to this size are kept, with their exponentials: one gibibyte in single precision, two in double."""
TIE = 1e-14
"""Distortions of one row that are closer are one: at infinite slope any of the answers will do."""
SINGLE_ROUNDING_BITS = 1e-5
"""Rounding of single precision in a sum over a block's rows: 4e-6 was the most in tests, at many rows alike."""
SINGLE_TOLERANCE_BITS = 10 * SINGLE_ROUNDING_BITS


class BlockDistortion(ABC):
    """d of shape (n, m), split into what each row has at least, and what lies above it.

    Attributes:
        shape: (n, m).
        floor: min over columns of d, shape (n,).
        is_single_precision: whether steps are made in single precision.

    Args:
        shape: (n, m).
        width: the most numbers that computing a row of d takes.
        tolerance_bits: the certified gap that will be asked for.
    """

    def __init__(self, shape: tuple[int, int], width: int, tolerance_bits: float) -> None:
        self.shape = shape
        is_large = shape[0] * shape[1] > DOUBLE_ENTRIES and shape[1] > DOUBLE_OUTPUTS
        self.is_single_precision = is_large and tolerance_bits >= SINGLE_TOLERANCE_BITS
        self.dtype: type[np.floating[Any]] = np.float32 if self.is_single_precision else np.float64
        self.floor = np.empty(shape[0])
        self._blocks = list(blocks_of((shape[0], width), min(PASS_ENTRIES, PASS_ROWS * width)))
        self._keeps = shape[0] * shape[1] <= KEPT_ENTRIES
        self._above: list[RealArray] = []
        self._factors: list[RealArray] = []
        self._slope = np.nan
        for rows in self._blocks:
            distortion = self.distortion(rows)
            self.floor[rows] = distortion.min(axis=1)
            self.prepare_block(rows, distortion)
            if self._keeps:
                self._above.append(self._above_floor(rows, distortion))

    @abstractmethod
    def distortion(self, rows: slice) -> FloatArray:
        """Rows of d, shape (b, m)."""

    @abstractmethod
    def prepare_block(self, rows: slice, distortion: FloatArray) -> None:
        """Called once for each block, in order, while d is made ready."""

    def above(self) -> Iterator[tuple[slice, RealArray]]:
        """d - floor, block by block: >= 0 with a zero in each row."""
        for index, rows in enumerate(self._blocks):
            yield rows, self._above[index] if self._keeps else self._above_floor(rows, self.distortion(rows))

    def factors(self, slope: float) -> Iterator[tuple[slice, RealArray]]:
        """exp(-slope (d - floor)), block by block; those of the last slope asked for are kept.

        Fresh memory for every slope would cost as much as the exponentials: it is written over.
        """
        if not self._keeps:
            for rows, above in self.above():
                yield rows, factors(above, slope)
            return
        if slope != self._slope:
            self._factors = self._factors or [np.empty_like(above) for above in self._above]
            for above, found in zip(self._above, self._factors, strict=True):
                factors(above, slope, found)
            self._slope = slope
        yield from zip(self._blocks, self._factors, strict=True)

    def _above_floor(self, rows: slice, distortion: FloatArray) -> RealArray:
        above = distortion - self.floor[rows, None]
        above[above < TIE] = 0.0
        return above.astype(self.dtype)


class MatrixDistortion(BlockDistortion):
    """A matrix that is there.

    Raises:
        InputError: not a matrix, or not finite (fatal).
    """

    def __init__(self, matrix: npt.ArrayLike, tolerance_bits: float = 0.0) -> None:
        d = as_numbers(matrix, "a distortion matrix")
        if d.ndim != 2 or d.size == 0 or not np.all(np.isfinite(d)):
            raise InputError(
                f"a distortion matrix must be finite with shape (n, m), n, m >= 1; the shape is {d.shape}"
            )
        self._matrix = d
        super().__init__((int(d.shape[0]), int(d.shape[1])), int(d.shape[1]), tolerance_bits)

    def distortion(self, rows: slice) -> FloatArray:
        return self._matrix[rows]

    def prepare_block(self, rows: slice, distortion: FloatArray) -> None:
        """Nothing more is wanted of it."""


class BlockKernel(Kernel):
    """exp(-slope (d - floor)) of a `BlockDistortion`, one pass over its blocks a step."""

    def __init__(self, distortion: BlockDistortion, slope: float) -> None:
        self.slope = checked_slope(slope)
        self.floor, self.outputs = distortion.floor, distortion.shape[1]
        self.rounding_bits = SINGLE_ROUNDING_BITS if distortion.is_single_precision else 0.0
        self._distortion = distortion

    def normaliser_and_update(self, source: FloatArray, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each block is read once for both products, while it is in the cache."""
        q = output.astype(self._distortion.dtype)
        normaliser, gain = np.empty(self.floor.size), np.zeros(self.outputs)
        for rows, block in self._distortion.factors(self.slope):
            normaliser[rows] = np.maximum(block @ q, SMALLEST)
            gain += _transposed_product(block, source[rows] / normaliser[rows])
        return normaliser, gain

    def apply(self, output: FloatArray) -> FloatArray:
        q = output.astype(self._distortion.dtype)
        found = [block @ q for _, block in self._distortion.factors(self.slope)]
        return np.concatenate(found, dtype=np.float64)

    def apply_transposed(self, weight: FloatArray) -> FloatArray:
        found = [
            _transposed_product(block, weight[rows]) for rows, block in self._distortion.factors(self.slope)
        ]
        return np.asarray(np.sum(found, axis=0))

    def apply_excess(self, output: FloatArray) -> FloatArray:
        q = output.astype(self._distortion.dtype)
        pairs = zip(self._distortion.factors(self.slope), self._distortion.above(), strict=True)
        found = [(block * above) @ q for (_, block), (_, above) in pairs]
        return np.concatenate(found, dtype=np.float64)


def _transposed_product(block: RealArray, weight: FloatArray) -> FloatArray:
    """Single precision overflows beyond 1e38: the weights of a block are scaled to at most 1."""
    scale = max(float(weight.max()), float(SMALLEST))
    return np.asarray((weight / scale).astype(block.dtype) @ block, dtype=np.float64) * scale
