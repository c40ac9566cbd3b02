"""The inverse temperatures at which S&C is sampled, so that straight lines between its points miss little."""

from __future__ import annotations

import numpy as np

from ratefront.bounds.curves.tempered_sampling import ROUNDING_BITS, sampled_points
from ratefront.bounds.solver.kernels import SMALLEST
from ratefront.bounds.source.distributions import FloatArray, IntArray
from ratefront.bounds.source.scores import IMPOSSIBLE, RealArray, centred_rows

PILOT_SAMPLES, PILOT_ENTRIES = 2000, 2_000_000
NARROW = 1 - 1e-9
UNIFORM, DETERMINISTIC = 1e-6, 1e8
"""Inverse temperatures, in units of one over a score difference.

At the first a draw is practically uniform, at the second practically deterministic.
"""
LONG_STEP = 0.08
"""A step that covers a greater part of the whole rate or the whole distortion is always split."""


class TemperatureGrid:
    """Inverse temperatures from 0 to infinity; more of them on demand, where the curve bends.

    The curve is that of a pilot, an evenly spaced part of the samples. The step that may hide most is split first.

    Attributes:
        lambdas: the inverse temperatures, rising.
    """

    def __init__(self, f: RealArray, y: IntArray) -> None:
        pilot_samples = min(y.size, PILOT_SAMPLES, max(64, PILOT_ENTRIES // f.shape[1]))
        pilot = np.unique(np.linspace(0, y.size - 1, pilot_samples).astype(int))
        self._f, self._y = f[pilot], y[pilot]
        self.lambdas, self._points = [0.0, np.inf], []
        useful_range = _useful_range(self._f)
        if useful_range is not None:
            self._least, self._most = useful_range
            self.lambdas.insert(1, float(np.clip(1.0, *useful_range)))
            self._points = [self._point(end) for end in self.lambdas]

    def refine_to(self, count: int) -> bool:
        """Split until there are `count` inverse temperatures; False if no further split makes a difference."""
        while len(self.lambdas) < count:
            if not self._points or not self._split():
                return False
        return True

    def _split(self) -> bool:
        priority = _priority(*np.array(self._points).T)
        priority[[not self._can_split(i) for i in range(priority.size)]] = 0.0
        index = int(np.argmax(priority))
        if priority[index] <= 0.0:
            return False
        middle = self._middle(index)
        self.lambdas.insert(index + 1, middle)
        self._points.insert(index + 1, self._point(middle))
        return True

    def _point(self, inverse_temperature: float) -> tuple[float, float]:
        point = sampled_points(self._f, self._y, [inverse_temperature])
        return float(point.rate_bits[0]), float(point.distortion[0])

    def _middle(self, i: int) -> float:
        low, high = max(self.lambdas[i], self._least), min(self.lambdas[i + 1], self._most)
        return float(np.sqrt(low) * np.sqrt(high))

    def _can_split(self, i: int) -> bool:
        middle = self._middle(i)
        return self.lambdas[i] < middle * NARROW and middle < self.lambdas[i + 1] * NARROW


def _priority(rate: FloatArray, distortion: FloatArray) -> FloatArray:
    """Return what a straight line may miss between neighbours, in bit (relative above one bit), shape (M - 1,).

    It is judged by the bends at both ends. A long step is split whatever it seems to miss.
    """
    length = np.hypot(np.diff(rate) / max(float(rate.max()), ROUNDING_BITS), np.diff(distortion))
    bend = np.zeros(rate.size)
    bend[1:-1] = _bends(rate, distortion) / np.maximum(1.0, rate[1:-1])
    before, after = length[:-1], length[1:]
    total = np.maximum(before + after, SMALLEST)
    missed = np.zeros(length.size)
    missed[:-1] = bend[1:-1] * before / total
    missed[1:] = np.maximum(missed[1:], bend[1:-1] * after / total)
    return np.where(length > LONG_STEP, 1.0 + length, np.minimum(missed, 1.0))


def _bends(rate: FloatArray, distortion: FloatArray) -> FloatArray:
    """Return the distance of each inner point from the line through its neighbours, along the rate axis."""
    width, rise = distortion[2:] - distortion[:-2], rate[2:] - rate[:-2]
    share = np.divide(distortion[1:-1] - distortion[:-2], width, out=np.zeros_like(width), where=width != 0)
    away = np.abs(rate[1:-1] - rate[:-2] - share * rise)
    return np.asarray(np.minimum(away, np.abs(rise)))


def _useful_range(f: RealArray) -> tuple[float, float] | None:
    """Return the inverse temperatures between which draws go from uniform to deterministic.

    None where all scores of each row are equal. A class masked by a very negative score has a huge distance to the
    best one, so the deterministic end is judged by the distance of the second best.
    """
    behind = -np.sort(centred_rows(f), axis=1)[:, ::-1]
    possible = behind[(behind > 0.0) & (behind < -IMPOSSIBLE)]
    if possible.size == 0:
        return None
    second = behind[:, 1][(behind[:, 1] > 0.0) & (behind[:, 1] < -IMPOSSIBLE)]
    return UNIFORM / float(possible.max()), DETERMINISTIC / float(
        second.min() if second.size else possible.min()
    )
