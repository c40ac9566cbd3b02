"""Engines, ledgers and live sweeps with one mistake each, of the kind that a person makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ratefront.engine.engine import Engine
from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import EngineMessage, SlotCommand, Start, StopRequested, TimedOut, TimePassed
from ratefront.engine.neighbours_in_beta import NeighboursInBeta
from ratefront.history.events import (
    BudgetSpent,
    Ended,
    Entry,
    Event,
    Extended,
    Failed,
    Finished,
    Planned,
    Reopened,
    Reported,
    Resumed,
    Started,
)
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.scenario import Parts
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryLedger
from ratefront.spec.sweep_spec import Budget


class DropsReports(LiveSweep):
    """Every fifth report is lost between the engine and the ledger."""

    count = 0

    def record(self, event: Event) -> None:
        self.count += 1
        if not (isinstance(event, Reported) and self.count % 5 == 0):
            super().record(event)


class DropsTheSecond(LiveSweep):
    """Where one message leads to two events, the second is forgotten."""

    def tell(self, message: EngineMessage) -> None:
        for event in self._engine.judge(message)[:1]:
            self.record(event)


class ForgetsToWrite(LiveSweep):
    """The engine is told of an ending that the ledger never gets."""

    def record(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._engine.apply(Entry(0, 0.0, event))
        else:
            super().record(event)


class RecordsTwice(LiveSweep):
    """A report is written twice, which the history does not refuse."""

    def record(self, event: Event) -> None:
        super().record(event)
        if isinstance(event, Reported):
            super().record(event)


class AcceptsOldAttempts(Engine):
    """A late message of an earlier attempt is taken for one of the present attempt."""

    def judge(self, message: EngineMessage) -> list[Event]:
        if isinstance(message, Reported | Finished):
            trial = self.history.trials.get(message.trial_id)
            if trial is not None and trial.status == "running":
                message = replace(message, attempt=trial.attempts)
        return super().judge(message)


class LosesRetries(Engine):
    """A trial that is to be tried again is not put back into the queue."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Failed) and not entry.event.final:
            self._unqueue(entry.event.trial_id)


class GivesUpEarly(Engine):
    """One retry too few."""

    def __init__(self, spec: Any, *args: Any) -> None:
        super().__init__(spec.model_copy(update={"retries": max(0, spec.retries - 1)}), *args)


class RetriesOnceTooOften(Engine):
    """One retry too many."""

    def __init__(self, spec: Any, *args: Any) -> None:
        super().__init__(spec.model_copy(update={"retries": spec.retries + 1}), *args)


class CountsOnAfterAResume(Engine):
    """After a resume the next trial is numbered one too high."""

    _is_resumed = False

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        self._is_resumed = self._is_resumed or isinstance(entry.event, Resumed)

    def _plan(self, number: int) -> Planned:
        return super()._plan(number + self._is_resumed)


class RepeatsAttemptsAfterAResume(Engine):
    """After a resume a trial is given out under the number of the attempt that was lost."""

    _is_resumed = False

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        self._is_resumed = self._is_resumed or isinstance(entry.event, Resumed)

    def next_command(self) -> SlotCommand:
        command = super().next_command()
        if isinstance(command, Start) and self._is_resumed:
            return replace(command, attempt=max(1, command.attempt - 1))
        return command


class EndsOneEarlyAfterAResume(Engine):
    """After a resume one trial fewer is requested."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Resumed) and self._requested == self._spec.trials:
            self._requested -= 1


class LosesTheLastEntry(MemoryLedger):
    """Recovery cuts off one whole entry too many."""

    def _recover(self) -> list[Entry]:
        entries = super()._recover()
        if entries:
            start = self._disk.content.rfind(b"\n", 0, -1) + 1
            del self._disk.content[start:]
        return entries[:-1]


class ForgetsResumedEvent(LiveSweep):
    """A driver does not record that it resumes the sweep."""

    def record(self, event: Event) -> None:
        if not isinstance(event, Resumed):
            super().record(event)


class KeepsTornLines(MemoryLedger):
    """Recovery leaves the torn end where it is."""

    def _recover(self) -> list[Entry]:
        before = bytes(self._disk.content)
        entries = super()._recover()
        self._disk.content[:] = before
        return entries


class RecordsStoppedAsFinished(Engine):
    """A trial that a person stops is recorded as finished, with the result of an earlier trial."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        results = [trial.result for trial in self.history.with_status("finished") if trial.result is not None]
        if (
            isinstance(message, StopRequested)
            and events
            and self.history.trials[message.trial_id].reports
            and results
        ):
            plain = results[0].to_json() | {"trial_id": message.trial_id}
            return [Finished(message.trial_id, self.history.trials[message.trial_id].attempts, plain)]
        return events


class IgnoresStops(Engine):
    """A trial that a person stops runs on to its end."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [] if isinstance(message, StopRequested) else super().judge(message)


class IgnoresTimeLimits(Engine):
    """A trial may run, or hang, for as long as it likes."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [] if isinstance(message, TimedOut) else super().judge(message)


