"""Is what a trial says a measurement? NaN, infinities and missing values are not: they fail the trial."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ratefront.records import OBJECTIVES, TrialResult


def _not_finite(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} is {value}"


def fault_of_metrics(step: int, metrics: Mapping[str, float]) -> str:
    """Why these metrics cannot be recorded, or the empty string."""
    faults = list(_not_finite(metrics))
    return f"{', '.join(faults)} at epoch {step}" if faults else ""


def fault_of_result(trial_id: str, result: Mapping[str, Any]) -> tuple[str, str]:
    """(error class name, reason) why this result cannot be recorded, or two empty strings."""
    if faults := list(_not_finite(result)):
        return "DivergedError", ", ".join(faults)
    try:
        checked = TrialResult.from_json(result)
        objectives = {name: checked.objective(name) for name in OBJECTIVES}
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return "InvalidResult", f"the trial's result is incomplete or wrong: {error}"
    if faults := list(_not_finite(objectives)):
        return "DivergedError", ", ".join(faults)
    if checked.trial_id != trial_id:
        return "InvalidResult", f"the result speaks of trial {checked.trial_id!r}"
    return "", ""
