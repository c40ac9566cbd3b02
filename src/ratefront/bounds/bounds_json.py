"""The parts of the JSON document that `ratefront bounds` writes: plain lists and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import CURVE_KINDS, ERRORS
from ratefront.bounds.source.distributions import FloatArray
from ratefront.bounds.statistics.held_out_intervals import HeldOutIntervals


def curve_as_json(curve: RateDistortionCurve, held_out: HeldOutIntervals | None = None) -> dict[str, Any]:
    """Return a curve's arrays as lists, with its title and its assumptions.

    Arrays that the curve does not have are left out. `measure` is there only where the distortion is not P(Y^ !=
    Y).
    """
    kind = CURVE_KINDS.get(curve.name)
    document: dict[str, Any] = {
        "title": curve.name if kind is None else kind.title,
        "assumptions": curve.assumptions,
        "rate_bits": curve.rate_bits.tolist(),
        "distortion": curve.distortion.tolist(),
    }
    if curve.measure is not ERRORS:
        document["measure"] = curve.measure.name
    if curve.turns_back and curve.along is not None:
        document["along"] = curve.along.astype(int).tolist()
    for key in ("gap_bits", "distortion_expected"):
        values = getattr(curve, key)
        if values is not None:
            document[key] = values.tolist()
    return document if held_out is None else {**document, "held_out": _held_out_as_json(held_out)}


def _held_out_as_json(held_out: HeldOutIntervals) -> dict[str, Any]:
    """Return the intervals as lists; an end that an interval does not have is null."""
    return {
        "rate_bits": held_out.rate_bits.tolist(),
        "distortion": held_out.distortion.tolist(),
        "rate_bits_low": _finite(held_out.rate_bits_low),
        "rate_bits_high": _finite(held_out.rate_bits_high),
        "distortion_low": held_out.distortion_low.tolist(),
        "distortion_high": held_out.distortion_high.tolist(),
        "level": held_out.level,
        "resamples": held_out.resamples,
        "seed": held_out.seed,
        "folds": held_out.folds,
    }


def _finite(values: FloatArray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
