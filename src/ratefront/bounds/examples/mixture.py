"""A source whose label cannot be known for certain: MA's Gaussian mixture (II.C, Fig. 1, appendix).

Y is a fair bit and X = 2Y - 1 + N(0, 1), so p(y = 1 | x) = 1/(1 + e^-2x), and the least error behind X is
D_min = Phi(-1). The curves are those of Fig. 1 right; all have D = P(Y^ != Y) and end at (1/2, 0 bit).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import entr, expit, ndtr, roots_legendre

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import (
    COMPRESS_AND_ESTIMATE,
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    INDIRECT,
    ORACLE,
)
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS, uniform_curve
from ratefront.bounds.examples.mixture_compress_and_estimate import MODEL, compress_and_estimate
from ratefront.bounds.solver.curve_tracing import TracedPoint, arrays_of, trace_convex
from ratefront.bounds.source.distributions import FloatArray

LEAST_ERROR = float(ndtr(-1.0))
"""D_min = P(sign X != 2Y - 1) = 0.158655."""

FARTHEST = 10.0
"""Nine deviations from the centre of a class: 1e-19 of its mass lies beyond."""

HALVINGS, NODES = 40, 24
"""Panels [10/2^(i+1), 10/2^i] with 24 nodes each: a kink of any sharpness at 0 is smooth on each panel."""


def mixture_curves(points: int = CLOSED_FORM_POINTS) -> dict[str, RateDistortionCurve]:
    """Compute the four curves of MA Fig. 1 right, by their names.

    Args:
        points: number of points of the first three curves.

    Example:
        >>> round(mixture_curves(64)["indirect"].rate_at(0.25), 3)
        0.374
    """
    return {
        ORACLE: oracle(points),
        INDIRECT: indirect(points),
        ESTIMATE_AND_COMPRESS: estimate_and_compress(points),
        COMPRESS_AND_ESTIMATE: compress_and_estimate(),
    }


def class_densities(x: npt.ArrayLike) -> FloatArray:
    """Return p(x | y = 0) and p(x | y = 1), stacked in front of the shape of `x`: MA Fig. 1 left."""
    at = np.asarray(x, dtype=np.float64)
    unscaled = np.stack([np.exp(-0.5 * (at - centre) ** 2) for centre in (-1.0, 1.0)])
    return np.asarray(unscaled / np.sqrt(2.0 * np.pi))


def oracle(points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute oRD: 1 - h(D) on [0, 1/2], as if X revealed Y."""
    return replace(uniform_curve(2, points), assumptions=f"{MODEL}; the transmitter knows Y exactly")


def estimate_and_compress(points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute E&C: Y~ = sign X is a fair bit with error probability Phi(-1).

    Compressed to P(Y^ != Y~) = delta at 1 - h(delta) bit, it errs with D = D_min + delta (1 - 2 D_min).
    """
    bit = uniform_curve(2, points)
    distortion = LEAST_ERROR + bit.distortion * (1.0 - 2.0 * LEAST_ERROR)
    assumptions = f"{MODEL}; sign X is compressed as if it were the truth"
    return RateDistortionCurve.of_kind(
        ESTIMATE_AND_COMPRESS, bit.rate_bits, distortion, assumptions=assumptions
    )


def indirect(points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute iRD: the least rate of any transmitter that sees X, from (D_min, 1 bit) to (1/2, 0 bit).

    It is the rate–distortion function of X under d^(x, y^) = P(Y != y^ | x). At slope s the best channel for an
    output q is p(y^ | x) ~ q(y^) exp(-s d^(x, y^)). What is left to minimise, -E log of its normaliser, is convex
    in q. X and -X have the same law and d^(-x, 1 - y^) = d^(x, y^), so swapping the answers changes nothing. The
    mean of a minimiser and its mirror image is a minimiser too, hence q = 1/2. As d^(x, 0) - d^(x, 1) = tanh x,

        p(y^ = 1 | x) = 1/(1 + exp(-s tanh x)),  R = 1 - E h(p(1 | X)),  D = (1 - E tanh X tanh(s tanh X / 2))/2.
    """
    magnitude, weight = _magnitude_quadrature()
    certainty = np.tanh(magnitude)

    def solve(slope: float, *_neighbours: TracedPoint[None]) -> TracedPoint[None]:
        follow = expit(slope * certainty)
        distortion = 0.5 - 0.5 * float(weight @ (certainty * np.tanh(slope * certainty / 2.0)))
        lost = float(weight @ (entr(follow) + entr(expit(-slope * certainty)))) / np.log(2)
        return TracedPoint(distortion, max(0.0, 1.0 - lost), slope)

    left: TracedPoint[None] = TracedPoint(LEAST_ERROR, 1.0, np.inf)
    right: TracedPoint[None] = TracedPoint(0.5, 0.0, 0.0)
    traced = arrays_of(trace_convex(solve, left, right, points))
    assumptions = f"{MODEL}; {CURVE_KINDS[INDIRECT].assumptions}"
    return RateDistortionCurve.of_kind(INDIRECT, traced.rate_bits, traced.distortion, assumptions=assumptions)


def _magnitude_quadrature() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights, each of shape (n,), for E f(|X|); the weights sum to 1."""
    node, weight = np.asarray(roots_legendre(NODES), dtype=np.float64)
    edges = np.append(FARTHEST * 0.5 ** np.arange(HALVINGS), 0.0)[::-1]
    half = np.diff(edges)[:, None] / 2.0
    x = (edges[:-1, None] + half * (1.0 + node)).ravel()
    return x, (half * weight).ravel() * class_densities(x).sum(axis=0)
