"""A curve's held-out interval as a bounds document holds it: its channels fitted on some samples, evaluated
on others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratefront.bounds.source import FloatArray
from ratefront.errors import InputError

_ARRAYS = ("rate_bits", "distortion", "rate_bits_low", "rate_bits_high")


@dataclass(frozen=True, eq=False)
class HeldOutBand:
    """Attributes, all of shape (M,) in bit/sample but for `accuracy`, sorted by it:

    rate_bits: measured on the held-out samples.
    accuracy: 1 - distortion there.
    low, high: the interval of the rate at that distortion; infinite (null in the document) where it has no
        such end, since too many resamples do not come down to that distortion.
    """

    rate_bits: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def greatest(self) -> float:
        """The greatest finite rate."""
        rates = np.concatenate([self.rate_bits, self.low, self.high])
        return float(rates[np.isfinite(rates)].max())


def held_out_bands(document: Mapping[str, Any]) -> dict[str, HeldOutBand]:
    """The bands of those curves of a bounds document that have one.

    Raises:
        InputError: a band that lacks an array, or whose arrays do not fit or hold what is no number (fatal).
    """
    given = {str(name): curve.get("held_out") for name, curve in document["curves"].items()}
    return {name: _band(name, value) for name, value in given.items() if value is not None}


def interval_title(document: Mapping[str, Any]) -> str:
    """What the bands show, in words: their level where all have the same one."""
    given = [curve.get("held_out") for curve in document["curves"].values()]
    levels = [band.get("level") for band in given if band is not None]
    level = levels[0] if levels and all(other == levels[0] for other in levels) else None
    if isinstance(level, int | float) and 0 < level < 1:
        return f"held out, with {100 * level:g} % interval"
    return "held out, with interval"


def _band(name: str, value: Any) -> HeldOutBand:
    if not isinstance(value, Mapping) or not set(_ARRAYS) <= set(value):
        raise InputError(f"held_out of the curve {name!r} must be an object with {', '.join(_ARRAYS)}")
    rate_bits, distortion, low, high = (_numbers(name, key, value[key]) for key in _ARRAYS)
    if len({rate_bits.size, distortion.size, low.size, high.size}) != 1 or rate_bits.size == 0:
        raise InputError(f"held_out of the curve {name!r} must hold arrays of one length >= 1")
    if not np.all(np.isfinite([rate_bits, distortion])):
        raise InputError(f"held_out of the curve {name!r}: rate_bits and distortion must be finite")
    order = np.argsort(1.0 - distortion, kind="stable")
    open_low, open_high = (np.where(np.isnan(ends), np.inf, ends)[order] for ends in (low, high))
    return HeldOutBand(rate_bits[order], 1.0 - distortion[order], open_low, open_high)


def _numbers(name: str, key: str, values: Any) -> FloatArray:
    """An array of shape (M,); null becomes NaN."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"held_out of the curve {name!r}: {key} must hold numbers: {error}") from error
    if array.ndim != 1:
        raise InputError(f"held_out of the curve {name!r}: {key} must be a list of numbers")
    return array
