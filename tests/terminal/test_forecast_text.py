"""What the terminal says of a forecast."""

from __future__ import annotations

import io

from rich.console import Console

from ratefront.spec.sweep_spec import Budget
from ratefront.store.forecast_file import (
    CalibrationFailure,
    CalibrationTrial,
    Forecast,
    ForecastRange,
)
from ratefront.terminal.forecast_text import print_forecast

RANGE = ForecastRange(0.5, 1.0, 2.0)
TRIALS = (
    CalibrationTrial("label", {"merged": 2}, 0.0, 0.0, 0, 0.05, 80_000),
    CalibrationTrial("split", {"width": 1}, 1.0, 2.0, 3, 4.0, 80_000, 0.3),
)


def printed(made: Forecast, budget: Budget | None = None) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_forecast(made, budget or Budget(), console)
    return console.file.getvalue()


def test_a_plain_forecast_says_neither_failures_nor_gpus() -> None:
    nothing = ForecastRange(0.0, 0.0, 0.0)
    text = printed(Forecast("s", 9, 2, 5.0, 0.0, RANGE, nothing, RANGE, TRIALS, (), {"label": 2, "split": 2}))
    assert "9 trials, 2 at a time, take" in text
    assert "1:00:00, between 30:00 and 2:00:00" in text
    assert "it is in the cache, or not trained" in text
    assert not any(word in text for word in ("GPU", "calibrated,", "budget"))


def test_failures_and_slots_of_each_family_are_told() -> None:
    wide = {"width": 9}
    failures = [
        CalibrationFailure("split", wide, "OutOfMemoryError: full\x1b[2J"),
        CalibrationFailure("split", wide, "OutOfMemoryError: full\x1b[2J"),
    ]
    slots = {"label": 8, "split": 1}
    made = Forecast("s", 9, 8, 5.0, 3.0, RANGE, RANGE, RANGE, TRIALS, failures, slots, 3)
    text = printed(made, Budget(gpu_hours=1.5))
    assert "9 trials, 8 (split: 1) at a time, take" in text
    assert "3 trials, by the memory of calibration trials" in text
    assert "split: 1 of 2 configurations could not be calibrated" in text
    assert "may fail in the sweep: OutOfMemoryError: full\\x1b[2J" in text
    assert "budget.gpu_hours 1.5 may be spent before the last trial" in text
