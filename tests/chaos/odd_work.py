"""Trials that measure nonsense: found by its import path, as real work is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ratefront.records import Measurement, Progress, TrialParams, TrialResult
from ratefront.trial.trial_context import TrialContext

#: What trial number n does; the others are sound.
ODDITIES = {
    1: "nan report",
    2: "inf result",
    3: "no accuracy",
    4: "no result",
    5: "nan rate",
    6: "below zero",
}


class OddResult:
    """What a trial might return that is no measurement."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def to_json(self) -> Any:
        return self._plain


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, Any]:
    number = int(params.trial_id[1:])
    oddity = ODDITIES.get(number)
    yield Progress(1, {"loss": 1.0})
    yield Progress(2, {"loss": float("nan") if oddity == "nan report" else 0.5})
    sound = _sound(params, number)
    return sound if oddity is None else OddResult(_spoiled(sound.to_json(), oddity))


def _sound(params: TrialParams, number: int) -> TrialResult:
    measured = Measurement(360, 4.0 + number, 4.0 + number, 9.0, 0.5, 4.5 + number, 0.5 + number / 100)
    return TrialResult(params.trial_id, "finished", "", measured, measured, 1000, 10, 0.1, 0.2)


def _spoiled(plain: dict[str, Any], oddity: str) -> Any:
    match oddity:
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
