"""Calibration trials in this process: the parts of a trial's time, failing ones, and the task model's cost."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_sweep import small_sweep_spec

from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.first_sweep.training_cost import TrainingCost
from ratefront.task_models.prepare_task_model import is_cached
from ratefront.trial import calibration_trials
from ratefront.trial.calibration_trials import (
    LONG_EPOCH_S,
    MOST_S,
    calibrate_family,
    calibrate_task_model,
    timed,
)
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import GPU_MEMORY_SHARE, Progress, TrialParams

pytestmark = pytest.mark.medium

SPLIT = {
    "family": "split",
    "split": "conv1",
    "entropy_model": "categorical",
    "width": 2,
    "alphabet": 4,
    "refine": "none",
    "beta": 30.0,
    "objective": "cross_entropy",
}
NO_SUCH_SPLIT = SPLIT | {"split": "conv9"}
LABEL = {"family": "label", "method": "lossless"}


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("empty_cache")
def test_a_task_model_that_is_not_cached_is_measured_and_stood_in_for() -> None:
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 30})
    measured = calibrate_task_model(spec, "cpu")
    assert measured.seconds > 0
    assert measured.stand_in is not None
    assert measured.stand_in.parameters["epochs"] == 1
    assert not is_cached(spec)
    stand_in = spec.model_copy(update={"task_model": measured.stand_in})
    assert is_cached(stand_in), "the workers of the trials find it"
    assert calibrate_task_model(stand_in, "cpu") == (0.0, measured.stand_in)

    made = calibrate_family(spec, measured.stand_in, [SPLIT, NO_SUCH_SPLIT, SPLIT | {"width": 3}], "cpu")
    assert [trial.values["width"] for trial in made.trials] == [2, 3]
    for trial in made.trials:
        assert trial.epochs == 12, "those of the whole trial"
        assert trial.epoch_s > 0
        assert trial.coding_s > 0
        assert trial.disk_bytes > 1000
    (failure,) = made.failures
    assert failure.values == NO_SUCH_SPLIT
    assert "conv9" in failure.error
    assert made.load_s > 0
    assert made.first_s >= 0


@pytest.mark.usefixtures("empty_cache")
def test_a_task_model_whose_epoch_is_long_is_not_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that does not learn is coded behind the untrained one."""
    asked: list[tuple[Any, ...]] = []

    def cost(*arguments: Any) -> TrainingCost:
        asked.append(arguments)
        return TrainingCost(LONG_EPOCH_S + 1, 5.0, 1, 1.0)

    monkeypatch.setattr(calibration_trials, "measure_training_cost", cost)
    monkeypatch.setattr(calibration_trials, "prepare_task_model", None)
    spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": 30})
    assert calibrate_task_model(spec, "cpu") == (5.0 + 30 * (LONG_EPOCH_S + 1), None)
    assert asked[0][3] == "cpu"
    made = calibrate_family(spec, None, [LABEL], "cpu")
    assert made.failures == []
    (trial,) = made.trials
    assert (trial.epochs, trial.epoch_s, trial.begin_s) == (0, 0.0, 0.0)
    assert trial.trial_s == trial.coding_s > 0


class FakeTrials:
    """Trials on a clock of their own.

    The first of a process takes 7 s longer, and its epochs 1 s; the first epoch of each takes 2 s longer.
    """

    def __init__(self) -> None:
        self.now_s, self.tried = 0.0, []
        self.epochs, self.fails = 2, set()
        self.epoch_s, self.whole_epochs = 10.0, 0

    def perf_counter(self) -> float:
        return self.now_s

    def steps(self, params: TrialParams, context: TrialContext) -> Generator[Progress, None, object]:
        number = params.values["number"]
        is_first = not self.tried
        self.tried.append(number)
        self.whole_epochs = context.spec.training.epochs
        if number in self.fails:
            self.now_s += self.epoch_s
            raise RuntimeError(f"CUDA out of memory in {number}")
        self.now_s += 3.0
        for epoch in range(self.epochs):
            self.now_s += self.epoch_s + (2.0 if epoch == 0 else 0.0) + (1.0 if is_first else 0.0)
            yield Progress(epoch + 1, {})
        self.now_s += 4.0 + (7.0 if is_first else 0.0)
        outcome = SweepFolder(context.folder).trial(params.trial_id).outcome
        outcome[0].parent.mkdir(parents=True)
        outcome[0].write_bytes(b"12345")
        return SimpleNamespace(extra={GPU_MEMORY_SHARE: 0.25})