class RetriesAfterTimeLimits(Engine):
    """A trial that ran for too long is tried again."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        if isinstance(message, TimedOut):
            return [replace(event, final=False) for event in events if isinstance(event, Failed)]
        return events


class EndsLaterAttempts(Engine):
    """The time limit of an attempt that was lost ends the next one."""

    def judge(self, message: EngineMessage) -> list[Event]:
        if isinstance(message, TimedOut):
            trial = self.history.trials.get(message.trial_id)
            message = message if trial is None else replace(message, attempt=trial.attempts)
        return super().judge(message)


class AcceptsNaNReports(Engine):
    """A report may be NaN."""

    def _reported(self, trial: Any, message: Reported) -> list[Event]:
        if message.step <= trial.step:
            return []
        finite = {name: value if value == value else 0.0 for name, value in message.metrics.items()}
        return [Reported(message.trial_id, message.attempt, message.step, finite)]


class ForgetsWhatRan(Engine):
    """Trials that ran when the driver died are not put back into the queue."""

    def _requeue(self) -> None:
        pass


class ForgetsExtensions(Engine):
    """The engine ignores that the sweep is extended."""

    def apply(self, entry: Entry) -> None:
        requested = self._requested
        super().apply(entry)
        if isinstance(entry.event, Extended) and entry.seq:
            self._requested = requested


class ForgetsReopened(Engine):
    """A trial that a person reopens is not put back into the queue."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Reopened):
            self._unqueue(entry.event.trial_id)


class StartsTwice(Engine):
    """A second message that a worker has started begins another attempt."""

    def judge(self, message: EngineMessage) -> list[Event]:
        if isinstance(message, Started) and message.trial_id in self.history.trials:
            trial = self.history.trials[message.trial_id]
            if self.history.is_running(*_key(message)):
                return [Started(message.trial_id, trial.attempts + 1, message.worker)]
        return super().judge(message)


def _key(message: Started) -> tuple[str, int]:
    return message.trial_id, message.attempt


class SuggestsByEntriesApplied(Engine):
    """A suggestion depends on how many entries this engine has applied, not on the ledger alone."""

    applied = 0

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        self.applied += not isinstance(entry.event, Reported)

    def _plan(self, number: int) -> Planned:
        return replace(super()._plan(number), seed=self.applied)


class StartsAllAtOnce(Engine):
    """The other trials do not wait for the one that is to be measured alone."""

    def _given_out(self) -> list[TrialHistory]:
        return []


class CutsNoBatches(Engine):
    """A trial that ran out of memory is tried again with the same batches."""

    def next_command(self) -> SlotCommand:
        command = super().next_command()
        return replace(command, batch_divisor=1) if isinstance(command, Start) else command


class RepeatsSeedlessTrials(Engine):
    """A trial may repeat a configuration into whose result no seed enters."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._suggester._is_due = lambda values: True


class SkipsTheLastConfiguration(Engine):
    """The last configuration of a small space is never planned."""

    @property
    def is_exhausted(self) -> bool:
        size, tried = self._suggester._size, len(self.history.trials)
        return super().is_exhausted or (size is not None and tried >= size - 1)


class ExhaustsNoSpace(Engine):
    """The engine plans further trials of a space that is exhausted."""

    @property
    def is_exhausted(self) -> bool:
        return False


class IgnoresBudgets(Engine):
    """No budget is ever spent."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [] if isinstance(message, TimePassed) else super().judge(message)


class BeginsTrialsOverBudget(Engine):
    """Where the budget is spent, waiting trials still begin."""

    @property
    def why_over_budget(self) -> str:
        return ""


class PlansOverBudget(Engine):
    """Where the budget is spent, further trials are planned, and begin."""

    def next_command(self) -> SlotCommand:
        spec, self._spec = self._spec, self._spec.model_copy(update={"budget": Budget()})
        try:
            return super().next_command()
        finally:
            self._spec = spec


class WaitsForEveryTrial(Engine):
    """Trials that run when the budget is spent may run for as long as they like."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [event for event in super().judge(message) if not isinstance(event, Ended)]


class GrantsNoGrace(Engine):
    """Trials that run are stopped as soon as the budget is spent."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        if any(isinstance(event, BudgetSpent) for event in events):
            return [*events, Ended("the budget is spent", is_budget_spent=True)]
        return events


