"""Estimate and compress (E&C, MA III.A.1): the task model's decision is the source.

It takes the joint p(y, y~) of label and decision, shape (K, K), sparse or dense. D is P(Y^ != Y) on the labels.
"""

from __future__ import annotations

import numpy as np

from ratefront.bounds.closed_form.water_filling import HammingChannel, WaterFilling
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import ESTIMATE_AND_COMPRESS
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS, trace_closed_form
from ratefront.bounds.solver.curve_tracing import arrays_of
from ratefront.bounds.source.confusion import Confusion, Joint


def estimate_and_compress(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute E&C (MA III.A.1): exact water-filling on p(y~), with D through the joint.

    It starts at (D_TM, H(Y~)) and ends at the likeliest decision, whatever the input, at 0 bit. It is achievable,
    and not convex in general.

    Args:
        joint: p(y, y~), shape (K, K), rows are labels.
        points: number of points, at least 2.

    Raises:
        InputError: not a joint distribution, or fewer than two points.

    Example:
        >>> curve = estimate_and_compress([[0.45, 0.05], [0.05, 0.45]])  # ten percent errors either way
        >>> round(curve.least_distortion, 3), float(curve.rate_bits[0])
        (0.1, 1.0)
    """
    confusion = Confusion(joint)
    filling = WaterFilling(confusion.estimate_prior)
    traced = trace_closed_form(filling, points)
    distortion = np.array([_task_distortion(confusion, filling.channel(p.distortion)) for p in traced])
    arrays = arrays_of(traced)
    return RateDistortionCurve.of_kind(
        ESTIMATE_AND_COMPRESS,
        arrays.rate_bits,
        distortion,
        slope=arrays.slope,
        along=np.arange(distortion.size),
    )


def _task_distortion(confusion: Confusion, channel: HammingChannel) -> float:
    """Compute D by MA equations 12–14, without forming p(y^|y): off its diagonal, y enters only through Z(y)."""
    normaliser = channel.normaliser
    inverse = np.divide(1.0, normaliser, out=np.zeros_like(normaliser), where=normaliser > 0)
    leaked = (channel.output @ confusion.joint) @ inverse
    kept = (confusion.joint.diagonal() * channel.output) @ inverse
    return float(np.clip(1.0 - channel.error_factor * leaked - (1.0 - channel.error_factor) * kept, 0.0, 1.0))
