"""The bounds of one set of predictions, as curves and as the JSON document that `ratefront bounds` writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.model_aware import (
    Confusion,
    estimate_and_compress,
    indirect_estimate_and_compress,
    time_sharing,
)
from ratefront.bounds.names import (
    CURVE_KINDS,
    ESTIMATE_AND_COMPRESS,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    ORACLE,
    SAMPLE_AND_COMMUNICATE,
    TIME_SHARING,
)
from ratefront.bounds.oracle import oracle_curve
from ratefront.bounds.predictions import Predictions
from ratefront.bounds.sampling import sample_and_communicate
from ratefront.bounds.source import entropy_bits
from ratefront.errors import InputError

Builder = Callable[[Predictions], RateDistortionCurve | None]


def _sampled(predictions: Predictions) -> RateDistortionCurve | None:
    if predictions.log_probabilities is None:
        return None
    return sample_and_communicate(predictions.log_probabilities, predictions.labels)


BUILDERS: dict[str, Builder] = {
    ORACLE: lambda predictions: oracle_curve(predictions.label_prior),
    ESTIMATE_AND_COMPRESS: lambda predictions: estimate_and_compress(predictions.joint),
    INDIRECT_ESTIMATE_AND_COMPRESS: lambda predictions: indirect_estimate_and_compress(predictions.joint),
    SAMPLE_AND_COMMUNICATE: _sampled,
    TIME_SHARING: lambda predictions: time_sharing(predictions.joint),
}


def curves_from_predictions(
    predictions: Predictions, only: Iterable[str] | None = None
) -> dict[str, RateDistortionCurve]:
    """Every curve that the predictions allow (S&C needs posteriors), or those named in `only`.

    Raises:
        InputError: `only` names a curve that does not exist, or S&C where there are no posteriors (fatal).
    """
    names = list(BUILDERS) if only is None else _known(only)
    built = {name: BUILDERS[name](predictions) for name in names}
    missing = [name for name, curve in built.items() if curve is None]
    if only is not None and missing:
        raise InputError(
            f"{', '.join(missing)} needs logits or probabilities; these predictions are decisions only"
        )
    return {name: curve for name, curve in built.items() if curve is not None}


def bounds_document(predictions: Predictions, only: Iterable[str] | None = None) -> dict[str, Any]:
    """The JSON document: plain lists and numbers, rates in bit/sample, distortions measured on the labels.

    Raises:
        InputError: as `curves_from_predictions` (fatal).
    """
    confusion = Confusion(predictions.joint)
    return {
        "classes": predictions.classes,
        "samples": predictions.samples,
        "task_model_distortion": float(np.mean(predictions.predicted != predictions.labels)),
        "zero_rate_distortion": confusion.zero_rate_distortion,
        "label_entropy_bits": entropy_bits(confusion.label_prior),
        "estimate_entropy_bits": confusion.estimate_entropy_bits,
        "curves": {
            name: _as_json(curve) for name, curve in curves_from_predictions(predictions, only).items()
        },
    }


def curves_from_document(document: Mapping[str, Any]) -> dict[str, RateDistortionCurve]:
    """The curves of a bounds document; a curve that this version does not know claims neither shape.

    Raises:
        InputError: no curves inside, or one that lacks its arrays or breaks what its kind claims (fatal).
    """
    curves = document.get("curves")
    if not isinstance(curves, Mapping):
        raise InputError("a bounds document must hold an object 'curves'")
    return {str(name): _from_json(str(name), value) for name, value in curves.items()}


def _as_json(curve: RateDistortionCurve) -> dict[str, list[float]]:
    arrays = {"rate_bits": curve.rate_bits.tolist(), "distortion": curve.distortion.tolist()}
    return arrays if curve.gap_bits is None else {**arrays, "gap_bits": curve.gap_bits.tolist()}


def _from_json(name: str, value: Any) -> RateDistortionCurve:
    if not isinstance(value, Mapping) or not {"rate_bits", "distortion"} <= set(value):
        raise InputError(f"the curve {name!r} must be an object with rate_bits and distortion")
    kind = CURVE_KINDS.get(name)
    shaped = kind is not None and kind.is_rate_distortion_function
    return RateDistortionCurve(
        name=name,
        rate_bits=_numbers(name, value["rate_bits"]),
        distortion=_numbers(name, value["distortion"]),
        gap_bits=None if value.get("gap_bits") is None else _numbers(name, value["gap_bits"]),
        assumptions="" if kind is None else kind.assumptions,
        monotone=shaped,
        convex=shaped,
    )


def _numbers(name: str, values: Any) -> Any:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the curve {name!r} must hold lists of numbers: {error}") from error


def _known(only: Iterable[str]) -> list[str]:
    names = [only] if isinstance(only, str) else list(only)
    unknown = [name for name in names if name not in BUILDERS]
    if unknown:
        raise InputError(f"no such curve: {', '.join(map(repr, unknown))}; there are {', '.join(BUILDERS)}")
    return names
