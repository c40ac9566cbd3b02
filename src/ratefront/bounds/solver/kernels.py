"""exp(-slope * distortion) as an operator: all that Blahut-Arimoto needs of a distortion measure.

Rows may be scaled by any positive number; here each row's least distortion is taken out, so that the
largest entry is 1 and nothing overflows. At infinite slope a row is 1 on its least-distortion columns and 0
elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy import sparse

from ratefront.bounds.scores import Reals
from ratefront.bounds.source import FloatArray
from ratefront.errors import InputError

SMALLEST = np.finfo(np.float64).tiny


class Kernel(ABC):
    """E[i, j] = exp(-slope * (d[i, j] - floor[i])) with floor[i] = min_j d[i, j]; n inputs, m outputs.

    `rounding_bits` is what the arithmetic alone may add to a certified gap.
    """

    slope: float
    floor: FloatArray
    outputs: int
    rounding_bits: float = 0.0

    @abstractmethod
    def weigh(self, output: FloatArray) -> FloatArray:
        """E @ output: from shape (m,) to (n,)."""

    @abstractmethod
    def gather(self, weight: FloatArray) -> FloatArray:
        """E.T @ weight: from shape (n,) to (m,)."""

    @abstractmethod
    def weigh_excess(self, output: FloatArray) -> FloatArray:
        """(E * (d - floor)) @ output, from shape (m,) to (n,): without the floor nothing cancels."""

    def respond(self, source: FloatArray, output: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The normaliser Z = E @ output, shape (n,), and E.T @ (source / Z), shape (m,)."""
        normaliser = np.maximum(self.weigh(output), SMALLEST)
        return normaliser, self.gather(source / normaliser)


class SparseGainKernel(Kernel):
    """d = 1 - gain with a sparse gain of shape (n, m) and entries in (0, 1]: E is rank one plus sparse.

    With g[i] = max_j gain[i, j], E[i, j] = exp(slope * (gain[i, j] - g[i])), which is exp(-slope * g[i])
    wherever nothing is stored: one product costs the stored entries, not n * m.

    Raises:
        InputError: an empty row (its input would have no best output), or a bad slope (fatal).
    """

    def __init__(self, gain: sparse.csr_array, slope: float) -> None:
        if np.any(np.diff(gain.indptr) == 0):
            raise InputError("every row of a sparse gain needs a stored entry")
        self.slope = checked_slope(slope)
        self._best = np.asarray(np.maximum.reduceat(gain.data, gain.indptr[:-1]), dtype=np.float64)
        rows = np.repeat(np.arange(self._best.size), np.diff(gain.indptr))
        behind = gain.data - self._best[rows]
        infinite = np.isinf(slope)
        entries = (behind == 0.0).astype(np.float64) if infinite else np.exp(slope * behind)
        self.floor = np.maximum(1.0 - self._best, 0.0)
        self.outputs = int(gain.shape[1])
        self._base = np.zeros_like(self._best) if infinite else np.exp(-slope * self._best)

        def stored(values: FloatArray) -> sparse.csr_array:
            return sparse.csr_array((values, gain.indices, gain.indptr), shape=gain.shape)

        self._extra = stored(entries - self._base[rows])
        self._extra_transposed = self._extra.T.tocsr()
        self._excess = stored(-entries * behind - (self._base * self._best)[rows])

    def weigh(self, output: FloatArray) -> FloatArray:
        return np.asarray(self._base * output.sum() + self._extra @ output)

    def gather(self, weight: FloatArray) -> FloatArray:
        return np.asarray(self._base @ weight + self._extra_transposed @ weight)

    def weigh_excess(self, output: FloatArray) -> FloatArray:
        everywhere = self._base * self._best * output.sum()
        return np.asarray(np.maximum(everywhere + self._excess @ output, 0.0))


def factors(above: Reals, slope: float, out: Reals | None = None) -> Reals:
    """exp(-slope * above) in the precision of `above`, into `out` where it is given; at infinite slope 1 where
    `above` is 0, else 0.
    """
    found = np.empty_like(above) if out is None else out
    if np.isinf(slope):
        np.equal(above, 0.0, out=found, casting="unsafe")
        return found
    np.multiply(above, -slope, out=found)
    return np.exp(found, out=found)


def checked_slope(slope: float) -> float:
    """Raises InputError (fatal) for a slope that is negative or not a number."""
    if not slope >= 0.0:
        raise InputError(f"a slope must be >= 0 nat, got {slope}")
    return float(slope)
