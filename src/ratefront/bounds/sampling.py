"""Sample and communicate (MA section III.A.3, appendix): draw from the tempered posterior, send the draw.

Y^ ~ Cat(softmax(lambda f(x))); channel simulation sends it at I(X; Y^) = H(mean posterior) - mean entropy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.names import CURVE_KINDS, SAMPLE_AND_COMMUNICATE
from ratefront.bounds.source import FloatArray, IntArray, as_classes
from ratefront.errors import InputError

Scores = npt.NDArray[np.floating[Any]]
"""Logits or log-probabilities (N, K), up to a constant per row; -inf where a class is impossible."""

BLOCK_ENTRIES = 1 << 18
PILOT_SAMPLES = 2000
FEW_ENTRIES = 2_000_000
NARROW = 1 - 1e-9
ROUNDING_BITS = 1e-12
IMPOSSIBLE = -1e30
"""Stands for -inf: its exponential is 0 at every inverse temperature in use, and 0 times it is not NaN."""


def sample_and_communicate(
    scores: npt.ArrayLike, labels: npt.ArrayLike, points: int | None = None
) -> RateDistortionCurve:
    """S&C from inverse temperature 0 (uniform output: 0 bit, D = 1 - 1/K) to infinity (the decision).

    Args:
        scores: logits or log-probabilities, shape (N, K); -inf for impossible classes, at least one finite
            entry a row.
        labels: shape (N,), 0..K-1.
        points: inverse temperatures; by default 200, or 60 for more than two million scores.

    Memory stays bounded: samples pass in blocks. Where the distortion of an overconfident model turns back as
    the draw hardens, several rates belong to one distortion and the lowest is kept. An exactly zero posterior
    stays zero at every positive inverse temperature, so such a curve jumps at its zero-rate end.

    Raises:
        InputError: shapes that do not fit, NaN, +inf, a row without a finite score, fewer than two points
            (fatal).
    """
    f = _checked_scores(scores)
    y = as_classes(labels, f.shape[1], "labels")
    if y.size != f.shape[0]:
        raise InputError(f"scores have {f.shape[0]} rows but there are {y.size} labels")
    wanted = points if points is not None else (200 if f.size <= FEW_ENTRIES else 60)
    if wanted < 2:
        raise InputError(f"sample and communicate needs at least 2 points, got {wanted}")
    rate, distortion = sampled_points(f, y, inverse_temperatures(f, y, wanted))
    kept = lower_branch(distortion, rate)
    assumptions = CURVE_KINDS[SAMPLE_AND_COMMUNICATE].assumptions
    return RateDistortionCurve(SAMPLE_AND_COMMUNICATE, rate[kept], distortion[kept], assumptions=assumptions)


def sampled_points(f: Scores, y: IntArray, lambdas: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """(rate in bit, distortion), each of shape (L,), at the given inverse temperatures (0 and infinity
    included).
    """
    sums = [_Sums(np.zeros(f.shape[1])) for _ in lambdas]
    for rows in _blocks(f.shape):
        centred = np.array(f[rows], dtype=np.float64)
        centred -= centred.max(axis=1, keepdims=True)
        np.maximum(centred, IMPOSSIBLE, out=centred)
        scratch = np.empty_like(centred)
        for total, inverse_temperature in zip(sums, lambdas, strict=True):
            total.add(*_tempered(centred, inverse_temperature, scratch), y[rows])
    results = np.array([total.point(y.size) for total in sums])
    return results[:, 0], results[:, 1]


def lower_branch(distortion: FloatArray, rate: FloatArray) -> npt.NDArray[np.bool_]:
    """Which points of a line, in its own order, have no other part of the line below them."""
    low, high = np.minimum(distortion[:-1], distortion[1:]), np.maximum(distortion[:-1], distortion[1:])
    width = distortion[1:] - distortion[:-1]
    kept = np.ones(distortion.size, dtype=np.bool_)
    for i, (d, r) in enumerate(zip(distortion, rate, strict=True)):
        over = (low <= d) & (d <= high)
        share = np.divide(d - distortion[:-1], width, out=np.zeros_like(width), where=width != 0)
        line = np.where(width == 0, np.minimum(rate[:-1], rate[1:]), rate[:-1] + share * np.diff(rate))
        kept[i] = not np.any(line[over] < r - ROUNDING_BITS)
    return kept


def inverse_temperatures(f: Scores, y: IntArray, count: int) -> list[float]:
    """0, infinity and between them a grid that steps evenly along the curve, found on an evenly spaced part
    of the samples.
    """
    pilot_samples = min(y.size, PILOT_SAMPLES, max(64, FEW_ENTRIES // f.shape[1]))
    pilot = np.unique(np.linspace(0, y.size - 1, pilot_samples).astype(int))
    spread = _spread(f[pilot])
    if spread == 0.0:
        return [0.0, np.inf]
    grid = _Grid(f[pilot], y[pilot], least=1e-6 / spread, most=1e8 / spread)
    while len(grid.lambdas) < count and grid.split_longest():
        pass
    return grid.lambdas


@dataclass(slots=True)
class _Sums:
    mean: FloatArray
    entropy: float = 0.0
    hits: float = 0.0

    def add(self, posterior: FloatArray, entropy: float, y: IntArray) -> None:
        self.mean += posterior.sum(axis=0)
        self.entropy += entropy
        self.hits += float(posterior[np.arange(y.size), y].sum())

    def point(self, samples: int) -> tuple[float, float]:
        mean = self.mean / samples
        nats = -float(xlogy(mean, mean).sum()) - self.entropy / samples
        bits = nats / float(np.log(2))
        return bits if bits > ROUNDING_BITS else 0.0, float(np.clip(1.0 - self.hits / samples, 0.0, 1.0))


class _Grid:
    """Inverse temperatures in order, with the pilot's point at each; the longest step is split first."""

    def __init__(self, f: Scores, y: IntArray, least: float, most: float) -> None:
        self._f, self._y, self._least, self._most = f, y, least, most
        self.lambdas = [0.0, float(np.clip(1.0, least, most)), np.inf]
        rate, distortion = sampled_points(f, y, self.lambdas)
        self._points = list(zip(rate.tolist(), distortion.tolist(), strict=True))
        self._rate_scale = max(float(rate.max()), 1e-12)
        self._distortion_scale = max(float(np.ptp(distortion)), 1e-12)

    def split_longest(self) -> bool:
        steps = [self._length(i) for i in range(len(self.lambdas) - 1)]
        longest = int(np.argmax(steps))
        if steps[longest] <= 0.0:
            return False
        middle = self._middle(longest)
        rate, distortion = sampled_points(self._f, self._y, [middle])
        self.lambdas.insert(longest + 1, middle)
        self._points.insert(longest + 1, (float(rate[0]), float(distortion[0])))
        return True

    def _middle(self, i: int) -> float:
        low, high = max(self.lambdas[i], self._least), min(self.lambdas[i + 1], self._most)
        return float(np.sqrt(low * high))

    def _length(self, i: int) -> float:
        if (
            not self.lambdas[i] < self._middle(i) * NARROW
            or not self._middle(i) < self.lambdas[i + 1] * NARROW
        ):
            return 0.0
        (r0, d0), (r1, d1) = self._points[i], self._points[i + 1]
        return float(np.hypot((r1 - r0) / self._rate_scale, (d1 - d0) / self._distortion_scale))


