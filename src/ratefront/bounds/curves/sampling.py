"""Sample and communicate (MA section III.A.3, appendix): draw from the tempered posterior, send the draw.

Y^ ~ Cat(softmax(lambda f(x))); channel simulation sends it at I(X; Y^) = H(mean posterior) - mean entropy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.names import SAMPLE_AND_COMMUNICATE
from ratefront.bounds.solver.samples import blocks_of
from ratefront.bounds.source import FloatArray, IntArray, as_classes
from ratefront.errors import InputError

Scores = npt.NDArray[np.floating[Any]]
"""Logits or log-probabilities (N, K), up to a constant per row; -inf where a class is impossible."""

BLOCK_ENTRIES = 1 << 18
PILOT_SAMPLES = 2000
FEW_ENTRIES = 2_000_000
NARROW = 1 - 1e-9
LONG = 0.08
"""A step that goes further, of the whole rate or the whole distortion, is split whatever it seems to miss."""
ROUNDING_BITS = 1e-12
SMALLEST = np.finfo(np.float64).tiny
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
    f = checked_scores(scores)
    y = as_classes(labels, f.shape[1], "labels")
    if y.size != f.shape[0]:
        raise InputError(f"scores have {f.shape[0]} rows but there are {y.size} labels")
    wanted = points if points is not None else (200 if f.size <= FEW_ENTRIES else 60)
    if wanted < 2:
        raise InputError(f"sample and communicate needs at least 2 points, got {wanted}")
    rate, distortion, expected = sampled_points(f, y, inverse_temperatures(f, y, wanted))
    kept = lower_branch(distortion, rate)
    return RateDistortionCurve.of_kind(
        SAMPLE_AND_COMMUNICATE, rate[kept], distortion[kept], distortion_expected=expected[kept]
    )


class SampledPoints(NamedTuple):
    """Each of shape (L,); `distortion` on the labels, `distortion_expected` by the posteriors themselves."""

    rate_bits: FloatArray
    distortion: FloatArray
    distortion_expected: FloatArray


def sampled_points(f: Scores, y: IntArray, lambdas: Sequence[float]) -> SampledPoints:
    """The points at the given inverse temperatures (0 and infinity included)."""
    sums = [_Sums(np.zeros(f.shape[1])) for _ in lambdas]
    for rows in blocks_of(f.shape, BLOCK_ENTRIES):
        centred = np.array(f[rows], dtype=np.float64)
        centred -= centred.max(axis=1, keepdims=True)
        np.maximum(centred, IMPOSSIBLE, out=centred)
        posterior, scratch = np.empty_like(centred), np.empty_like(centred)
        _tempered(centred, 1.0, posterior)
        for total, inverse_temperature in zip(sums, lambdas, strict=True):
            entropy = _tempered(centred, inverse_temperature, scratch)
            total.add(scratch, entropy, posterior, y[rows])
    return SampledPoints(*np.array([total.point(y.size) for total in sums]).T)


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
    for _ in range(count - 3):
        if not grid.split():
            break
    return grid.lambdas


@dataclass(slots=True)
class _Sums:
    mean: FloatArray
    entropy: float = 0.0
    hits: float = 0.0
    expected_hits: float = 0.0

    def add(self, drawn: FloatArray, entropy: float, posterior: FloatArray, y: IntArray) -> None:
        self.mean += drawn.sum(axis=0)
        self.entropy += entropy
        self.hits += float(drawn[np.arange(y.size), y].sum())
        self.expected_hits += float(np.vdot(drawn, posterior))

    def point(self, samples: int) -> tuple[float, float, float]:
        mean = self.mean / samples
        nats = -float(xlogy(mean, mean).sum()) - self.entropy / samples
        bits = nats / float(np.log(2))
        missed = np.clip(1.0 - np.array([self.hits, self.expected_hits]) / samples, 0.0, 1.0)
        return bits if bits > ROUNDING_BITS else 0.0, float(missed[0]), float(missed[1])


class _Grid:
    """Inverse temperatures where the pilot's curve bends: the step with most to hide is split first."""

    def __init__(self, f: Scores, y: IntArray, least: float, most: float) -> None:
        self._f, self._y, self._least, self._most = f, y, least, most
        self.lambdas = [0.0, float(np.clip(1.0, least, most)), np.inf]
        self._points = [self._point(end) for end in self.lambdas]

    def split(self) -> bool:
        urgency = _urgency(*np.array(self._points).T)
        urgency[[not self._can_split(i) for i in range(urgency.size)]] = 0.0
        index = int(np.argmax(urgency))
        if urgency[index] <= 0.0:
            return False
        middle = self._middle(index)
        self.lambdas.insert(index + 1, middle)
        self._points.insert(index + 1, self._point(middle))
        return True

    def _point(self, inverse_temperature: float) -> tuple[float, float]:
        found = sampled_points(self._f, self._y, [inverse_temperature])
        return float(found.rate_bits[0]), float(found.distortion[0])

    def _middle(self, i: int) -> float:
        low, high = max(self.lambdas[i], self._least), min(self.lambdas[i + 1], self._most)
        return float(np.sqrt(low * high))

    def _can_split(self, i: int) -> bool:
        middle = self._middle(i)
        return self.lambdas[i] < middle * NARROW and middle < self.lambdas[i + 1] * NARROW


