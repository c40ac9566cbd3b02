"""Everything that a report shows, read once from the sweep's folder, without the data set and without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from ratefront.bounds import (
    INDIRECT_CROSS_FITTED,
    INDIRECT_ESTIMATE_AND_COMPRESS,
    INDIRECT_POSTERIOR,
    TASK_MODEL,
    TASK_MODEL_CALIBRATED,
    Gap,
    PredictionBounds,
)
from ratefront.columns import FreshSeeds
from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import non_dominated
from ratefront.spec.goals.constraints import Constraint, recorded_constraints
from ratefront.store.environment_files import read_environment
from ratefront.store.forecast_file import compared_with_forecast, disk_bytes_of, read_forecast
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import TaskModelInfo, read_overlay, read_task_model_info
from ratefront.store.views.fresh_seeds import fresh_seeds_of
from ratefront.store.views.front_trials import front_of, meets_constraints, pareto_front, point_of, result_of
from ratefront.store.views.sweep_summary import Summary, summarise
from ratefront.trial_records import RATE_ACCURACY, FrontPoint, TrialResult, objectives_of, series_of

FrontStatus: TypeAlias = Literal["front", "dominated", "collapsed"]
"""Whether a measured trial is on the front, is dominated, or has collapsed."""

MOST_OFF_FRONT = 600
"""How many of the trials that are not on the front are drawn."""


@dataclass(frozen=True)
class MeasuredTrial:
    """A finished or collapsed trial, with what it measured on test.

    Attributes:
        trial: The trial, as recorded in the ledger.
        front_status: Decided on validation.
        dominated_on_test: The trial is on the front, but another one there is better on test in every objective.
        bounds: The bounds that the sweep is drawn against; None before the task model is ready.
        fresh_seeds: What its configuration measured with fresh seeds; None where none was measured.
    """

    trial: TrialHistory
    front_status: FrontStatus
    dominated_on_test: bool
    bounds: PredictionBounds | None = field(repr=False)
    fresh_seeds: FreshSeeds | None = None

    @cached_property
    def gaps(self) -> dict[str, Gap]:
        """How far the test point lies above each bound, by the bound's name."""
        return {} if self.bounds is None else self.bounds.gaps(self.test.rate_bits, self.test.accuracy)

    @property
    def trial_id(self) -> str:
        """The trial's name, as ``t0042``."""
        return self.trial.params.trial_id

    @property
    def result(self) -> TrialResult:
        """All that the trial measured."""
        return result_of(self.trial)

    @property
    def test(self) -> FrontPoint:
        """The operating point on the test split."""
        return point_of(self.trial, "test")

    @property
    def validation(self) -> FrontPoint:
        """The operating point on the validation split."""
        return point_of(self.trial, "validation")

    @property
    def learned(self) -> bool:
        """True if the codec was trained; one that sends the task model's class, or files of another program, is not."""
        return self.result.train_seconds > 0

    def parameter(self, name: str) -> Any:
        """Return a parameter of the trial, or None if its family has no such parameter."""
        return self.trial.params.values.get(name)