def _tempered(
    centred: FloatArray, inverse_temperature: float, scratch: FloatArray
) -> tuple[FloatArray, float]:
    """softmax(lambda f) in `scratch`, shape (b, K), and the sum of its rows' entropies in nat."""
    if np.isinf(inverse_temperature):
        np.equal(centred, 0.0, out=scratch, casting="unsafe")
        ties = scratch.sum(axis=1)
        scratch /= ties[:, None]
        return scratch, float(np.log(ties).sum())
    np.multiply(centred, inverse_temperature, out=scratch)
    np.exp(scratch, out=scratch)
    normaliser = scratch.sum(axis=1)
    scratch /= normaliser[:, None]
    tilt = inverse_temperature * float(np.einsum("ij,ij->", scratch, centred))
    return scratch, float(np.log(normaliser).sum()) - tilt


def _spread(f: Scores) -> float:
    finite = np.where(np.isfinite(f), f, np.nan)
    return float(np.nanmax(np.nanmax(finite, axis=1) - np.nanmin(finite, axis=1)))


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, BLOCK_ENTRIES // shape[1])
    return (slice(first, first + rows) for first in range(0, shape[0], rows))


def _checked_scores(scores: npt.ArrayLike) -> Scores:
    f = np.asarray(scores)
    if f.dtype.kind in "iu":
        f = f.astype(np.float64)
    if f.ndim != 2 or f.size == 0 or f.dtype.kind != "f":
        raise InputError(
            f"scores must be real with shape (N, K), N, K >= 1; got {f.dtype} of shape {f.shape}"
        )
    for rows in _blocks(f.shape):
        best = f[rows].max(axis=1)
        if not np.all(np.isfinite(best)):
            raise InputError("scores must hold no NaN, no +inf and at least one finite entry in each row")
    return f
