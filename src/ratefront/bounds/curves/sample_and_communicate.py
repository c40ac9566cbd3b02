"""Sample and communicate (MA section III.A.3, appendix): draw from the tempered posterior, send the draw.

Y^ ~ Cat(softmax(lambda f(x))); channel simulation sends it at I(X; Y^).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import SAMPLE_AND_COMMUNICATE
from ratefront.bounds.curves.temperature_grid import TemperatureGrid
from ratefront.bounds.curves.tempered_sampling import sampled_points
from ratefront.bounds.source.distributions import as_classes, checked_count
from ratefront.bounds.source.scores import RealArray, checked_scores
from ratefront.errors import InputError

MANY_SCORES, MANY_POINTS, FEW_POINTS = 2_000_000, 200, 60


def sample_and_communicate(
    scores: npt.ArrayLike, labels: npt.ArrayLike, points: int | None = None
) -> RateDistortionCurve:
    """Compute S&C from inverse temperature 0 (uniform output: 0 bit, D = 1 - 1/K) to infinity (the decision).

    Memory stays bounded, because samples pass in blocks. The distortion of an overconfident model may turn back as
    the inverse temperature grows. A posterior of exactly zero stays zero at every positive inverse temperature, so
    such a curve jumps at its zero-rate end. At infinity the first of equal scores is taken, as in the decision.

    Args:
        scores: logits or log-probabilities, shape (N, K); -inf for impossible classes, at least one finite entry
            in each row.
        labels: shape (N,), 0..K-1.
        points: number of inverse temperatures; by default 200, or 60 for more than two million scores.

    Raises:
        InputError: shapes that do not fit, NaN, +inf, a row without a finite score, fewer than two points.

    Example:
        >>> curve = sample_and_communicate([[3.0, 0.0], [0.0, 3.0]], [0, 1])
        >>> round(curve.rate_at(0.0), 3), float(curve.distortion[-1])
        (1.0, 0.5)
    """
    f = checked_scores(scores)
    y = as_classes(labels, f.shape[1], "labels")
    if y.size != f.shape[0]:
        raise InputError(f"scores have {f.shape[0]} rows but there are {y.size} labels")
    wanted = checked_count(default_points(f) if points is None else points, "the number of points")
    grid = TemperatureGrid(f, y)
    grid.refine_to(wanted)
    sampled = sampled_points(f, y, grid.lambdas)
    return RateDistortionCurve.of_kind(
        SAMPLE_AND_COMMUNICATE,
        sampled.rate_bits,
        sampled.distortion,
        distortion_expected=sampled.distortion_expected,
        along=np.arange(sampled.rate_bits.size),
    )


def default_points(scores: RealArray) -> int:
    """Return as many points as a closed form has, or fewer where each point is a pass over many scores."""
    return FEW_POINTS if scores.size > MANY_SCORES else MANY_POINTS