@pytest.fixture
def fake_trials(monkeypatch: pytest.MonkeyPatch) -> FakeTrials:
    fake = FakeTrials()

    def prepare(*_: object) -> None:
        fake.now_s += 20.0

    monkeypatch.setattr(calibration_trials, "trial_steps", fake.steps)
    monkeypatch.setattr(calibration_trials, "prepare_task_model", prepare)
    monkeypatch.setattr(calibration_trials, "time", SimpleNamespace(perf_counter=fake.perf_counter))
    return fake


def calibrate(numbers: int, spec: SweepSpec | None = None) -> calibration_trials.CalibratedFamily:
    spec = spec or small_sweep_spec()
    configurations = [{"family": "split", "number": number} for number in range(numbers)]
    return calibrate_family(spec, spec.task_model, configurations, "cuda")


def test_each_part_of_a_trial_is_timed(fake_trials: FakeTrials) -> None:
    made = calibrate(2)
    assert fake_trials.tried == [0, 0, 1], "the first one again, since it starts the receiver"
    assert [trial.values["number"] for trial in made.trials] == [0, 1]
    assert fake_trials.whole_epochs == 2
    assert (made.load_s, made.first_s) == (20.0, 7.0)
    trial = made.trials[0]
    # Two seconds of the first epoch are no part of the others.
    assert (trial.begin_s, trial.epoch_s, trial.epochs, trial.coding_s) == (5.0, 10.0, 12, 4.0)
    assert trial.trial_s == 5 + 12 * 10 + 4
    assert (trial.disk_bytes, trial.gpu_memory_share) == (5, 0.25)


def test_no_configuration_begins_after_the_time_but_two(fake_trials: FakeTrials) -> None:
    fake_trials.epoch_s = MOST_S
    assert len(calibrate(4).trials) == 2
    assert fake_trials.tried == [0, 0, 1]


def test_within_the_time_every_configuration_is_tried(fake_trials: FakeTrials) -> None:
    fake_trials.epoch_s = 0.0
    assert len(calibrate(4).trials) == 4
    fake_trials.epochs = 0
    assert [trial.trial_s for trial in calibrate(2).trials] == [7.0, 7.0]


def test_a_failing_configuration_loses_no_other(fake_trials: FakeTrials) -> None:
    fake_trials.fails, fake_trials.epoch_s = {0, 2}, MOST_S
    made = calibrate(4)
    assert fake_trials.tried == [0, 1, 1]
    assert [failure.error for failure in made.failures] == ["OutOfMemoryError: CUDA out of memory in 0"]
    assert [trial.values["number"] for trial in made.trials] == [1]

    fake_trials.fails = {0, 1, 2}
    made = calibrate(4)
    assert [trial.values["number"] for trial in made.trials] == [3], "late, but none has been calibrated"


def test_where_all_configurations_fail_the_errors_are_returned(fake_trials: FakeTrials) -> None:
    fake_trials.fails = {0, 1}
    made = calibrate(2)
    assert made.trials == []
    assert len(made.failures) == 2


def test_a_worker_says_how_long_it_worked(fake_trials: FakeTrials) -> None:
    spec = small_sweep_spec()
    configurations = [{"family": "split", "number": 0}]
    function = "ratefront.trial.calibration_trials:calibrate_family"
    result, seconds = timed(function, spec, spec.task_model, configurations, "cpu")
    assert len(result.trials) == 1
    assert seconds == fake_trials.now_s