def _urgency(rate: FloatArray, distortion: FloatArray) -> FloatArray:
    """What a straight line may miss between neighbours, in bit (relative above one bit), shape (M - 1,).

    Judged by the bends at both ends; a step that goes far is split whatever it seems to miss.
    """
    length = np.hypot(np.diff(rate) / max(float(rate.max()), ROUNDING_BITS), np.diff(distortion))
    bend = np.zeros(rate.size)
    bend[1:-1] = _bends(rate, distortion) / np.maximum(1.0, rate[1:-1])
    before, after = length[:-1], length[1:]
    total = np.maximum(before + after, SMALLEST)
    missed = np.zeros(length.size)
    missed[:-1] = bend[1:-1] * before / total
    missed[1:] = np.maximum(missed[1:], bend[1:-1] * after / total)
    return np.where(length > LONG, 1.0 + length, np.minimum(missed, 1.0))


def _bends(rate: FloatArray, distortion: FloatArray) -> FloatArray:
    """How far each inner point lies from the line through its neighbours, seen along the rate axis."""
    width, rise = distortion[2:] - distortion[:-2], rate[2:] - rate[:-2]
    share = np.divide(distortion[1:-1] - distortion[:-2], width, out=np.zeros_like(width), where=width != 0)
    away = np.abs(rate[1:-1] - rate[:-2] - share * rise)
    return np.asarray(np.minimum(away, np.abs(rise)))


def _tempered(centred: FloatArray, inverse_temperature: float, scratch: FloatArray) -> float:
    """Writes softmax(lambda f) into `scratch`, shape (b, K); returns the sum of its rows' entropies in nat."""
    if np.isinf(inverse_temperature):
        np.equal(centred, 0.0, out=scratch, casting="unsafe")
        ties = scratch.sum(axis=1)
        scratch /= ties[:, None]
        return float(np.log(ties).sum())
    np.multiply(centred, inverse_temperature, out=scratch)
    np.exp(scratch, out=scratch)
    normaliser = scratch.sum(axis=1)
    scratch /= normaliser[:, None]
    tilt = inverse_temperature * float(np.einsum("ij,ij->", scratch, centred))
    return float(np.log(normaliser).sum()) - tilt


def _spread(f: Scores) -> float:
    finite = np.where(np.isfinite(f), f, np.nan)
    return float(np.nanmax(np.nanmax(finite, axis=1) - np.nanmin(finite, axis=1)))


def checked_scores(scores: npt.ArrayLike) -> Scores:
    """Logits or log-probabilities of shape (N, K).

    Raises:
        InputError: not real, another shape, NaN, +inf, a row without a finite score (fatal).
    """
    f = np.asarray(scores)
    if f.dtype.kind in "iu":
        f = f.astype(np.float64)
    if f.ndim != 2 or f.size == 0 or f.dtype.kind != "f":
        raise InputError(
            f"scores must be real with shape (N, K), N, K >= 1; got {f.dtype} of shape {f.shape}"
        )
    for rows in blocks_of(f.shape, BLOCK_ENTRIES):
        best = f[rows].max(axis=1)
        if not np.all(np.isfinite(best)):
            raise InputError("scores must hold no NaN, no +inf and at least one finite entry in each row")
    return f
