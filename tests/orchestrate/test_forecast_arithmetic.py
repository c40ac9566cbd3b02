"""The forecast that follows from calibration trials, in cases whose true value is known."""

from __future__ import annotations

from typing import Any

import pytest

from ratefront.orchestrate.forecast_arithmetic import (
    FRONT_SHARE,
    LEDGER_EPOCH_BYTES,
    LEDGER_TRIAL_BYTES,
    forecast_of,
)
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import FamilyResources, Resources, Sampler, SweepSpec
from ratefront.store.forecast_file import CalibrationTrial, Forecast, ForecastRange

HOUR = 3600.0


def trial(family: str, seconds: float, bytes_: int = 0) -> CalibrationTrial:
    return CalibrationTrial(family, {}, seconds / 4, seconds / 4, 2, seconds / 4, bytes_)


def spec_of(trials: int, **changes: Any) -> SweepSpec:
    spec = load_spec("sweeps/digits.yaml").spec
    return spec.model_copy(update={"trials": trials, "sampler": Sampler(name="random")} | changes)


def forecast(spec: SweepSpec, slots: dict[str, int], *trials: CalibrationTrial, **more: Any) -> Forecast:
    return forecast_of(spec, slots, start_s=0.0, task_model_s=0.0, trials=trials, **more)


def test_the_interval_spans_families_and_configurations() -> None:
    spec = spec_of(
        10,
        sampler=Sampler(startup_trials=4),
        resources=Resources(families={"split": FamilyResources(gpus=0.5)}),
    )
    calibrated = [trial("label", 4.0), trial("label", 8.0), trial("split", 20.0), trial("split", 40.0)]
    slots = {"label": 2, "split": 2}
    made = forecast_of(spec, slots, start_s=3.0, task_model_s=7.0, trials=calibrated)
    # The first 4 trials are of both families alike; the other 6 may all be of either. 3 rounds of split take longest.
    low_s, high_s = 4 * (4 + 20) / 2 + 6 * 4, 4 * (8 + 40) / 2 + 6 * 40
    assert made.hours.low * HOUR == pytest.approx(3 + 7 + low_s / 2)
    assert made.hours.expected * HOUR == pytest.approx(3 + 7 + max(10 * (6 + 30) / 2 / 2, 3 * 30))
    assert made.hours.high * HOUR == pytest.approx(3 + 3 + 7 + high_s / 2 + 40 / 2)
    assert made.gpu_hours.low * HOUR == pytest.approx(4 * 20 * 0.5 / 2)
    assert made.gpu_hours.expected * HOUR == pytest.approx(10 * 30 * 0.5 / 2)
    assert made.gpu_hours.high * HOUR == pytest.approx(4 * 40 * 0.5 / 2 + 6 * 40 * 0.5)
    every_family = forecast_of(
        spec.model_copy(update={"sampler": Sampler(name="random")}), slots, 3.0, 7.0, calibrated
    )
    assert every_family.hours.low * HOUR == pytest.approx(3 + 7 + 10 * (4 + 20) / 2 / 2)


@pytest.mark.parametrize(
    ("trials", "slots", "hours"),
    [(1, 8, 1.0), (5, 4, 2.0), (8, 8, 1.0), (9, 8, 2.0), (40, 4, 10.0)],
)
def test_few_trials_do_not_fill_many_slots(trials: int, slots: int, hours: float) -> None:
    made = forecast(spec_of(trials), {"label": slots}, trial("label", HOUR))
    assert made.hours.low == pytest.approx(hours)
    assert made.hours.expected == pytest.approx(hours)
    assert hours <= made.hours.high < hours + 1


def test_each_family_has_its_own_slots() -> None:
    made = forecast(spec_of(80), {"label": 8, "split": 1}, trial("label", HOUR), trial("split", HOUR))
    assert made.hours.low == made.hours.expected == pytest.approx(45.0)
    assert made.hours.high == pytest.approx(45.0 + 7 / 8)
    assert (made.slots, made.slots_by_family) == (8, {"label": 8, "split": 1})


def test_the_slow_family_decides_where_slots_are_many() -> None:
    """Eight trials of an hour beside eight that take no time, on eight slots: the hour is not shared."""
    made = forecast(spec_of(16), {"label": 8, "split": 8}, trial("label", 0.0), trial("split", HOUR))
    assert made.hours.low == made.hours.expected == pytest.approx(1.0)
    few = forecast(spec_of(6), {"label": 8, "split": 8}, trial("label", 0.0), trial("split", HOUR))
    assert few.hours.low == few.hours.expected == pytest.approx(1.0)


def test_trials_that_share_a_gpu_by_measurement_take_turns_at_worst() -> None:
    resources = Resources(trials_per_gpu=4, families={"label": FamilyResources(gpus=0)})
    calibrated = trial("split", HOUR), trial("label", HOUR)
    made = forecast(spec_of(80, resources=resources), {"split": 4, "label": 8}, *calibrated, trials_per_gpu=4)
    assert made.hours.expected == pytest.approx(40 / 4 + 40 / 8)
    assert made.gpu_hours == ForecastRange(10.0, 10.0, 40.0)
    assert made.hours.high == pytest.approx(40 + 40 / 8 + 4 * 3 / 4)
    given = forecast(spec_of(80, resources=resources), {"split": 4, "label": 8}, *calibrated)
    assert given.gpu_hours.high == pytest.approx(10.0), "they were calibrated side by side"


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("all", (8000, 8000, 8000)), ("front", (1000, FRONT_SHARE * 8000, 8000)), ("none", (0, 0, 0))],
)
def test_what_the_sweep_deletes_is_not_on_the_disk(keep: str, kept: tuple[float, ...]) -> None:
    made = forecast(spec_of(8, keep=keep), {"label": 2}, trial("label", 1.0, 1000))
    ledger = 8 * (LEDGER_TRIAL_BYTES + 2 * LEDGER_EPOCH_BYTES)
    assert made.disk_bytes == ForecastRange(*(ledger + each for each in kept))
