"""From a real sweep's ledger to a table that answers as its trials did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ratefront.errors import InputError
from ratefront.history.events import (
    BoundPoints,
    BoundsReady,
    Created,
    Entry,
    Failed,
    Finished,
    Planned,
    Reported,
    Started,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.problems.recorded_table import RecordedTable, RecordedTrial
from ratefront.simulate.problems.simulated_problem import Step, TrialCourse
from ratefront.store.ledger.read_ledger import entries_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import read_overlay, read_task_model_info
from ratefront.store.views.sweep_summary import reference_of
from ratefront.trial_records import Scalar, own_metrics


def table_of_folder(folder: SweepFolder) -> RecordedTable:
    """Record the sweep in a folder.

    Raises:
        InputError: The folder holds no sweep with a finished trial.
        LedgerDamagedError: Its ledger cannot be read.
    """
    entries = list(entries_of(folder))
    history = SweepHistory.of(entries)
    reference = reference_of(
        history, read_task_model_info(folder, history), read_overlay(folder, history)
    ).values
    return table_of(entries, {name: value for name, value in reference.items() if value is not None})


def table_of(entries: Iterable[Entry], reference: Mapping[str, float] | None = None) -> RecordedTable:
    """Record the sweep of a ledger.

    Trials that were stopped early, or have not ended, are left out, and so are repeats: a table has one answer for a
    configuration. Reports keep six digits.

    Raises:
        InputError: It has no finished trial.
    """
    created: Created | None = None
    trials: dict[str, _TrialRecorder] = {}
    bounds: Mapping[str, BoundPoints] = {}
    for entry in entries:
        match entry.event:
            case Created() as event:
                created = event
            case BoundsReady(curves=curves):
                bounds = curves
            case Planned(trial_id, _, _, values, repeat_of):
                trials[trial_id] = _TrialRecorder(values, is_repeat=bool(repeat_of))
            case Started(trial_id) | Reported(trial_id) | Finished(trial_id) | Failed(trial_id):
                trials[trial_id].take(entry)
            case _:
                pass
    if created is None:
        raise InputError("the ledger is empty: there is no sweep to record")
    rows = [row for trial in trials.values() if (row := trial.row()) is not None]
    return RecordedTable(created.sweep, created.spec, rows, reference or {}, bounds)


@dataclass
class _TrialRecorder:
    """Collects a trial while its ledger is read.

    Attributes:
        values: The trial's configuration.
        is_repeat: Whether another trial had it before.
        since: When the next step began, in seconds since the epoch.
        steps: The reports by their number.
        course: The whole trial, once it has ended.
    """

    values: Mapping[str, Scalar]
    is_repeat: bool = False
    since: float = 0.0
    steps: dict[int, Step] = field(default_factory=dict)
    course: TrialCourse | None = None

    def take(self, entry: Entry) -> None:
        seconds = round(max(0.0, entry.time - self.since), 3)
        self.since = entry.time
        match entry.event:
            case Reported(_, _, step, metrics):
                # An attempt that went on from an earlier step replaces the later steps of the one before.
                self.steps = {number: known for number, known in self.steps.items() if number < step}
                own = own_metrics(metrics)
                self.steps[step] = Step(seconds, {name: _short(value) for name, value in own.items()})
            case Finished(_, _, result):
                self.course = TrialCourse(tuple(self.steps.values()), seconds, dict(result))
            case Failed(_, _, error, reason, final=True):
                self.course = TrialCourse(tuple(self.steps.values()), seconds, None, error, reason)
            case _:
                pass

    def row(self) -> RecordedTrial | None:
        return None if self.course is None or self.is_repeat else RecordedTrial(self.values, self.course)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
