"""Trials whose results are invalid: a worker finds them by their import path, as it finds real trials."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Measurement, Progress, TrialParams, TrialResult

#: What is wrong with trial number n; the others are valid.
DEFECTS = {
    1: "nan report",
    2: "inf result",
    3: "no accuracy",
    4: "no result",
    5: "nan rate",
    6: "below zero",
}


class InvalidResult:
    """What a trial might return that is no measurement."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def to_json(self) -> Any:
        return self._plain


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, Any]:
    number = int(params.trial_id[1:])
    defect = DEFECTS.get(number)
    yield Progress(1, {"loss": 1.0})
    yield Progress(2, {"loss": float("nan") if defect == "nan report" else 0.5})
    valid = _valid(params, number)
    return valid if defect is None else InvalidResult(_damaged(valid.to_json(), defect))


def _valid(params: TrialParams, number: int) -> TrialResult:
    measured = Measurement(360, 4.0 + number, 4.0 + number, 9.0, 0.5, 4.5 + number, 0.5 + number / 100)
    return TrialResult(params.trial_id, "finished", "", measured, measured, 1000, 10, 0.1, 0.2)


def _damaged(plain: dict[str, Any], defect: str) -> Any:
    match defect:
        case "inf result":
            return plain | {"encode_ms": float("inf")}
        case "no accuracy":
            return plain | {"validation": {k: v for k, v in plain["validation"].items() if k != "accuracy"}}
        case "no result":
            return {}
        case "nan rate":
            return plain | {"validation": plain["validation"] | {"rate_bits": float("nan")}}
        case "below zero":
            return plain | {"test": plain["test"] | {"rate_bits": -1.0}}
    return plain
