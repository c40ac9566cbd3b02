"""Checks what a trial reports and measures: NaN, infinities and missing values fail the trial.

What passes the checks can be recorded, replayed, drawn and compared, whatever code the trial ran.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ratefront.errors import UnknownCostError
from ratefront.trial_records import TrialParams, TrialResult


class InvalidMeasurement(NamedTuple):
    """Why a measurement cannot be recorded: the class name of an error, and a sentence that says what is wrong."""

    error: str
    reason: str


def invalid_metrics(step: int, metrics: Mapping[str, Any]) -> InvalidMeasurement | None:
    """Why the metrics that a trial reported at ``step`` cannot be recorded; None where they can."""
    if problems := [f"{name} is {value!r}" for name, value in metrics.items() if not _is_number(value)]:
        return InvalidMeasurement(
            "InvalidResult", f"{', '.join(problems)} at epoch {step}: a metric is a number"
        )
    if problems := list(_not_finite(metrics)):
        return InvalidMeasurement("DivergedError", f"{', '.join(problems)} at epoch {step}")
    return None


def invalid_result(
    params: TrialParams, result: Mapping[str, Any], objectives: Iterable[str]
) -> InvalidMeasurement | None:
    """Why a trial's result cannot be recorded; None where it can.

    Args:
        params: What the trial was given.
        result: The result as plain data (see ``TrialResult.to_json``); a worker may have sent anything.
        objectives: The objectives of the sweep. Their values must be known; other costs may be unknown.
    """
    if problems := list(_not_finite(result)):
        return InvalidMeasurement("DivergedError", ", ".join(problems))
    try:
        checked = TrialResult.from_json(result)
        values = {name: checked.objective(name) for name in objectives}
    except UnknownCostError as error:
        reason = f"an objective of this sweep is missing: {error} (family {params.family})"
        return InvalidMeasurement(type(error).__name__, reason)
    except Exception as error:  # the result may be anything
        return InvalidMeasurement("InvalidResult", f"the trial's result is incomplete or wrong: {error}")
    if problems := list(_not_finite(values)):
        return InvalidMeasurement("DivergedError", ", ".join(problems))
    if checked.trial_id != params.trial_id:
        return InvalidMeasurement("InvalidResult", f"the result speaks of trial {checked.trial_id!r}")
    return None


def _is_number(value: object) -> bool:
    """False for anything but numbers, and for integers that no float can hold."""
    if not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _not_finite(value: object, path: str = "") -> Iterator[str]:
    for key, inner in _parts(value):
        yield from _not_finite(inner, f"{path}.{key}" if path else str(key))
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}"


def _parts(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()
