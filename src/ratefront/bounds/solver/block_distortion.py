"""A distortion matrix in blocks of rows, prepared once for all slopes, and its kernel.

Where it is large and the tolerance allows it, steps run in single precision, at the speed of memory. What does not
fit into the budget is computed again in every step, so that memory stays bounded whatever the number of rows.
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
"""Size of a block that one step reads twice: it stays in the cache, and single precision sums over few rows."""
DOUBLE_ENTRIES, DOUBLE_OUTPUTS = 1 << 19, 64
"""Up to either size, steps run in double precision whatever the tolerance."""
KEPT_ENTRIES = 1 << 27
"""Matrices up to this size are kept, with their exponentials: one gibibyte in single precision, two in double."""
TIE = 1e-14
"""Distortions of one row that are closer are equal: at infinite slope any of these answers is optimal."""
SINGLE_ROUNDING_BITS = 1e-5
"""Rounding of single precision in a sum over the rows of a block: tests reached 4e-6 at most, for many equal rows."""
SINGLE_TOLERANCE_BITS = 10 * SINGLE_ROUNDING_BITS


class BlockDistortion(ABC):
    """A distortion d of shape (n, m), split into the least value of each row and the rest above it.

    Args:
        shape: (n, m).
        width: the most numbers that computing a row of d takes.
        tolerance_bits: the certified gap that will be asked for.

    Attributes:
        shape: (n, m).
        floor: min over columns of d, shape (n,).
        is_single_precision: whether steps run in single precision.
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
        """Return rows of d, shape (b, m)."""

    @abstractmethod
    def prepare_block(self, rows: slice, distortion: FloatArray) -> None:
        """Called once for each block, in order, while d is prepared."""

    def above(self) -> Iterator[tuple[slice, RealArray]]:
        """Yield d - floor, block by block: >= 0 with a zero in each row."""
        for index, rows in enumerate(self._blocks):
            yield rows, self._above[index] if self._keeps else self._above_floor(rows, self.distortion(rows))

    def factors(self, slope: float) -> Iterator[tuple[slice, RealArray]]:
        """Yield exp(-slope (d - floor)), block by block; those of the last slope are kept.

        Their memory is reused for the next slope: new memory would cost as much time as the exponentials.
        """
        if not self._keeps:
            for rows, above in self.above():
                yield rows, factors(above, slope)
            return
        if slope != self._slope:
            self._factors = self._factors or [np.empty_like(above) for above in self._above]
            for above, kept in zip(self._above, self._factors, strict=True):
                factors(above, slope, kept)
            self._slope = slope
        yield from zip(self._blocks, self._factors, strict=True)

    def _above_floor(self, rows: slice, distortion: FloatArray) -> RealArray:
        above = distortion - self.floor[rows, None]
        above[above < TIE] = 0.0
        return above.astype(self.dtype)


class MatrixDistortion(BlockDistortion):
    """A distortion matrix in memory.

    Raises:
        InputError: not a matrix, or not finite.
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
        """Return rows of the matrix."""
        return self._matrix[rows]

    def prepare_block(self, rows: slice, distortion: FloatArray) -> None:
        """Nothing to prepare."""


class BlockKernel(Kernel):
    """exp(-slope (d - floor)) of a `BlockDistortion`; each step passes once over its blocks."""

    def __init__(self, distortion: BlockDistortion, slope: float) -> None:
        self.slope = checked_slope(slope)
        self.floor, self.outputs = distortion.floor, distortion.shape[1]
        self.rounding_bits = SINGLE_ROUNDING_BITS if distortion.is_single_precision else 0.0
        self._distortion = distortion

    def normaliser_and_update(self, source: FloatArray, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Read each block once for both products, while it is in the cache."""
        q = output.astype(self._distortion.dtype)
        normaliser, update = np.empty(self.floor.size), np.zeros(self.outputs)
        for rows, block in self._distortion.factors(self.slope):
            normaliser[rows] = np.maximum(block @ q, SMALLEST)
            update += _transposed_product(block, source[rows] / normaliser[rows])
        return normaliser, update

    def apply(self, output: FloatArray) -> FloatArray:
        """Return E @ output."""
        q = output.astype(self._distortion.dtype)
        parts = [block @ q for _, block in self._distortion.factors(self.slope)]
        return np.concatenate(parts, dtype=np.float64)

    def apply_transposed(self, weight: FloatArray) -> FloatArray:
        """Return E.T @ weight."""
        parts = [
            _transposed_product(block, weight[rows]) for rows, block in self._distortion.factors(self.slope)
        ]
        return np.asarray(np.sum(parts, axis=0))

    def apply_excess(self, output: FloatArray) -> FloatArray:
        """Return (E * (d - floor)) @ output."""
        q = output.astype(self._distortion.dtype)
        pairs = zip(self._distortion.factors(self.slope), self._distortion.above(), strict=True)
        parts = [(block * above) @ q for (_, block), (_, above) in pairs]
        return np.concatenate(parts, dtype=np.float64)


def _transposed_product(block: RealArray, weight: FloatArray) -> FloatArray:
    """Return weight @ block. Single precision overflows beyond 1e38, so the weights are scaled to at most 1."""
    scale = max(float(weight.max()), float(SMALLEST))
    return np.asarray((weight / scale).astype(block.dtype) @ block, dtype=np.float64) * scale
