"""Estimate and compress, and time sharing (MA III.A.1, equation 22): the task model's decision is the source.

Both take the joint p(y, y~) of label and decision, shape (K, K), sparse or dense. D is always P(Y^ != Y) on the
labels.
"""

from __future__ import annotations

import numpy as np

from ratefront.bounds.closed_form.water_filling import HammingChannel, WaterFilling
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import ESTIMATE_AND_COMPRESS, TIME_SHARING
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS, trace_closed_form
from ratefront.bounds.solver.curve_tracing import arrays_of
from ratefront.bounds.source.confusion import Confusion, Joint
from ratefront.bounds.source.distributions import checked_count


def estimate_and_compress(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute E&C (MA III.A.1): exact water-filling on p(y~), with D through the joint.

    It starts at (D_TM, H(Y~)) and ends at the likeliest decision, whatever the input, at 0 bit. It is achievable,
    and not convex in general.

    Args:
        joint: p(y, y~), shape (K, K), rows are labels.
        points: number of points, at least 2.

    Raises:
        InputError: not a joint distribution, or fewer than two points (fatal).

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


def time_sharing(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute time sharing (MA equation 22): the line from (D_TM, H(Y~)) to (D0, 0).

    If the task model errs more often than a constant answer, the line rises with D and is useless; `envelope` then
    leaves only the zero-rate point.

    Args:
        joint: p(y, y~), shape (K, K), rows are labels.
        points: number of points, at least 2.

    Raises:
        InputError: not a joint distribution, or fewer than two points (fatal).

    Example:
        >>> line = time_sharing([[0.45, 0.05], [0.05, 0.45]])
        >>> round(line.rate_at(0.3), 3)  # half-way from D_TM = 0.1 to D0 = 0.5
        0.5
    """
    confusion = Confusion(joint)
    share = np.linspace(1.0, 0.0, checked_count(points, "the number of points"))
    rate = share * confusion.estimate_entropy_bits
    d_tm, d0 = confusion.task_model_distortion, confusion.zero_rate_distortion
    distortion = share * d_tm + (1.0 - share) * d0
    return RateDistortionCurve.of_kind(TIME_SHARING, rate, distortion)


def _task_distortion(confusion: Confusion, channel: HammingChannel) -> float:
    """MA equations 12–14 without forming p(y^|y): off its diagonal the channel hardly depends on its input."""
    normaliser = channel.normaliser
    inverse = np.divide(1.0, normaliser, out=np.zeros_like(normaliser), where=normaliser > 0)
    leaked = (channel.output @ confusion.joint) @ inverse
    kept = (confusion.joint.diagonal() * channel.output) @ inverse
    return float(np.clip(1.0 - channel.error_factor * leaked - (1.0 - channel.error_factor) * kept, 0.0, 1.0))
