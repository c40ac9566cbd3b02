"""Time sharing (MA equation 22): the entropy-coded decision is sent for a share of the samples, nothing for the rest.

It takes the joint p(y, y~) of label and decision, shape (K, K), sparse or dense. D is P(Y^ != Y) on the labels.
"""

from __future__ import annotations

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import TIME_SHARING
from ratefront.bounds.curves.oracle import CLOSED_FORM_POINTS
from ratefront.bounds.source.confusion import Confusion, Joint
from ratefront.bounds.source.distributions import checked_count


def time_sharing(joint: Joint, points: int = CLOSED_FORM_POINTS) -> RateDistortionCurve:
    """Compute time sharing (MA equation 22): the line from (D_TM, H(Y~)) to (D0, 0).

    If the task model errs more often than a constant answer, the line rises with D and is useless; `envelope` then
    leaves only the zero-rate point.

    Args:
        joint: p(y, y~), shape (K, K), rows are labels.
        points: number of points, at least 2.

    Raises:
        InputError: not a joint distribution, or fewer than two points.

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
