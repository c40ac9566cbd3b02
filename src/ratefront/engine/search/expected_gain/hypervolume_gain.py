"""The expected gain of hypervolume of trials whose results are predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ratefront.engine.search.expected_gain.non_dominated_boxes import Boxes
from ratefront.pareto import FloatArray

#: The error rate of a codec that makes no mistake on the samples is taken as this, so that it has a logarithm.
LEAST_ERROR = 0.003

#: Nodes and weights of the integral over a normal distribution.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)  # type: ignore[no-untyped-call]
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Prediction:
    """What N trials would measure on one axis: a normal distribution for each node (see ``expected_gains``).

    Attributes:
        mean: Shape (N, Q) or (N, 1), where it is the same for all nodes.
        deviation: The same shape, in the axis's own unit.
        is_error: The axis is the accuracy: the distribution is that of ln(1 − accuracy + LEAST_ERROR).
        is_node: The values are the nodes themselves, without a distribution.
    """

    mean: FloatArray
    deviation: FloatArray
    is_error: bool = False
    is_node: bool = False

    def shortfall(self, levels: FloatArray) -> FloatArray:
        """Return the expectation of max(0, level − cost), shape (N, Q, levels); 0 at −∞."""
        mean, deviation = self.mean[..., None], np.maximum(self.deviation[..., None], 1e-9)
        finite = np.where(np.isinf(levels), 0.0, levels)
        if self.is_node:
            short = np.maximum(finite - mean, 0.0)
        elif self.is_error:
            short = _lognormal_shortfall(np.maximum(finite + 1.0 + LEAST_ERROR, 1e-12), mean, deviation)
        else:
            scaled = (finite - mean) / deviation
            density = np.exp(-0.5 * scaled**2) / math.sqrt(2 * math.pi)
            short = (finite - mean) * ndtr(scaled) + deviation * density
        return np.asarray(np.where(np.isinf(levels), 0.0, short))

    def chance_within(self, limit: float) -> FloatArray:
        """Return the probability that the cost does not exceed a limit, shape (N, Q) or (N, 1)."""
        if self.is_node:
            return np.asarray(self.mean <= limit, dtype=np.float64)
        place = math.log(max(limit + 1.0 + LEAST_ERROR, 1e-12)) if self.is_error else limit
        return np.asarray(ndtr((place - self.mean) / np.maximum(self.deviation, 1e-9)))


def _lognormal_shortfall(level: FloatArray, mean: FloatArray, deviation: FloatArray) -> FloatArray:
    """The expectation of max(0, level − exp(z)) for a normal z: the price of a put option (Black and Scholes 1973)."""
    scaled = (np.log(level) - mean) / deviation
    lower = np.exp(mean + 0.5 * deviation**2) * ndtr(scaled - deviation)
    return np.asarray(level * ndtr(scaled) - lower)


def expected_gains(
    predictions: Sequence[Prediction], boxes: Boxes, limits: Sequence[tuple[Prediction, float]] = ()
) -> FloatArray:
    """Return by how much each of N trials would enlarge the dominated volume, in expectation; shape (N,).

    Given the node, the axes are independent. So the expected volume within a box is a product over the axes, of the
    expected lengths by which the trial lies below the box's upper side; the boxes' volumes add up (after Yang et al.
    2019, "Efficient computation of expected hypervolume improvement using box decomposition algorithms").

    Args:
        predictions: One for each axis. Their Q nodes are values of one common quantity at ``NODES`` deviations.
        boxes: The region that the front does not dominate.
        limits: Further quantities, each with the cost that it must not exceed for the trial to count.
    """
    nodes = max(each.mean.shape[1] for each in [*predictions, *(limited for limited, _ in limits)])
    total = np.ones((len(predictions[0].mean), nodes, len(boxes.low)))
    for axis, prediction in enumerate(predictions):
        levels, places = np.unique(
            np.concatenate([boxes.low[:, axis], boxes.high[:, axis]]), return_inverse=True
        )
        short = prediction.shortfall(levels)
        low, high = np.split(places.reshape(-1), 2)
        total *= np.maximum(short[..., high] - short[..., low], 0.0)
    by_node = total.sum(axis=2)
    for limited, limit in limits:
        by_node = by_node * limited.chance_within(limit)
    return np.asarray(by_node @ WEIGHTS if nodes > 1 else by_node[:, 0])
