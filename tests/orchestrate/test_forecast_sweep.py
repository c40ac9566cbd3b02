"""Calibration trials on workers, and the forecast that follows from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.forecast_sweep import (
    CalibrationFunctions,
    _CalibrationWorkers,
    configurations_of,
    forecast_sweep,
)
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.spec.load_spec import load_spec
from ratefront.spec.resource_check import task_model_resources

pytestmark = pytest.mark.medium


def test_both_ends_of_each_dimension_are_calibrated() -> None:
    loaded = load_spec("sweeps/digits.yaml")
    first, last, *others = configurations_of(loaded, "split")
    assert (first["split"], first["width"], first["refine"], first["beta"]) == ("conv1", 2, "none", 8)
    assert (last["split"], last["width"], last["refine_steps"], last["beta"]) == ("conv3", 3, 200, 300)
    assert len(others) == 2
    assert configurations_of(loaded, "split") == [first, last, *others], "the same each time"


FAKES = CalibrationFunctions("fake_work:calibrated_task_model", "fake_work:calibrated")


@pytest.mark.usefixtures("gpu_cluster")
def test_workers_calibrate_each_family(fake: SimpleNamespace, tmp_path: Path) -> None:
    made = forecast_sweep(fake.loaded(6, (3, 5, 9), concurrent=2), tmp_path, functions=FAKES)
    times = sorted({trial.trial_s for trial in made.calibration})
    assert (times[0], times[-1]) == (3.0, 9.0)
    assert len(made.calibration) == 2 * len([*configurations_of(fake.loaded(6, (3, 5, 9)), "label")])
    assert (made.slots, made.slots_by_family, made.task_model_s) == (2, {"label": 2}, 36.0)
    assert made.hours.low < made.hours.expected < made.hours.high
    assert made.start_s > 2 * 50 + 7, "two workers load, and the first trial takes longer"
    with pytest.raises(InputError, match="the data set is not there"):
        forecast_sweep(fake.loaded(6), tmp_path, functions=replace(FAKES, family="fake_work:not_calibrated"))
    with pytest.raises(EngineError, match="family label could be calibrated: MemoryError: full"):
        forecast_sweep(fake.loaded(6), tmp_path, functions=replace(FAKES, family="fake_work:all_fail"))


def test_the_work_of_a_calibration_is_no_part_of_the_start(
    fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_workers(*_: object) -> list[tuple[str, float]]:
        clock[0] += 12.0
        return [("a", 5.0), ("b", 9.0)]

    clock = [100.0]
    monkeypatch.setattr("ratefront.orchestrate.task_model_worker.on_workers", on_workers)
    monkeypatch.setattr(
        "ratefront.orchestrate.forecast_sweep.time", SimpleNamespace(perf_counter=lambda: clock[0])
    )
    spec = fake.loaded(6).spec
    workers = _CalibrationWorkers(spec, {"label": 2}, Interrupts())
    assert workers._run(("module:function", spec), task_model_resources(spec), 2) == ["a", "b"]
    assert workers.starts_s == [3.0]


@pytest.mark.usefixtures("gpu_cluster")
def test_a_forecast_measures_how_many_trials_share_a_gpu(fake: SimpleNamespace, tmp_path: Path) -> None:
    """On one GPU and four cores; each trial holds 30 % of the GPU's memory, so that two share it."""
    families = {"label": (8,), "split": (9,)}
    needs = {"label": {"cpus": 4, "gpus": 0}}
    loaded = fake.loaded(8, families=families, families_need=needs, trials_per_gpu="auto", concurrent=4)
    made = forecast_sweep(loaded, tmp_path, functions=FAKES)
    assert made.trials_per_gpu == 2
    assert made.slots_by_family == {"label": 1, "split": 2}
    on_gpu = [trial for trial in made.calibration if trial.family == "split"]
    assert len(on_gpu) == 1, "it runs alone until its share is known"
    assert made.gpu_hours.expected == pytest.approx(4 * 9 / 2 / 3600)
    assert made.task_model_s == 18.0, "its training has the GPU"
    assert len([trial for trial in made.calibration if trial.family == "label"]) == 1, "as many as fit"