@dataclass(frozen=True)
class SweepView:
    """A sweep, running or ended, as its report shows it.

    Attributes:
        folder: Where the sweep's files lie.
        history: The state of the sweep, from its ledger.
        task_model: What is known of the task model.
        bounds: The bounds behind the task model's test predictions; None before the task model is ready.
        environment: The content of ``environment.json``; empty without that file.
        forecast: The forecast that was made before the sweep, beside what it took; None without one.
        warnings: What is left out, because its file cannot be read.
    """

    folder: SweepFolder
    history: SweepHistory
    task_model: TaskModelInfo
    bounds: PredictionBounds | None
    environment: Mapping[str, Any]
    forecast: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> Summary:
        """The sweep in numbers, as ``summary.json`` holds it."""
        return summarise(self.history, self.task_model, self.bounds, self.forecast, self.warnings)

    @property
    def spec(self) -> dict[str, Any]:
        """The sweep file with all defaults resolved, as plain data."""
        return self.history.spec

    @property
    def name(self) -> str:
        """The sweep's name, as its sweep file says."""
        return str(self.spec.get("name", "sweep"))

    @property
    def trials_requested(self) -> int:
        """How many trials the sweep asks for."""
        return self.summary.trials_requested

    @property
    def trials_ended(self) -> int:
        """How many of these trials have ended, in whatever way."""
        return self.history.trials_ended

    @property
    def bound_names(self) -> list[str]:
        """The names of the bounds to draw, in the order of the sweep file.

        iE&C brings along its estimates for few samples (where the plug-in estimate is too optimistic). TMRD brings
        along the one of calibrated posteriors, if S&C lies below it.
        """
        curves = {} if self.bounds is None else self.bounds.curves
        asked_for = list(self.spec.get("bounds", curves))
        if INDIRECT_ESTIMATE_AND_COMPRESS in asked_for:
            asked_for += [INDIRECT_POSTERIOR, INDIRECT_CROSS_FITTED]
        if TASK_MODEL in asked_for:
            asked_for.append(TASK_MODEL_CALIBRATED)
        return [name for name in dict.fromkeys(asked_for) if name in curves]

    @cached_property
    def measured(self) -> list[MeasuredTrial]:
        """Every trial that has a result, in the order of planning."""
        front = {trial.params.trial_id for trial in front_of(self.history)}
        on_test = self._front_on_test(front)
        trials = self.history.with_status("finished", "collapsed")
        return [self._measure(trial, front, on_test) for trial in sorted(trials, key=lambda t: t.number)]

    @cached_property
    def drawn(self) -> list[MeasuredTrial]:
        """The measured trials that figures and long tables show, in the order of planning.

        Those on the front are always there. Of the others at most ``MOST_OFF_FRONT`` are, spread evenly over the sweep:
        more of them would hide each other, and would make a page that browsers open slowly.
        """
        off_front = [trial for trial in self.measured if trial.front_status != "front"]
        shown = {trial.trial_id for trial in _spread(off_front, MOST_OFF_FRONT)}
        return [trial for trial in self.measured if trial.front_status == "front" or trial.trial_id in shown]

    @property
    def left_out(self) -> int:
        """How many measured trials are not ``drawn``."""
        return len(self.measured) - len(self.drawn)

    @property
    def front(self) -> list[MeasuredTrial]:
        """The trials on the front, by rising test rate."""
        on_front = [trial for trial in self.measured if trial.front_status == "front"]
        return sorted(on_front, key=lambda trial: (trial.test.rate_bits, trial.trial_id))

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """What the sweep file asks of its codecs."""
        return recorded_constraints(self.spec)

    def meets_constraints(self, trial: MeasuredTrial) -> bool | None:
        """Return whether a trial meets the sweep's constraints, on validation; None if the sweep has none."""
        return meets_constraints(trial.trial, self.constraints)

    @property
    def series(self) -> list[str]:
        """The names of all series that the sweep has planned, sorted.

        Planned trials count, so that a series keeps its colour while the sweep runs.
        """
        return sorted({series_of(trial.params.values) for trial in self.history.trials.values()})

    def staircase(self, series: str | None = None) -> list[tuple[float, float]]:
        """Return the rate–accuracy front of one series, or of all, by rising rate.

        The members are chosen on validation. The staircase rises through their test values; members that
        others dominate on test lie under it.

        Returns:
            Pairs of rate in bit/sample and accuracy in [0, 1].
        """
        trials = [t for t in self.history.trials.values() if series in (None, series_of(t.params.values))]
        points = [point_of(trial) for trial in pareto_front(trials, RATE_ACCURACY)]
        return _rising((point.rate_bits, point.accuracy) for point in points)

    def _front_on_test(self, front: set[str]) -> set[str]:
        objectives = objectives_of(self.spec)
        results = {key: result_of(self.history.trials[key]) for key in front}
        values = {key: [result.test_objective(n) for n in objectives] for key, result in results.items()}
        return set(non_dominated(values, objectives))

    def _measure(self, trial: TrialHistory, front: set[str], on_test: set[str]) -> MeasuredTrial:
        key = trial.params.trial_id
        front_status: FrontStatus = (
            "collapsed" if trial.status == "collapsed" else "front" if key in front else "dominated"
        )
        is_dominated = key in front and key not in on_test
        return MeasuredTrial(trial, front_status, is_dominated, self.bounds, self._fresh_seeds.get(key))

    @cached_property
    def _fresh_seeds(self) -> Mapping[str, FreshSeeds]:
        return fresh_seeds_of(self.history)


def _spread(trials: Sequence[MeasuredTrial], most: int) -> Iterable[MeasuredTrial]:
    """Return at most ``most`` of the trials, at equal distances."""
    return trials if len(trials) <= most else (trials[n * len(trials) // most] for n in range(most))


def _rising(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    stairs: list[tuple[float, float]] = []
    for rate, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not stairs or accuracy > stairs[-1][1]:
            stairs.append((rate, accuracy))
    return stairs


def read_view(folder: SweepFolder, history: SweepHistory | None = None) -> SweepView:
    """Read a sweep's folder.

    Args:
        folder: The sweep's folder.
        history: The state of the sweep, if the caller has read the ledger already.

    Raises:
        InputError: The folder holds no sweep, or one of its files cannot be used.
    """
    history = history or read_history(folder, keeps_curves=False)
    task_model, bounds = read_task_model_info(folder, history), read_overlay(folder, history)
    forecast, warnings = _forecast(folder, history)
    return SweepView(folder, history, task_model, bounds, _environment(folder), forecast, warnings)


def _environment(folder: SweepFolder) -> Mapping[str, Any]:
    return read_environment(folder.environment) if folder.environment.exists() else {}


def _forecast(folder: SweepFolder, history: SweepHistory) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """Return the forecast beside what the sweep took, and a warning if its file cannot be read: no sweep needs it."""
    try:
        forecast = read_forecast(folder)
    except InputError as error:
        return None, (f"The forecast is left out: {error}.",)
    if forecast is None:
        return None, ()
    hours, gpu_hours = history.speed.worked_s / 3600.0, history.speed.gpu_s / 3600.0
    return compared_with_forecast(forecast, hours, gpu_hours, disk_bytes_of(folder)), ()