class FailsTrialsAtTheBudgetsEnd(Engine):
    """Trials that run when the grace period is over have failed."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        if any(isinstance(event, Ended) for event in events):
            running = self.history.with_status("running")
            failed = [_failed(trial) for trial in running]
            return [*failed, *events]
        return events


def _failed(trial: TrialHistory) -> Failed:
    return Failed(trial.params.trial_id, trial.attempts, "BudgetError", "no time is left", final=True)


class CountsPauses(Engine):
    """The hours of the budget go by while no driver is at work."""

    def judge(self, message: EngineMessage) -> list[Event]:
        history, hours = self.history, self._spec.budget.hours
        if isinstance(message, TimePassed) and hours is not None and not history.ended:
            since_created_h = (message.time - history.created_time) / 3600
            if history.budget_spent is None and since_created_h >= hours and not self.done:
                return [BudgetSpent(since_created_h, 0.0)]
        return super().judge(message)


class CountsNoGpus(Engine):
    """The GPUs of attempts are not counted."""

    def judge(self, message: EngineMessage) -> list[Event]:
        if isinstance(message, Started):
            message = replace(message, gpus=0.0)
        return super().judge(message)


class StartsFromUnfinishedTrials(Engine):
    """Every trial that has ended may be a neighbour, failed ones too."""

    def _end(self, trial_id: str) -> None:
        super()._end(trial_id)
        trial = self.history.trials[trial_id]
        if self._neighbours is not None and trial.status != "finished":
            self._neighbours.ended(replace(trial, status="finished"))


class StartsFromAnotherArchitecture(Engine):
    """The bottleneck's width is not compared."""

    def _end(self, trial_id: str) -> None:
        super()._end(trial_id)
        trial = self.history.trials[trial_id]
        if self._neighbours is not None and trial.params.values.get("width") == 4:
            values = {**trial.params.values, "width": 8}
            self._neighbours.ended(replace(trial, params=replace(trial.params, values=values)))


class ForgetsNeighboursAfterAResume(Engine):
    """After a resume no trial starts from one that finished before."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Resumed) and self._neighbours is not None:
            self._neighbours = NeighboursInBeta()


class StartsFromTheLatest(Engine):
    """Of several neighbours the one is taken that was planned last."""

    def _plan(self, number: int) -> Planned:
        planned = super()._plan(number)
        for trial in self.history.with_status("finished") if planned.starts_from else ():
            values = {**trial.params.values, "beta": planned.values["beta"]}
            if values == planned.values:
                planned = replace(planned, starts_from=trial.params.trial_id)
        return planned


class StartsRepeatsFromNeighbours(Engine):
    """A configuration that is tried again with another seed starts from a neighbour, too."""

    def _plan(self, number: int) -> Planned:
        if self._neighbours is not None:
            self._neighbours._planned.clear()
        return super()._plan(number)


class StartsRetriesFromScratch(Engine):
    """A trial that is tried again is not told what to start from."""

    def next_command(self) -> SlotCommand:
        command = super().next_command()
        if isinstance(command, Start) and command.attempt > 1:
            return replace(command, params=replace(command.params, starts_from=""))
        return command


#: Five classes of mistakes, each in one or more forms.
NAMED: Mapping[str, tuple[Parts, ...]] = {
    "a dropped event": (Parts(live=DropsReports), Parts(live=DropsTheSecond), Parts(live=ForgetsToWrite)),
    "an event recorded twice": (
        Parts(live=RecordsTwice),
        Parts(engine=AcceptsOldAttempts),
        Parts(engine=StartsTwice),
    ),
    "a lost retry": (Parts(engine=LosesRetries), Parts(engine=GivesUpEarly)),
    "an off-by-one after resume": (
        Parts(engine=CountsOnAfterAResume),
        Parts(engine=RepeatsAttemptsAfterAResume),
        Parts(engine=EndsOneEarlyAfterAResume),
        Parts(ledger=LosesTheLastEntry),
    ),
    "a stopped trial recorded as finished": (
        Parts(engine=RecordsStoppedAsFinished),
        Parts(engine=IgnoresStops),
    ),
}
MORE: tuple[Parts, ...] = (
    Parts(engine=RetriesOnceTooOften),
    Parts(engine=AcceptsNaNReports),
    Parts(engine=IgnoresTimeLimits),
    Parts(engine=RetriesAfterTimeLimits),
    Parts(engine=EndsLaterAttempts),
    Parts(engine=ForgetsWhatRan),
    Parts(engine=ForgetsExtensions),
    Parts(engine=ForgetsReopened),
    Parts(engine=SuggestsByEntriesApplied),
    Parts(engine=StartsAllAtOnce),
    Parts(engine=CutsNoBatches),
    Parts(engine=RepeatsSeedlessTrials),
    Parts(engine=SkipsTheLastConfiguration),
    Parts(engine=ExhaustsNoSpace),
    Parts(engine=IgnoresBudgets),
    Parts(engine=BeginsTrialsOverBudget),
    Parts(engine=PlansOverBudget),
    Parts(engine=WaitsForEveryTrial),
    Parts(engine=GrantsNoGrace),
    Parts(engine=FailsTrialsAtTheBudgetsEnd),
    Parts(engine=CountsPauses),
    Parts(engine=CountsNoGpus),
    Parts(engine=StartsFromUnfinishedTrials),
    Parts(engine=StartsFromAnotherArchitecture),
    Parts(engine=ForgetsNeighboursAfterAResume),
    Parts(engine=StartsFromTheLatest),
    Parts(engine=StartsRepeatsFromNeighbours),
    Parts(engine=StartsRetriesFromScratch),
    Parts(ledger=KeepsTornLines),
    Parts(live=ForgetsResumedEvent),
)


def name_of(parts: Parts) -> str:
    """The broken part's name."""
    parts_used: tuple[Callable[..., Any], ...] = (parts.engine, parts.live, parts.ledger)
    return next(part.__name__ for part in parts_used if part.__module__ == __name__)
