"""Engines, ledgers and live sweeps with one mistake each, of the kind that a person makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ratefront.engine.end_rule import EndRule
from ratefront.engine.engine import Engine
from ratefront.engine.live_sweep import LiveSweep
from ratefront.engine.messages import EngineMessage, SlotCommand, Start, StopRequested, TimedOut, TimePassed
from ratefront.engine.neighbours_in_beta import NeighboursInBeta
from ratefront.engine.search.sampler_memory import as_ended_trial
from ratefront.engine.stopping.front_rule import StopVerdict
from ratefront.engine.stopping.trial_stopper import TrialStopper
from ratefront.history.events import (
    BudgetSpent,
    Ended,
    Entry,
    Event,
    Extended,
    Failed,
    Finished,
    Known,
    Planned,
    Pruned,
    Reopened,
    Reported,
    Resumed,
    Spared,
    Started,
)
from ratefront.history.sweep_history import TrialHistory
from ratefront.simulate.scenario import Parts
from ratefront.simulate.virtual_time.in_memory_ledger import MemoryLedger
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.space.configurations import uses_seed
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


class ForgetsFirstPointsAfterAResume(Engine):
    """After a resume the points that a person wants to try first are not tried."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Resumed):
            self._suggester._to_try_first.clear()


class TriesFirstPointsTwice(Engine):
    """Each point that a person wants to try first is tried twice, one after the other."""

    def _plan(self, number: int) -> Planned:
        points = [] if self.history.known is None else self.history.known.start_with
        planned = super()._plan(number)
        return replace(planned, values=points[number // 2]) if number // 2 < len(points) else planned


class TriesFirstPointsLater(Engine):
    """The startup trials come before the points that a person wants to try first."""

    def _plan(self, number: int) -> Planned:
        first, self._suggester._to_try_first = self._suggester._to_try_first, {}
        planned = super()._plan(number)
        self._suggester._to_try_first = first
        return planned if number < self._spec.sampler.startup_trials else super()._plan(number)


class CountsKnownTrials(Engine):
    """The trials of an earlier sweep are trials of this one."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Known) and self.history.known is not None:
            for place, known in enumerate(self.history.known.trials):
                self.history.trials[known.name] = as_ended_trial(known, place)


class RecordsKnownTwice(LiveSweep):
    """Each driver writes what is known, which the history refuses; the ledger has it nevertheless."""

    def open(self, opening: Iterable[Event]) -> None:
        events = list(opening)
        super().open(events)
        known = [event for event in events if isinstance(event, Known)]
        for event in known:
            self._ledger.append(event)


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


class StopsTheSparedShare(Engine):
    """Trials that are never to be stopped are stopped like the others."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [
            Pruned(**vars(event)) if isinstance(event, Spared) else event for event in super().judge(message)
        ]


class SparesAll(Engine):
    """Trials that are to be stopped go on, as if they were of the share that is never stopped."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [
            Spared(**vars(event)) if isinstance(event, Pruned) else event for event in super().judge(message)
        ]


class StopsRepeats(Engine):
    """Trials that repeat a configuration are stopped like the others."""

    def judge(self, message: EngineMessage) -> list[Event]:
        trial = self.history.trials.get(getattr(message, "trial_id", ""))
        if trial is None or not trial.repeat_of:
            return super().judge(message)
        first, trial.repeat_of = trial.repeat_of, ""
        events = super().judge(message)
        trial.repeat_of = first
        return events


class _OtherStopper(Engine):
    """An engine with another memory for early stopping."""

    other: type[TrialStopper]

    def __init__(self, spec: Any, space: Any, entries: Iterable[Entry] = ()) -> None:
        super().__init__(spec, space)
        self._stopper = self.other(spec)
        for entry in entries:
            self.apply(entry)


class _SaysYes(TrialStopper):
    def _verdict(self, trial: TrialHistory, rung: int, now: tuple[float, ...]) -> StopVerdict | None:
        enough = sum(rung in passed.at_rungs for passed in self._like_of(trial).finished)
        return StopVerdict(0.0, 1, 1) if enough >= self._settings.like_trials else None


class _KnowsNoRungs(TrialStopper):
    def _rungs(self, trial: TrialHistory) -> tuple[int, ...]:
        return tuple(range(1, 100))


class _KnowsNoFamilies(TrialStopper):
    def _key(self, trial: TrialHistory) -> tuple[str, int, bool]:
        return "any", 0, False


class _KnowsNoStarts(TrialStopper):
    def _key(self, trial: TrialHistory) -> tuple[str, int, bool]:
        return *super()._key(trial)[:2], False


class StopsTheFront(_OtherStopper):
    """What is on the present front is stopped as well."""

    other = _SaysYes


class StopsBetweenRungs(_OtherStopper):
    """Every epoch is a rung."""

    other = _KnowsNoRungs


class ComparesAllFamilies(_OtherStopper):
    """Trials of other families count as like trials."""

    other = _KnowsNoFamilies


class ComparesStartsOfBothKinds(_OtherStopper):
    """Trials that start from scratch and such that start from a neighbour count as like trials."""

    other = _KnowsNoStarts


class StopsAfterTheEnd(Engine):
    """A trial is stopped when it has finished."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        if events and isinstance(message, Finished) and self._spec.stopping.rule != "none":
            return [*events, Pruned(message.trial_id, message.attempt, "too late", 1)]
        return events


class NamesAnotherRung(Engine):
    """A trial that is stopped says that it was one epoch later."""

    def judge(self, message: EngineMessage) -> list[Event]:
        return [
            replace(event, rung=event.rung + 1) if isinstance(event, Pruned) else event
            for event in super().judge(message)
        ]


class ForgetsRungsAfterAResume(Engine):
    """What early stopping had learned is lost with the driver."""

    def __init__(self, spec: Any, space: Any, entries: Iterable[Entry] = ()) -> None:
        super().__init__(spec, space, entries)
        self._stopper = TrialStopper(spec)


class StopsAnother(Engine):
    """Another trial that runs is stopped in place of the one that reported."""

    def judge(self, message: EngineMessage) -> list[Event]:
        events = super().judge(message)
        others = self.history.with_status("running")
        return [
            replace(event, trial_id=others[0].params.trial_id, attempt=others[0].attempts)
            if isinstance(event, Pruned)
            else event
            for event in events
        ]


class StopsTwice(Engine):
    """A trial that was spared is spared again at the next rung."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Spared):
            self.history.trials[entry.event.trial_id].spared_at = 0


class StopsWhereItIsOff(Engine):
    """The sweep file asks for no stopping, and trials are stopped."""

    def __init__(self, spec: Any, *args: Any) -> None:
        stopping = Stopping(like_trials=1, least_gain=0.5, margin=0.0)
        super().__init__(spec.model_copy(update={"stopping": stopping}), *args)


class SuggestsWhatWasTried(Engine):
    """A configuration whose result depends on the seed is suggested again although others are left."""

    def _plan(self, number: int) -> Planned:
        planned = super()._plan(number)
        tried = [trial.params.values for trial in self.history.trials.values()]
        again = [values for values in tried if uses_seed(values)]
        return replace(planned, values=again[0]) if number == 4 and again else planned


class RepeatsTheNewest(Engine):
    """The last trial is repeated, which need not be on the front or next to it."""

    def _plan_repeat(self, number: int, first: str) -> Planned:
        newest = [trial for trial in self.history.trials.values() if not trial.repeat_of][-1]
        return super()._plan_repeat(number, newest.params.trial_id)


class RepeatsTheSameSeed(Engine):
    """A repeat has the seed of the trial that it repeats."""

    def _plan_repeat(self, number: int, first: str) -> Planned:
        return replace(super()._plan_repeat(number, first), seed=self.history.trials[first].params.seed)


class RepeatsOneTooFew(Engine):
    """The last repeat is left out."""

    @property
    def _next_repeat(self) -> str | None:
        history = self.history
        is_last = history.repeats_planned + 1 >= self._spec.repeats.most(history.trials_requested)
        return None if is_last else super()._next_repeat


class RepeatsTooEarly(Engine):
    """Repeats begin while trials that were requested still run."""

    @property
    def _next_repeat(self) -> str | None:
        return self._repeats.next_repeat(self.history, is_search_over=True)


class ForgetsRepeatsAfterAResume(Engine):
    """After a resume nothing is repeated any more."""

    _is_resumed = False

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        self._is_resumed = self._is_resumed or isinstance(entry.event, Resumed)

    @property
    def _next_repeat(self) -> str | None:
        return None if self._is_resumed else super()._next_repeat


class RepeatsOneConfigurationFirst(Engine):
    """One configuration gets two fresh seeds before the next one has any."""

    @property
    def _next_repeat(self) -> str | None:
        repeated = [trial.repeat_of for trial in self.history.trials.values() if trial.repeat_of]
        due = super()._next_repeat
        return repeated[-1] if due is not None and len(repeated) % 2 else due


class CountsRepeatsAsTrials(Engine):
    """Repeats take the place of trials that were requested."""

    @property
    def _due(self) -> int:
        return super()._due - self.history.repeats_planned


class RepeatsNothingOnceTheRuleHolds(Engine):
    """Where ``end_when`` was found to hold, the front is not repeated."""

    @property
    def _next_repeat(self) -> str | None:
        return None if self._is_rule_met else super()._next_repeat


class EndsAfterFewerTrials(Engine):
    """One trial too few without a gain ends the sweep."""

    def __init__(self, spec: Any, *args: Any) -> None:
        rules = spec.end_when
        if rules is not None and (rules.no_gain_for or 0) > 1:
            rules = rules.model_copy(update={"no_gain_for": rules.no_gain_for - 1})
        super().__init__(spec.model_copy(update={"end_when": rules}), *args)


class EndsFarFromTheBound(Engine):
    """The front is taken for close to the bound twice as far from it as it is to be."""

    def __init__(self, spec: Any, *args: Any) -> None:
        rules = spec.end_when
        if rules is not None and rules.within is not None:
            within = rules.within.model_copy(update={"percent": 2 * rules.within.percent + 100})
            rules = rules.model_copy(update={"within": within})
        super().__init__(spec.model_copy(update={"end_when": rules}), *args)


class NeverEndsEarly(Engine):
    """``end_when`` is ignored."""

    def __init__(self, spec: Any, *args: Any) -> None:
        super().__init__(spec.model_copy(update={"end_when": None}), *args)


class PlansAfterTheRuleHolds(Engine):
    """Where ``end_when`` was found to hold, further trials are planned, and begin."""

    @property
    def _is_rule_met(self) -> bool:
        return False

    def next_command(self) -> SlotCommand:
        rule = self._end_rule
        if self.history.end_rule_met is not None:
            self._end_rule = EndRule(None, self._spec.directions, {})
        try:
            return super().next_command()
        finally:
            self._end_rule = rule


class ForgetsTheRuleAfterAResume(Engine):
    """After a resume the sweep goes on although ``end_when`` held."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Resumed):
            self.history.end_rule_met = None


class CountsWhatWasBeforeTheExtension(Engine):
    """Trials without a gain count although a person has asked for more trials since."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.event, Extended):
            self.history.asked_again_at = 0


class _CountingFailures(EndRule):
    counted = frozenset({"finished", "collapsed", "pruned", "failed"})


class CountsFailuresAsNoGain(Engine):
    """A failed trial counts as one that has not enlarged the hypervolume."""

    def next_command(self) -> SlotCommand:
        self._end_rule = _CountingFailures.of(self._spec)
        return super().next_command()


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


class StartsFreshSeedsFromTheFirst(Engine):
    """A trial that repeats a configuration with a fresh seed starts from the weights of the first one."""

    def _plan_repeat(self, number: int, first: str) -> Planned:
        planned = super()._plan_repeat(number, first)
        has_finished = self.history.trials[first].status == "finished"
        return replace(planned, starts_from=first) if has_finished else planned


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
    Parts(engine=ForgetsFirstPointsAfterAResume),
    Parts(engine=TriesFirstPointsTwice),
    Parts(engine=TriesFirstPointsLater),
    Parts(engine=CountsKnownTrials),
    Parts(live=RecordsKnownTwice),
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
    Parts(engine=StopsTheSparedShare),
    Parts(engine=SparesAll),
    Parts(engine=StopsRepeats),
    Parts(engine=StopsTheFront),
    Parts(engine=StopsAfterTheEnd),
    Parts(engine=StopsBetweenRungs),
    Parts(engine=NamesAnotherRung),
    Parts(engine=ForgetsRungsAfterAResume),
    Parts(engine=ComparesAllFamilies),
    Parts(engine=ComparesStartsOfBothKinds),
    Parts(engine=StopsAnother),
    Parts(engine=StopsTwice),
    Parts(engine=StopsWhereItIsOff),
    Parts(engine=SuggestsWhatWasTried),
    Parts(engine=RepeatsTheNewest),
    Parts(engine=RepeatsTheSameSeed),
    Parts(engine=RepeatsOneTooFew),
    Parts(engine=RepeatsTooEarly),
    Parts(engine=ForgetsRepeatsAfterAResume),
    Parts(engine=RepeatsOneConfigurationFirst),
    Parts(engine=CountsRepeatsAsTrials),
    Parts(engine=EndsAfterFewerTrials),
    Parts(engine=RepeatsNothingOnceTheRuleHolds),
    Parts(engine=EndsFarFromTheBound),
    Parts(engine=NeverEndsEarly),
    Parts(engine=PlansAfterTheRuleHolds),
    Parts(engine=ForgetsTheRuleAfterAResume),
    Parts(engine=CountsWhatWasBeforeTheExtension),
    Parts(engine=CountsFailuresAsNoGain),
    Parts(engine=StartsFromUnfinishedTrials),
    Parts(engine=StartsFromAnotherArchitecture),
    Parts(engine=ForgetsNeighboursAfterAResume),
    Parts(engine=StartsFromTheLatest),
    Parts(engine=StartsRepeatsFromNeighbours),
    Parts(engine=StartsFreshSeedsFromTheFirst),
    Parts(engine=StartsRetriesFromScratch),
    Parts(ledger=KeepsTornLines),
    Parts(live=ForgetsResumedEvent),
)


def name_of(parts: Parts) -> str:
    """The broken part's name."""
    parts_used: tuple[Callable[..., Any], ...] = (parts.engine, parts.live, parts.ledger)
    return next(part.__name__ for part in parts_used if part.__module__ == __name__)
