"""Bounds on the rate-accuracy trade-off: of any codec, and of codecs behind a given task model.

NumPy and SciPy are all this package needs. Rates are bit/sample, distortion is P(Y^ != Y). The sources are
cited as RA (Bajic, rate-accuracy bounds) and MA (Enttsel and Corlay, model-aware limits).
"""

from __future__ import annotations

from ratefront.bounds.alarm import below_oracle, upper_error_rate
from ratefront.bounds.blahut_arimoto import BlahutArimotoResult, UnconvergedWarning, blahut_arimoto
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.document import bounds_document, curves_from_document, curves_from_predictions
from ratefront.bounds.model_aware import estimate_and_compress, indirect_estimate_and_compress, time_sharing
from ratefront.bounds.names import (
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    ORACLE,
    SAMPLE_AND_COMMUNICATE,
    TIME_SHARING,
)
from ratefront.bounds.oracle import (
    modelnet40_test_counts,
    oracle_curve,
    oracle_point_at_slope,
    oracle_rate_bits,
    uniform_rate_bits,
)
from ratefront.bounds.predictions import Predictions, load_predictions
from ratefront.bounds.sampling import sample_and_communicate
from ratefront.bounds.source import entropy_bits, joint_from_decisions, prior_from_counts, prior_from_labels

__all__ = [
    "CURVE_KINDS",
    "ESTIMATE_AND_COMPRESS",
    "INDIRECT_ESTIMATE_AND_COMPRESS",
    "ORACLE",
    "SAMPLE_AND_COMMUNICATE",
    "TIME_SHARING",
    "BlahutArimotoResult",
    "Predictions",
    "RateDistortionCurve",
    "UnconvergedWarning",
    "below_oracle",
    "blahut_arimoto",
    "bounds_document",
    "curves_from_document",
    "curves_from_predictions",
    "entropy_bits",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "joint_from_decisions",
    "load_predictions",
    "modelnet40_test_counts",
    "oracle_curve",
    "oracle_point_at_slope",
    "oracle_rate_bits",
    "prior_from_counts",
    "prior_from_labels",
    "sample_and_communicate",
    "time_sharing",
    "uniform_rate_bits",
    "upper_error_rate",
]
