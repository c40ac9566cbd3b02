"""The engine: a state machine that decides what a sweep does next. Messages go in, commands come out; it does no I/O.

Every driver runs this loop, whatever it runs trials on::

    command = engine.next_command()   a slot is free: Record(event) | Start(params, attempt) | Wait | Done
    events = engine.judge(message)    something happened: the events to record; none if the message comes too late
    engine.apply(entry)               an event is on the disk; the driver then takes away the worker of an attempt
                                      that does not run any more (see ``SweepHistory.is_running``)

The state follows from the ledger's entries alone, so an engine built from a ledger equals the engine that wrote it.
Trials that a driver was given and has not started are lost with the driver; the next driver is given them again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ratefront.bounds.curve_names import ORACLE
from ratefront.engine.end_rule import EndRule
from ratefront.engine.measurement_check import invalid_metrics, invalid_result
from ratefront.engine.messages import (
    Done,
    EngineMessage,
    Record,
    SlotCommand,
    Start,
    StopRequested,
    TimedOut,
    TimePassed,
    TrialMessage,
    Wait,
    WorkerMessage,
)
from ratefront.engine.neighbours_in_beta import NeighboursInBeta
from ratefront.engine.repeats import RepeatChooser
from ratefront.engine.retry import judge_failure
from ratefront.engine.search.next_suggestion import Suggester
from ratefront.engine.search.seeds import trial_seed
from ratefront.engine.stopping.trial_stopper import TrialStopper
from ratefront.engine.trial_resources import is_to_be_measured, needs_of
from ratefront.errors import LedgerDamagedError, TrialTimedOutError
from ratefront.history import events
from ratefront.history.budget import is_grace_over, spent_by, why_over
from ratefront.history.pause_python_gc import garbage_collection_paused
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.space.dimensions import Space
from ratefront.spec.sweep_spec import SweepSpec

#: Why a sweep ends with fewer trials than were requested.
SPACE_EXHAUSTED = "the space holds no more configurations"


def trial_name(number: int) -> str:
    """The identity of the trial with this number: ``t0042``."""
    return f"t{number:04d}"


class Engine:
    """The decisions of one sweep.

    Raises:
        ValueError: An entry contradicts the ones before it (see ``SweepHistory.apply``).
    """

    def __init__(self, spec: SweepSpec, space: Space, entries: Iterable[events.Entry] = ()) -> None:
        self._spec = spec
        self._suggester = Suggester.of(spec, space)
        self._stopper = TrialStopper(spec)
        self._repeats = RepeatChooser(spec.repeats, spec.directions)
        self._neighbours = NeighboursInBeta() if spec.training.start_from_neighbour else None
        self.history = SweepHistory(keeps_curves=False)
        self._waiting: list[tuple[int, str]] = []  # a heap of planned trials that no slot has, by number
        self._requested = spec.trials
        self._end_rule = EndRule.of(spec)
        with garbage_collection_paused():
            for entry in entries:
                self.apply(entry)

    @property
    def is_exhausted(self) -> bool:
        """True where the space holds no configuration that could still be planned; no extension changes that."""
        return self._suggester.is_exhausted

    @property
    def _due(self) -> int:
        """How many trials the sweep will have beside repeats: as requested, or fewer where the space holds no more."""
        planned = self.history.trials_searched
        return min(self._requested, planned) if self.is_exhausted else self._requested

    @property
    def done(self) -> bool:
        """True where every trial that is due has ended, or no trial may begin any more and none runs.

        Repeats are due as well.
        """
        if self._has_all_trials:
            return True
        return self._is_over_by_rule or (not self.history.counts["running"] and bool(self.why_over_budget))

    @property
    def _has_all_trials(self) -> bool:
        are_ended = len(self.history.ended_order) == len(self.history.trials)
        return are_ended and self._have_due_ended and self._next_repeat is None

    @property
    def _have_due_ended(self) -> bool:
        """True where every trial that is due beside repeats has ended."""
        return self.history.trials_ended >= self._due

    @property
    def _is_search_over(self) -> bool:
        """True where no trial beside repeats runs or begins any more; repeats may follow."""
        return self._have_due_ended or (self._is_rule_met and not self._runs_any_requested)

    @property
    def _is_rule_met(self) -> bool:
        """True where ``end_when`` was found to hold: only repeats begin."""
        return self.history.end_rule_met is not None

    @property
    def _is_over_by_rule(self) -> bool:
        """True where ``end_when`` was found to hold, no trial runs, and no repeat is left either."""
        if not self._is_rule_met or self.history.counts["running"]:
            return False
        return self.history.repeats_ended == self.history.repeats_planned and self._next_repeat is None

    @property
    def _runs_any_requested(self) -> bool:
        return any(not trial.repeat_of for trial in self.history.with_status("running"))

    @property
    def _next_repeat(self) -> str | None:
        """The trial whose configuration is to be repeated now; None where none is."""
        return self._repeats.next_repeat(
            self.history, is_search_over=self._is_search_over, only_begun=self._is_rule_met
        )

    @property
    def why_over_budget(self) -> str:
        """Which part of the budget was spent at the last entry; empty where no part was. Then no trial begins."""
        return why_over(self._spec.budget, spent_by(self.history, self.history.last_time))

    def _may_begin(self, trial: TrialHistory) -> bool:
        """Whether an attempt of this trial may begin now. Once ``end_when`` was found to hold, only repeats may."""
        return not self.why_over_budget and (bool(trial.repeat_of) or not self._is_rule_met)

    @property
    def why_close_to_bound(self) -> str:
        """Why ``end_when`` of the sweep file holds, whatever further trials there were; empty where it does not."""
        return self._end_rule.why_close(self.history)

    @property
    def end(self) -> events.Ended:
        """The last event of the ledger, for when the engine is done."""
        met = self.history.end_rule_met
        if met is not None and not self._has_all_trials and self._is_over_by_rule:
            return events.Ended(met.reason, is_rule_met=True)
        if not self._has_all_trials:
            return events.Ended(self.why_over_budget, is_budget_spent=True)
        return events.Ended(
            SPACE_EXHAUSTED if self._due < self._requested else "every requested trial has ended"
        )

    # What a free slot is to do.

    def next_command(self) -> SlotCommand:
        """What to do with a free slot. A trial given out by ``Start`` is given out again only after it failed."""
        if self.why_over_budget:
            return Done() if self.done else Wait()
        waiting = self._next_waiting
        if waiting is not None:
            return self._unless_over(waiting.repeat_of) or self._give_out(waiting)
        if (first := self._next_repeat) is not None:
            return Record(self._plan_repeat(len(self.history.trials), first))
        if self.history.trials_searched < self._due and not self._is_rule_met:
            return self._unless_over() or Record(self._plan(len(self.history.trials)))
        return Done() if self.done else Wait()

    @property
    def _next_waiting(self) -> TrialHistory | None:
        """The first trial that waits and may begin."""
        if self._waiting and not self._is_rule_met:
            return self.history.trials[self._waiting[0][1]]
        waiting = (self.history.trials[trial_id] for _, trial_id in sorted(self._waiting))
        return next((trial for trial in waiting if trial.repeat_of), None)

    def _unless_over(self, repeat_of: str = "") -> Record | None:
        """That ``end_when`` holds, where it does, before a trial begins or is planned that is no repeat."""
        why = "" if repeat_of else self._end_rule.why(self.history)
        return Record(events.EndRuleMet(why)) if why else None

    def _give_out(self, trial: TrialHistory) -> SlotCommand:
        """What to do with a trial that waits."""
        if self._is_to_be_measured(trial) and any(map(self._is_to_be_measured, self._given_out())):
            return Wait()
        if event := self._stopper.before_attempt(trial):
            return Record(event)
        self._unqueue(trial.params.trial_id)
        return self._start(trial)

    def _is_given_out(self, trial: TrialHistory) -> bool:
        """True where this driver has given the trial to a slot that has not started it.

        Workers of an earlier driver may still run; their messages do not count.
        """
        return trial.status == "planned" and (trial.number, trial.params.trial_id) not in self._waiting

    def _given_out(self) -> list[TrialHistory]:
        """The trials that run, and those that a slot was given and has not started."""
        waiting = {trial_id for _, trial_id in self._waiting}
        open_trials = self.history.with_status("planned", "running")
        return [trial for trial in open_trials if trial.params.trial_id not in waiting]

    def _is_to_be_measured(self, trial: TrialHistory) -> bool:
        return is_to_be_measured(self._spec.resources, self.history, trial)

    def _start(self, trial: TrialHistory) -> Start:
        needs = needs_of(self._spec.resources, self.history, trial)
        return Start(trial.params, trial.attempts + 1, needs, trial.batch_divisor)

    def _plan(self, number: int) -> events.Planned:
        values = self._suggester.suggest(self.history.trials_searched)
        starts_from = "" if self._neighbours is None else self._neighbours.nearest(values)
        seed = self._seed(number)
        return events.Planned(trial_name(number), number, seed, values, starts_from=starts_from)

    def _plan_repeat(self, number: int, first: str) -> events.Planned:
        """Plan another trial of a configuration, whose first trial is ``first``; it starts from scratch."""
        values = self.history.trials[first].params.values
        return events.Planned(trial_name(number), number, self._seed(number), values, repeat_of=first)

    def _seed(self, number: int) -> int:
        return trial_seed(self._spec.sampler.seed, number)

    # What happened.

    def judge(self, message: EngineMessage) -> list[events.Event]:
        """The events that follow from a message, in order; none where it comes too late or twice.

        Raises:
            EngineError: The sweep cannot go on, because its folder is full, or because its data or code have changed.
                The attempt is then lost with the driver and uses up no retry.
        """
        return (
            self._judge_time(message.time) if isinstance(message, TimePassed) else self._judge_trial(message)
        )

    def _judge_time(self, now: float) -> list[events.Event]:
        if self.history.ended or self._has_all_trials:
            return []
        if self.history.budget_spent is None:
            spent = spent_by(self.history, now)
            return [events.BudgetSpent(*spent)] if why_over(self._spec.budget, spent) else []
        return [self.end] if is_grace_over(self._spec.budget, self.history, now) else []

    def _judge_trial(self, message: TrialMessage) -> list[events.Event]:
        trial = self.history.trials.get(message.trial_id)
        if trial is None or trial.ended:
            return []
        if isinstance(message, StopRequested):
            return [events.Stopped(message.trial_id, trial.attempts, message.reason)]
        may_begin = self._is_given_out(trial) and self._may_begin(trial)
        is_next = may_begin and message.attempt == trial.attempts + 1
        if isinstance(message, events.Started):
            return [message] if is_next else []
        if isinstance(message, events.Failed) and is_next:
            started = events.Started(message.trial_id, message.attempt, "")  # so that the attempt counts
            return [started, self._failed(trial, message)]
        if trial.status != "running" or message.attempt != trial.attempts:
            return []
        return self._judge_running(trial, message)

    def _judge_running(self, trial: TrialHistory, message: WorkerMessage | TimedOut) -> list[events.Event]:
        match message:
            case events.Reported():
                return self._reported(trial, message)
            case events.Finished():
                return [self._finished(trial, message)]
            case events.Failed():
                return [self._failed(trial, message)]
            case TimedOut(trial_id, attempt, hours):
                reason = f"ran longer than trial_hours: {hours:g}"
                failure = events.Failed(trial_id, attempt, TrialTimedOutError.__name__, reason)
                return [self._failed(trial, failure)]

    def _reported(self, trial: TrialHistory, message: events.Reported) -> list[events.Event]:
        if message.step <= trial.step:
            return []
        if invalid := invalid_metrics(message.step, message.metrics):
            return [self._failed(trial, events.Failed(message.trial_id, message.attempt, *invalid))]
        stopping = self._stopper.after_report(trial, message.step, message.metrics)
        return [message] if stopping is None else [message, stopping]

    def _finished(self, trial: TrialHistory, message: events.Finished) -> events.Event:
        if invalid := invalid_result(trial.params, message.result, self._spec.objectives):
            return judge_failure(
                trial, events.Failed(message.trial_id, message.attempt, *invalid), self._spec.retries
            )
        return message

    def _failed(self, trial: TrialHistory, message: events.Failed) -> events.Failed:
        return judge_failure(trial, message, self._spec.retries)

    # What is in the ledger.

    def apply(self, entry: events.Entry) -> None:
        """Update the state with an entry of the ledger.

        Raises:
            LedgerDamagedError: The entry contradicts the ones before it (see ``SweepHistory.apply``).
        """
        self.history.apply(entry)
        match entry.event:
            case events.Reported(trial_id, _, step, metrics):  # first: nine events of ten are reports
                self._stopper.reported(self.history.trials[trial_id], step, metrics)
            case events.Known() | events.BoundsReady():
                self._know(entry)
            case events.Planned(trial_id):
                self._repeats.planned(self.history.trials[trial_id])
                self._open(trial_id)
            case events.Started(trial_id):
                self._unqueue(trial_id)
            case events.Failed(trial_id, final=final):
                if final:
                    self._end(trial_id)
                else:
                    self._queue(trial_id)
            case events.Finished(trial_id) | events.Pruned(trial_id) | events.Stopped(trial_id):
                self._end(trial_id)
            case events.Resumed():
                self._requeue()
            case events.Extended(trials):
                self._requested = trials
                self._end_rule = EndRule.of(self._spec)
            case events.Reopened(trial_id):
                self._end_rule = EndRule.of(self._spec)  # it has counted trials that have not ended any more
                self._open(trial_id)
            case _:
                pass

    def _know(self, entry: events.Entry) -> None:
        """Take in what is known beside this sweep's trials."""
        if isinstance(entry.event, events.BoundsReady):
            self._stopper.know_oracle(entry.event.curves.get(ORACLE, ()))
            self._suggester.know_reference(entry.event.reference)
            return
        if self.history.known is None:
            return
        try:
            self._suggester.know(self.history.known)
        except ValueError as error:
            raise LedgerDamagedError(f"entry {entry.seq} of the ledger, known: {error}") from error

    def _open(self, trial_id: str) -> None:
        trial = self.history.trials[trial_id]
        self._suggester.planned(trial)
        self._repeats.changed(trial)
        if self._neighbours is not None:
            self._neighbours.planned(trial)
        self._queue(trial_id)

    def _queue(self, trial_id: str) -> None:
        heapq.heappush(self._waiting, (self.history.trials[trial_id].number, trial_id))

    def _end(self, trial_id: str) -> None:
        self._unqueue(trial_id)
        trial = self.history.trials[trial_id]
        self._suggester.ended(trial)
        self._stopper.ended(trial)
        self._repeats.changed(trial)
        if self._neighbours is not None:
            self._neighbours.ended(trial)

    def _unqueue(self, trial_id: str) -> None:
        """Remove the trial from the queue if it is there. It always is in a replay, which gives nothing out."""
        item = (self.history.trials[trial_id].number, trial_id)
        if item in self._waiting:
            self._waiting.remove(item)
            heapq.heapify(self._waiting)

    def _requeue(self) -> None:
        """Queue every planned trial again: the last driver died with all that it had given out."""
        self._waiting = [
            (trial.number, trial.params.trial_id) for trial in self.history.with_status("planned")
        ]
        heapq.heapify(self._waiting)
