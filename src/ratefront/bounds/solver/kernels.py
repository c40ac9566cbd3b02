"""exp(-slope * distortion) as an operator: all that Blahut–Arimoto needs of a distortion measure.

Rows may be scaled by any positive number. Here each row's least distortion is subtracted, so that the largest
entry is 1 and nothing overflows. At infinite slope a row is 1 on its least-distortion columns and 0 elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy import sparse

from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.source.scores import RealArray
from ratefront.errors import InputError

SMALLEST = np.finfo(np.float64).tiny


class Kernel(ABC):
    """E[i, j] = exp(-slope * (d[i, j] - floor[i])) with floor[i] = min_j d[i, j]; n inputs, m outputs.

    Attributes:
        slope: s in nat.
        floor: shape (n,).
        outputs: m.
        rounding_bits: what the arithmetic alone may add to a certified gap.
    """

    slope: float
    floor: FloatArray
    outputs: int
    rounding_bits: float = 0.0

    @abstractmethod
    def apply(self, output: FloatArray) -> FloatArray:
        """Return E @ output: from shape (m,) to (n,)."""

    @abstractmethod
    def apply_transposed(self, weight: FloatArray) -> FloatArray:
        """Return E.T @ weight: from shape (n,) to (m,)."""

    @abstractmethod
    def apply_excess(self, output: FloatArray) -> FloatArray:
        """Return (E * (d - floor)) @ output, from shape (m,) to (n,): without the floor nothing cancels."""

    def normaliser_and_update(self, source: FloatArray, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normaliser Z = E @ output, shape (n,), and the update c = E.T @ (source / Z), shape (m,)."""
        normaliser = np.maximum(self.apply(output), SMALLEST)
        return normaliser, self.apply_transposed(source / normaliser)


class SparseGain:
    """A sparse gain of shape (n, m) with entries in (0, 1], prepared once for all slopes.

    Attributes:
        best: each row's greatest entry, shape (n,).
        below_best: each stored entry less its row's greatest one, <= 0, shape (nnz,).
        rows: the row of each stored entry, shape (nnz,).

    Raises:
        InputError: an empty row: its input would have no best output.
    """

    def __init__(self, gain: sparse.csr_array) -> None:
        if np.any(np.diff(gain.indptr) == 0):
            raise InputError("every row of a sparse gain needs a stored entry")
        self.best = np.asarray(np.maximum.reduceat(gain.data, gain.indptr[:-1]), dtype=np.float64)
        self.rows = np.repeat(np.arange(self.best.size), np.diff(gain.indptr))
        self.below_best = gain.data - self.best[self.rows]
        self.shape = gain.shape
        numbered = sparse.csr_array((np.arange(gain.nnz), gain.indices, gain.indptr), shape=gain.shape)
        transposed = numbered.T.tocsr()
        self._transpose_order = transposed.data
        self._upright = (gain.indices, gain.indptr)
        self._transposed = (transposed.indices, transposed.indptr)

    def stored(self, values: FloatArray) -> sparse.csr_array:
        """Return the matrix with other values where the gain has entries, shape (n, m)."""
        return sparse.csr_array((values, *self._upright), shape=self.shape)

    def transposed(self, values: FloatArray) -> sparse.csr_array:
        """Return the transpose of `stored(values)`, shape (m, n)."""
        return sparse.csr_array((values[self._transpose_order], *self._transposed), shape=self.shape[::-1])


class SparseGainKernel(Kernel):
    """The kernel of d = 1 - gain with a sparse gain: E is rank one plus sparse.

    With g[i] = max_j gain[i, j], E[i, j] = exp(slope * (gain[i, j] - g[i])). That is exp(-slope * g[i]) wherever
    nothing is stored, so one product costs the stored entries, not n * m.

    Raises:
        InputError: as `SparseGain`, or a bad slope.
    """

    def __init__(self, gain: SparseGain | sparse.csr_array, slope: float) -> None:
        self._gain = gain if isinstance(gain, SparseGain) else SparseGain(gain)
        self.slope = checked_slope(slope)
        self.floor = np.maximum(1.0 - self._gain.best, 0.0)
        self.outputs = int(self._gain.shape[1])
        self._entries = factors(-self._gain.below_best, self.slope)
        infinite = np.isinf(self.slope)
        best = self._gain.best
        self._base = np.zeros_like(best) if infinite else np.exp(-self.slope * best)
        extra = self._entries - self._base[self._gain.rows]
        self._extra, self._extra_transposed = self._gain.stored(extra), self._gain.transposed(extra)

    def apply(self, output: FloatArray) -> FloatArray:
        """Return E @ output."""
        return np.asarray(self._base * output.sum() + self._extra @ output)

    def apply_transposed(self, weight: FloatArray) -> FloatArray:
        """Return E.T @ weight."""
        return np.asarray(self._base @ weight + self._extra_transposed @ weight)

    def apply_excess(self, output: FloatArray) -> FloatArray:
        """Return (E * (d - floor)) @ output."""
        unstored = self._base * self._gain.best
        excess = self._gain.stored(-self._entries * self._gain.below_best - unstored[self._gain.rows])
        return np.asarray(np.maximum(unstored * output.sum() + excess @ output, 0.0))


def factors(above: RealArray, slope: float, out: RealArray | None = None) -> RealArray:
    """Return exp(-slope * above) in the precision of `above`; at infinite slope 1 where `above` is 0, else 0.

    The result is written into `out` where it is given.
    """
    result = np.empty_like(above) if out is None else out
    if np.isinf(slope):
        np.equal(above, 0.0, out=result, casting="unsafe")
        return result
    np.multiply(above, -slope, out=result)
    return np.exp(result, out=result)


def checked_slope(slope: float) -> float:
    """Return the slope as a float.

    Raises:
        InputError: a slope that is negative or not a number.
    """
    if not slope >= 0.0:
        raise InputError(f"a slope must be >= 0 nat, got {slope}")
    return float(slope)
