"""Curves with warnings: where they rest on too few samples, or on posteriors that are wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import (
    CURVE_KINDS,
    SAMPLE_AND_COMMUNICATE,
    TASK_MODEL,
    TASK_MODEL_CALIBRATED,
)
from ratefront.bounds.curve_recipes import RECIPES, curve_names, curves_from_predictions
from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.few_samples import few_samples_warning
from ratefront.bounds.statistics.order_violation import OrderViolation, order_violation
from ratefront.bounds.statistics.reliability import Reliability, reliability

LARGE_CALIBRATION_ERROR = 0.1
"""Ordinary training leaves 0.02 to 0.1, with label smoothing too.

Up to this value the best temperature moves TMRD by hundredths of a bit; beyond it by tenths.
"""

LARGE_GAP_BITS = 0.1
"""A point of TMRD whose certified gap is greater says little about TMRD.

The solver reaches 1e-4. Greater gaps are left where the posteriors are equal, or differ by rounding alone: all answers
are then expected to be wrong equally often, and the decision is no point that the solver has found.
"""


@dataclass(frozen=True, eq=False)
class CurvesWithWarnings:
    """Curves, and the reasons to doubt them.

    Attributes:
        curves: by name.
        warnings: sentences for people.
    """

    curves: dict[str, RateDistortionCurve]
    warnings: tuple[str, ...]


def curves_with_warnings(
    predictions: Predictions,
    only: Iterable[str] | None = None,
    points: int = SOLVED_SLOPES,
    *,
    besides: Collection[str] = (),
    is_tempered: bool = False,
) -> CurvesWithWarnings:
    """Return the curves of `curves_from_predictions`, with warnings.

    Where S&C lies below TMRD and no curves are asked for by name, TMRD of calibrated posteriors is added.

    Args:
        predictions: labels and what a task model said of N samples.
        only: names of curves; None for the default curves.
        points: number of solved slopes of each iterated curve.
        besides: names of curves to draw in addition to the default curves.
        is_tempered: whether the posteriors have the best temperature already.

    Raises:
        InputError: as `curves_from_predictions`.
    """
    names = [*curve_names(predictions), *besides] if only is None else only
    curves = curves_from_predictions(predictions, names, points)
    violation = _order_violation(predictions, curves)
    if violation is not None and only is None and TASK_MODEL_CALIBRATED not in curves:
        curves |= curves_from_predictions(predictions, [TASK_MODEL_CALIBRATED], points)
    sentences = [
        few_samples_warning(predictions, curves),
        _calibration_warning(predictions, curves, is_tempered),
        None if violation is None else _order_violation_warning(violation, curves, is_tempered),
        *(_gap_warning(curves[name]) for name in (TASK_MODEL, TASK_MODEL_CALIBRATED) if name in curves),
    ]
    return CurvesWithWarnings(curves, tuple(sentence for sentence in sentences if sentence))


def _order_violation(
    predictions: Predictions, curves: Mapping[str, RateDistortionCurve]
) -> OrderViolation | None:
    if not {TASK_MODEL, SAMPLE_AND_COMMUNICATE} <= set(curves):
        return None
    return order_violation(predictions, curves[TASK_MODEL], curves[SAMPLE_AND_COMMUNICATE])


def _calibration_warning(
    predictions: Predictions, curves: Mapping[str, RateDistortionCurve], is_tempered: bool
) -> str | None:
    """Return a warning; None if the error is small or may be chance, or if no curve uses the posteriors.

    Where TMRD is uncertain by much, no error is small: a temperature that separates the posteriors makes it known.
    """
    if not any(RECIPES[name].needs_posteriors for name in curves):
        return None
    measured = reliability(predictions)
    task_model = curves.get(TASK_MODEL)
    small = 0.0 if task_model is not None and _has_large_gap(task_model) else LARGE_CALIBRATION_ERROR
    if measured.error <= max(small, measured.error_by_chance):
        return None
    return (
        f"The posteriors are badly calibrated, their expected calibration error is {measured.error:.3f}: the model is "
        f"sure of {measured.confidence:.1%} and right in {measured.accuracy:.1%}. TMRD and S&C take the posteriors for "
        f"the truth, so they are off. {_advice(measured, is_tempered)}"
    )


def _advice(measured: Reliability, is_tempered: bool) -> str:
    if is_tempered:
        return "No temperature corrects it."
    unsure = measured.confidence < measured.accuracy
    causes = "probabilities in place of logits, strong label smoothing" if unsure else "overfitting"
    return (
        f"Look for the cause ({causes}); the option `calibrate` of `ratefront bounds` tempers the posteriors."
    )


def _has_large_gap(curve: RateDistortionCurve) -> bool:
    return curve.gap_bits is not None and float(curve.gap_bits.max()) > LARGE_GAP_BITS


def _gap_warning(curve: RateDistortionCurve) -> str | None:
    """Return a warning where the decision lies far above the curve behind posteriors that are practically equal."""
    if curve.gap_bits is None or not _has_large_gap(curve):
        return None
    worst = int(curve.gap_bits.argmax())
    accuracy, rate_bits = 1.0 - float(curve.distortion[worst]), float(curve.rate_bits[worst])
    return (
        f"{CURVE_KINDS[curve.name].title} is not known at an accuracy of {accuracy:.2%}: its point there, "
        f"{rate_bits:.3f} bit/sample, may lie {float(curve.gap_bits[worst]):.3f} bit above it. The "
        "posteriors of the classes are equal or differ by rounding alone, so that every answer is expected to be wrong "
        "equally often. Look for the scale of the scores: logits must not be divided by a large number."
    )


def _order_violation_warning(
    violation: OrderViolation, curves: Mapping[str, RateDistortionCurve], is_tempered: bool
) -> str:
    where = "drawn beside it" if TASK_MODEL_CALIBRATED in curves else f"the curve {TASK_MODEL_CALIBRATED}"
    remedy = (
        "One temperature does not correct it."
        if is_tempered
        else f"TMRD of calibrated posteriors, the temperature fitted on other samples, is {where}."
    )
    task_model_rate = (
        "does not reach it" if violation.task_model_bits is None else f"{violation.task_model_bits:.3f}"
    )
    points = 100 * violation.distortion_margin
    return (
        f"S&C lies below TMRD: at an accuracy of {violation.accuracy:.2%} it needs {violation.sampled_bits:.3f} "
        f"bit/sample, TMRD {task_model_rate}. This is not chance: at the same rate S&C is right more often by over "
        f"{points:.2g} points (paired bootstrap, one-sided {violation.level:.0%} of all rates together). If posteriors "
        f"are right, nothing lies below TMRD: they are miscalibrated, and TMRD is not a bound here. {remedy}"
    )
