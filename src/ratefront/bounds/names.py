"""The curves that this package draws: their names in files and what each one is by theory."""

from __future__ import annotations

from dataclasses import dataclass

ORACLE = "oracle"
ESTIMATE_AND_COMPRESS = "estimate_and_compress"
INDIRECT_ESTIMATE_AND_COMPRESS = "indirect_estimate_and_compress"
SAMPLE_AND_COMMUNICATE = "sample_and_communicate"
TIME_SHARING = "time_sharing"


@dataclass(frozen=True, slots=True)
class CurveKind:
    """What theory says of a curve.

    A rate-distortion function is nonincreasing and convex; an achievable curve need be neither.
    """

    title: str
    assumptions: str
    is_rate_distortion_function: bool


CURVE_KINDS: dict[str, CurveKind] = {
    ORACLE: CurveKind(
        "oracle (oRD)",
        "the transmitter knows the label exactly; the prior is the label counts of the samples",
        True,
    ),
    ESTIMATE_AND_COMPRESS: CurveKind(
        "estimate and compress (E&C)",
        "the task model's decision is compressed as if it were the truth; distortion measured on the labels",
        False,
    ),
    INDIRECT_ESTIMATE_AND_COMPRESS: CurveKind(
        "indirect estimate and compress (iE&C)",
        "the task model's decision is compressed for the labels; plug-in estimate from the confusion counts",
        True,
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
}
