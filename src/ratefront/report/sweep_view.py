"""Everything a report shows, read once from the sweep's folder: no data set, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import non_dominated
from ratefront.rate_accuracy_hypervolume import RATE_ACCURACY
from ratefront.records import ENDED, FrontPoint, TrialResult, objectives_of, series_of
from ratefront.store.environment_files import read_environment
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_facts import TaskFacts, read_facts, read_overlay
from ratefront.store.views.front_trials import chosen, front_of, point_of, result_of
from ratefront.store.views.sweep_summary import Summary, summarise

FrontStatus: TypeAlias = Literal["front", "dominated", "collapsed"]


@dataclass(frozen=True)
class MeasuredTrial:
    """A finished or collapsed trial with what it measured on test, and whether it is on the front (by
    validation).
    """

    trial: TrialHistory
    front_status: FrontStatus
    dominated_on_test: bool
    gaps: dict[str, Gap]

    @property
    def trial_id(self) -> str:
        return self.trial.params.trial_id

    @property
    def result(self) -> TrialResult:
        return result_of(self.trial)

    @property
    def test(self) -> FrontPoint:
        return point_of(self.trial, "test")

    @property
    def validation(self) -> FrontPoint:
        return point_of(self.trial, "validation")

    @property
    def learned(self) -> bool:
        """True where the codec was trained: classes as such and files of other programs are not."""
        return self.result.train_seconds > 0

    def parameter(self, name: str) -> Any:
        """A parameter of the trial, None where its family has no such one."""
        return self.trial.params.values.get(name)


@dataclass(frozen=True)
class SweepView:
    """A sweep, running or ended, as its report shows it."""

    folder: SweepFolder
    history: SweepHistory
    task_model: TaskFacts
    bounds: PredictionBounds | None
    environment: Mapping[str, Any]

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.history, self.task_model, self.bounds)

    @property
    def spec(self) -> dict[str, Any]:
        return self.history.spec

    @property
    def name(self) -> str:
        return str(self.spec.get("name", "sweep"))

    @property
    def trials_requested(self) -> int:
        return self.summary.trials_requested

    @property
    def trials_ended(self) -> int:
        return len(self.history.with_status(*ENDED))

    @property
    def bound_names(self) -> list[str]:
        """The bounds to draw, in the order of the sweep file; with iE&C its honest estimates, where samples
        are too few for the plug-in one, and with TMRD that of calibrated posteriors, where S&C lies below it.
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
        """Every trial with a result, in the order of planning."""
        front = {trial.params.trial_id for trial in front_of(self.history)}
        on_test = self._front_on_test(front)
        trials = self.history.with_status("finished", "collapsed")
        return [self._measure(trial, front, on_test) for trial in sorted(trials, key=lambda t: t.number)]

    @property
    def front(self) -> list[MeasuredTrial]:
        """The front, by test rate."""
        found = [trial for trial in self.measured if trial.front_status == "front"]
        return sorted(found, key=lambda trial: (trial.test.rate_bits, trial.trial_id))

    @property
    def series(self) -> list[str]:
        """The names of all series that the sweep has planned, sorted: a colour keeps its place while it
        runs.
        """
        return sorted({series_of(trial.params.values) for trial in self.history.trials.values()})

    def staircase(self, series: str | None = None) -> list[tuple[float, float]]:
        """The rate–accuracy front (bit/sample, accuracy), of one series or of all, by rising rate.

        Members are chosen on validation; the stairs rise through their test values, points that others
        dominate on test lie under them.
        """
        trials = [t for t in self.history.trials.values() if series in (None, series_of(t.params.values))]
        points = [point_of(trial) for trial in chosen(trials, RATE_ACCURACY)]
        return _rising((point.rate_bits, point.accuracy) for point in points)

    def _front_on_test(self, front: set[str]) -> set[str]:
        objectives = objectives_of(self.spec)
        results = {key: result_of(self.history.trials[key]) for key in front}
        values = {key: [found.test_objective(n) for n in objectives] for key, found in results.items()}
        return set(non_dominated(values, objectives))

    def _measure(self, trial: TrialHistory, front: set[str], on_test: set[str]) -> MeasuredTrial:
        key = trial.params.trial_id
        front_status: FrontStatus = (
            "collapsed" if trial.status == "collapsed" else "front" if key in front else "dominated"
        )
        point = point_of(trial)
        gaps = {} if self.bounds is None else self.bounds.gaps(point.rate_bits, point.accuracy)
        return MeasuredTrial(trial, front_status, key in front and key not in on_test, gaps)


def _rising(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    stairs: list[tuple[float, float]] = []
    for rate, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not stairs or accuracy > stairs[-1][1]:
            stairs.append((rate, accuracy))
    return stairs


def read_view(folder: SweepFolder, history: SweepHistory | None = None) -> SweepView:
    """Read a sweep's folder.

    Raises:
        InputError: The folder holds no sweep, or one of its files cannot be used.
    """
    history = history or read_history(folder)
    facts, bounds = read_facts(folder, history), read_overlay(folder, history)
    return SweepView(folder, history, facts, bounds, _environment(folder))


def _environment(folder: SweepFolder) -> Mapping[str, Any]:
    return read_environment(folder.environment) if folder.environment.exists() else {}
