"""The curves that this package draws: their names in files, and what theory says of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORACLE = "oracle"
TASK_MODEL = "task_model"
TASK_MODEL_CALIBRATED = "task_model_calibrated"
ESTIMATE_AND_COMPRESS = "estimate_and_compress"
INDIRECT_ESTIMATE_AND_COMPRESS = "indirect_estimate_and_compress"
INDIRECT_POSTERIOR = "indirect_estimate_and_compress_posterior"
INDIRECT_CROSS_FITTED = "indirect_estimate_and_compress_cross_fitted"
SAMPLE_AND_COMMUNICATE = "sample_and_communicate"
TIME_SHARING = "time_sharing"
LINEAR_RULE = "linear_rule"
FIXED_LENGTH = "fixed_length"
HUFFMAN = "huffman"
BLOCK_CODES = "block_codes"
MERGED_CLASSES = "merged_classes"
INDIRECT = "indirect"
COMPRESS_AND_ESTIMATE = "compress_and_estimate"
RATE_INVARIANCE = "rate_invariance"
PROBE = "probe"


@dataclass(frozen=True, slots=True)
class DistortionMeasure:
    """What a distortion counts.

    Attributes:
        name: its key in files.
        title: in words.
        greatest: the greatest value that it can take.
        is_error_probability: whether 1 - distortion is an accuracy.
    """

    name: str
    title: str
    greatest: float
    is_error_probability: bool


ERRORS = DistortionMeasure("errors", "P(Y^ != Y)", 1.0, True)
LOG_LOSS = DistortionMeasure("log_loss", "log loss in bit", np.inf, False)
COST = DistortionMeasure("cost", "expected cost", np.inf, False)


def top_k_errors(k: int) -> DistortionMeasure:
    """Return the measure for a receiver that names k classes: an error is a label that is not among them."""
    return DistortionMeasure(f"top_{k}", f"P(Y not among the {k} named)", 1.0, True)


@dataclass(frozen=True, slots=True)
class CurveKind:
    """What theory says of a curve.

    A rate–distortion function is nonincreasing and convex; an achievable curve need be neither.

    Attributes:
        title: for legends.
        assumptions: in words.
        is_rate_distortion_function: whether it is nonincreasing and convex.
        is_optimal_in_expectation: it is measured on the labels, but against the distortion that the posteriors
            expect it is a rate–distortion function.
    """

    title: str
    assumptions: str
    is_rate_distortion_function: bool
    is_optimal_in_expectation: bool = False


CURVE_KINDS: dict[str, CurveKind] = {
    ORACLE: CurveKind(
        "oracle (oRD)",
        "the transmitter knows the label exactly; the prior is the label counts of the samples",
        True,
    ),
    TASK_MODEL: CurveKind(
        "task model (TMRD)",
        "the task model's posteriors are all that is known of a sample and are taken for the truth; the source is "
        "the samples themselves; distortion measured on the labels",
        False,
        is_optimal_in_expectation=True,
    ),
    TASK_MODEL_CALIBRATED: CurveKind(
        "TMRD, calibrated",
        "as the task model's, with each fifth of the posteriors brought to the temperature of least log loss of the "
        "others; distortion measured on the labels",
        False,
        is_optimal_in_expectation=True,
    ),
    INDIRECT_ESTIMATE_AND_COMPRESS: CurveKind(
        "indirect estimate and compress (iE&C)",
        "the task model's decision is compressed for the labels; plug-in estimate from the confusion counts",
        True,
    ),
    INDIRECT_POSTERIOR: CurveKind(
        "iE&C, from posteriors",
        "the task model's decision is compressed for the labels; p(y | decision) is the mean posterior of the "
        "samples so decided; distortion measured on the labels",
        False,
        is_optimal_in_expectation=True,
    ),
    INDIRECT_CROSS_FITTED: CurveKind(
        "iE&C, cross-fitted",
        "the task model's decision is compressed for the labels; each fifth of the samples is coded by channels "
        "fitted on the others, its rate is the cross-entropy with their output",
        False,
    ),
    ESTIMATE_AND_COMPRESS: CurveKind(
        "estimate and compress (E&C)",
        "the task model's decision is compressed as if it were the truth; distortion measured on the labels",
        False,
    ),
    SAMPLE_AND_COMMUNICATE: CurveKind(
        "sample and communicate (S&C)",
        "a class is drawn from the tempered posterior and sent by channel simulation at I(X; Y^)",
        False,
    ),
    TIME_SHARING: CurveKind(
        "time sharing (TS)",
        "a fraction of the samples sends its entropy-coded decision, the rest sends nothing",
        False,
    ),
    LINEAR_RULE: CurveKind(
        "linear rule",
        "many equiprobable classes: an accuracy A costs about A log2 K bit, for which no bound vouches",
        False,
    ),
    FIXED_LENGTH: CurveKind("fixed-length code", "the decision of each sample in ceil(log2 K) bit", False),
    HUFFMAN: CurveKind(
        "Huffman code", "the decision of each sample in a Huffman code for the counts of the decisions", False
    ),
    BLOCK_CODES: CurveKind(
        "block codes", "the decisions of n samples together in ceil(n log2 K) bit, n = 1, 2, ...", False
    ),
    MERGED_CLASSES: CurveKind(
        "merged classes",
        "the k least likely decisions are sent as the likeliest one, in a Huffman code, k = 0, 1, ...",
        False,
    ),
    INDIRECT: CurveKind(
        "indirect (iRD)", "the transmitter sees X, whose joint law with Y is known exactly", True
    ),
    COMPRESS_AND_ESTIMATE: CurveKind(
        "compress and estimate (C&E)",
        "X is compressed for its own squared error, the receiver decides for the likeliest label",
        False,
    ),
    RATE_INVARIANCE: CurveKind(
        "rate-invariance line",
        "every task that is invariant to the given equivalence must lose no more than the distortion in log loss",
        True,
    ),
    PROBE: CurveKind(
        "TMRD of a probe, no bound",
        "the posteriors of a probe, a classifier of what the transmitter computes, are all that is sent for; long "
        "blocks achieve it, but it is no bound: a better receiver may lie below",
        False,
        is_optimal_in_expectation=True,
    ),
}
