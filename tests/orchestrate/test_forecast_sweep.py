"""Calibration trials on workers, and the forecast that follows from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ratefront.errors import InputError
from ratefront.orchestrate.forecast_sweep import (
    CalibrationFunctions,
    configurations_of,
    forecast_of,
    forecast_sweep,
)
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import FamilyResources, Resources, Sampler
from ratefront.store.forecast_file import CalibrationTrial, ForecastRange

pytestmark = pytest.mark.medium


def trial(family: str, seconds: float, bytes_: int = 0) -> CalibrationTrial:
    return CalibrationTrial(family, {}, seconds / 4, seconds / 4, 2, seconds / 4, bytes_)


def test_the_interval_spans_families_and_configurations() -> None:
    spec = load_spec("sweeps/digits.yaml").spec.model_copy(
        update={
            "trials": 10,
            "sampler": Sampler(startup_trials=4),
            "resources": Resources(families={"split": FamilyResources(gpus=0.5)}),
        }
    )
    calibrated = [trial("label", 4.0), trial("label", 8.0), trial("split", 20.0), trial("split", 40.0)]
    made = forecast_of(spec, slots=2, start_s=3.0, task_model_s=7.0, trials=calibrated)
    # The first 4 trials are of both families alike; the other 6 may all be of either.
    low_s, high_s = 4 * (4 + 20) / 2 + 6 * 4, 4 * (8 + 40) / 2 + 6 * 40
    assert made.hours.low * 3600 == pytest.approx(3 + 7 + low_s / 2)
    assert made.hours.expected * 3600 == pytest.approx(3 + 7 + 10 * (6 + 30) / 2 / 2)
    assert made.hours.high * 3600 == pytest.approx(3 + 3 + 7 + high_s / 2 + 40 / 2)
    assert made.gpu_hours.low * 3600 == pytest.approx(4 * 20 * 0.5 / 2)
    assert made.gpu_hours.high * 3600 == pytest.approx(4 * 40 * 0.5 / 2 + 6 * 40 * 0.5)
    every_family = forecast_of(
        replace_sampler(spec, "random"), slots=2, start_s=3.0, task_model_s=7.0, trials=calibrated
    )
    assert every_family.hours.low * 3600 == pytest.approx(3 + 7 + 10 * (4 + 20) / 2 / 2)


def replace_sampler(spec: object, name: str) -> object:
    return spec.model_copy(update={"sampler": Sampler(name=name)})


def test_both_ends_of_each_dimension_are_calibrated() -> None:
    loaded = load_spec("sweeps/digits.yaml")
    first, last, *others = configurations_of(loaded, "split")
    assert (first["split"], first["width"], first["refine"], first["beta"]) == ("conv1", 2, "none", 8)
    assert (last["split"], last["width"], last["refine_steps"], last["beta"]) == ("conv3", 3, 200, 300)
    assert len(others) == 2
    assert configurations_of(loaded, "split") == [first, last, *others], "the same each time"


@pytest.mark.usefixtures("cluster")
def test_workers_calibrate_each_family(fake: SimpleNamespace, tmp_path: Path) -> None:
    functions = CalibrationFunctions("fake_work:task_model_seconds", "fake_work:calibrated")
    made = forecast_sweep(fake.loaded(6, (3, 5, 9), concurrent=2), tmp_path, functions=functions)
    times = sorted({trial.trial_s for trial in made.calibration})
    assert (times[0], times[-1]) == (3.0, 9.0)
    assert len(made.calibration) == 2 * len([*configurations_of(fake.loaded(6, (3, 5, 9)), "label")])
    assert (made.slots, made.task_model_s) == (2, 36.0)
    assert isinstance(made.hours, ForecastRange)
    assert made.hours.low < made.hours.expected < made.hours.high
    with pytest.raises(InputError, match="the data set is not there"):
        forecast_sweep(
            fake.loaded(6), tmp_path, functions=replace(functions, family="fake_work:not_calibrated")
        )
