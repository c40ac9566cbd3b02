"""The JSON document that `ratefront bounds` writes, and the curves back from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ratefront.bounds.confusion import Confusion
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.doubts import curves_with_doubts
from ratefront.bounds.names import CURVE_KINDS, ERRORS, measure_named
from ratefront.bounds.predictions import Predictions
from ratefront.bounds.recipes import RECIPES
from ratefront.bounds.solver.blahut_arimoto import UnconvergedWarning
from ratefront.bounds.solver.solved_curve import SOLVED_SLOPES
from ratefront.bounds.source import FloatArray, entropy_bits
from ratefront.bounds.statistics.calibration import calibrated
from ratefront.bounds.statistics.held_out import FOLDS, HeldOut, cross_fit
from ratefront.bounds.statistics.reliability import expected_calibration_error
from ratefront.errors import InputError


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Resamples of the held-out contributions, the seed of folds and resamples, the level of the intervals."""

    resamples: int
    seed: int = 0
    level: float = 0.95


def bounds_document(
    predictions: Predictions,
    only: Iterable[str] | None = None,
    *,
    points: int = SOLVED_SLOPES,
    bootstrap: Bootstrap | None = None,
    calibrate: bool = False,
) -> dict[str, Any]:
    """The JSON document: plain lists and numbers, rates in bit/sample, distortions measured on the labels.

    Args:
        predictions: of N labelled samples.
        only: names of curves; by default those of `recipes.curve_names`.
        points: solved slopes of each iterated curve.
        bootstrap: adds `held_out` to each curve with channels to fit: 5-fold cross-fitted points with
            intervals for the rate at their distortion.
        calibrate: posteriors are brought to the temperature of least log loss first.

    Raises:
        InputError: as `curves_from_predictions`; calibration without posteriors, intervals from a single
            sample (fatal).
    """
    calibration, error = None, None
    if calibrate:
        predictions, calibration = calibrated(predictions)
        error = calibration.expected_calibration_error_before
    elif predictions.log_probabilities is not None:
        error = expected_calibration_error(predictions)
    with warnings.catch_warnings(record=True) as unconverged:
        warnings.simplefilter("always", UnconvergedWarning)
        found = curves_with_doubts(predictions, only, points, is_tempered=calibrate)
    curves = found.curves
    confusion = Confusion(predictions.joint)
    sentences = [*found.warnings, calibration and calibration.doubt]
    sentences += [str(warning.message) for warning in unconverged]
    document: dict[str, Any] = {
        "classes": predictions.classes,
        "samples": predictions.samples,
        "task_model_distortion": float(np.mean(predictions.predicted != predictions.labels)),
        "zero_rate_distortion": confusion.zero_rate_distortion,
        "label_entropy_bits": entropy_bits(confusion.label_prior),
        "estimate_entropy_bits": confusion.estimate_entropy_bits,
        "expected_calibration_error": error,
        "calibration": None if calibration is None else asdict(calibration),
        "warnings": [sentence for sentence in sentences if sentence],
        "curves": {name: curve_as_json(curve) for name, curve in curves.items()},
    }
    if bootstrap is not None:
        for name, curve in curves.items():
            if (held_out := _held_out(predictions, name, curve, bootstrap)) is not None:
                document["curves"][name]["held_out"] = held_out
    return document


def _held_out(
    predictions: Predictions, name: str, curve: RateDistortionCurve, bootstrap: Bootstrap
) -> dict[str, Any] | None:
    fit_like = RECIPES[name].fit
    if fit_like is None:
        return None
    measured = cross_fit(predictions, fit_like(predictions, curve), FOLDS, bootstrap.seed)
    return _held_out_as_json(measured, bootstrap)


def _held_out_as_json(measured: HeldOut, bootstrap: Bootstrap) -> dict[str, Any]:
    """Sorted by distortion; null where replicates' curves too often do not reach the distortion."""
    interval = measured.bootstrap(bootstrap.resamples, bootstrap.seed, bootstrap.level)
    rate, distortion = measured.mean_rate_bits, measured.mean_distortion
    order = np.lexsort((-rate, distortion))
    return {
        "rate_bits": rate[order].tolist(),
        "distortion": distortion[order].tolist(),
        "rate_bits_low": _finite(interval.rate_low_bits[order]),
        "rate_bits_high": _finite(interval.rate_high_bits[order]),
        "distortion_low": interval.distortion_low[order].tolist(),
        "distortion_high": interval.distortion_high[order].tolist(),
        "level": bootstrap.level,
        "resamples": bootstrap.resamples,
        "seed": bootstrap.seed,
        "folds": min(FOLDS, measured.samples),
    }


def _finite(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def curves_from_document(document: Mapping[str, Any]) -> dict[str, RateDistortionCurve]:
    """The curves of a bounds document; a curve that this version does not know claims neither shape.

    Raises:
        InputError: no curves inside, or one that lacks its arrays or breaks what its kind claims (fatal).
    """
    curves = document.get("curves")
    if not isinstance(curves, Mapping):
        raise InputError("a bounds document must hold an object 'curves'")
    return {str(name): _from_json(str(name), value) for name, value in curves.items()}


def curve_as_json(curve: RateDistortionCurve) -> dict[str, Any]:
    """Its arrays as lists (those it has), what it is called and what it assumes; `measure` only where the
    distortion is not P(Y^ != Y).
    """
    kind = CURVE_KINDS.get(curve.name)
    found: dict[str, Any] = {
        "title": curve.name if kind is None else kind.title,
        "assumptions": curve.assumptions,
        "rate_bits": curve.rate_bits.tolist(),
        "distortion": curve.distortion.tolist(),
    }
    if curve.measure is not ERRORS:
        found["measure"] = curve.measure.name
    if curve.turns_back and curve.along is not None:
        found["along"] = curve.along.astype(int).tolist()
    for key in ("gap_bits", "distortion_expected"):
        values = getattr(curve, key)
        if values is not None:
            found[key] = values.tolist()
    return found


def _from_json(name: str, value: Any) -> RateDistortionCurve:
    if not isinstance(value, Mapping) or not {"rate_bits", "distortion"} <= set(value):
        raise InputError(f"the curve {name!r} must be an object with rate_bits and distortion")
    kind = CURVE_KINDS.get(name)
    shaped = kind is not None and kind.is_rate_distortion_function
    return RateDistortionCurve(
        name=name,
        rate_bits=_numbers(name, value["rate_bits"]),
        distortion=_numbers(name, value["distortion"]),
        gap_bits=_optional(name, value, "gap_bits"),
        distortion_expected=_optional(name, value, "distortion_expected"),
        along=_optional(name, value, "along"),
        assumptions=str(value.get("assumptions", "" if kind is None else kind.assumptions)),
        monotone=shaped,
        convex=shaped,
        measure=measure_named(str(value.get("measure", ERRORS.name))),
    )


def _optional(name: str, value: Mapping[str, Any], key: str) -> Any:
    return None if value.get(key) is None else _numbers(name, value[key])


def _numbers(name: str, values: Any) -> Any:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the curve {name!r} must hold lists of numbers: {error}") from error
