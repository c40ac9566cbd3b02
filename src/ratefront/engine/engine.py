"""The engine: a state machine that decides what a sweep does next. Facts in, commands out, no I/O.

A driver keeps this loop, whatever it runs trials on::

    command = engine.next_command()   a slot is free: Record(event) | Start(params, attempt) | Wait | Done
    events = engine.judge(fact)       something happened: the events to record, none for late news
    commands = engine.apply(entry)    an event is on the disk: [Stop(trial_id)] where a worker works in vain

The state is folded from the ledger's entries and nothing else, so an engine built from a ledger is the engine
that wrote it. What a driver holds in its hands (trials given out but not begun) dies with the driver, as it
should.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable

from ratefront import events
from ratefront.engine.judge import fault_of_metrics, fault_of_result
from ratefront.engine.messages import (
    Began,
    Broke,
    Done,
    Fact,
    Progressed,
    Record,
    Returned,
    SlotCommand,
    Start,
    Stop,
    Wait,
)
from ratefront.engine.retry import is_final
from ratefront.engine.seeds import stable_seed
from ratefront.engine.suggest import Suggester
from ratefront.history import SweepHistory, TrialHistory
from ratefront.spec.schema import SweepSpec
from ratefront.spec.space import Space


def trial_name(number: int) -> str:
    return f"t{number:04d}"


class Engine:
    """The decisions of one sweep.

    Raises
    ------
    ValueError
        An entry contradicts the ones before it (see ``SweepHistory.apply``).
    """

    def __init__(self, spec: SweepSpec, space: Space, entries: Iterable[events.Entry] = ()) -> None:
        self._spec = spec
        self._suggester = Suggester.of(spec, space)
        self.history = SweepHistory()
        self._waiting: list[tuple[int, str]] = []  # a heap of planned trials that nobody runs, by number
        self._failures: Counter[str] = Counter()
        self._ended = 0
        for entry in entries:
            self.apply(entry)

    @property
    def done(self) -> bool:
        """True where every requested trial has ended."""
        return self._ended >= self._spec.trials

    # A slot is free.

    def next_command(self) -> SlotCommand:
        """What to do with a free slot. A trial given out by ``Start`` comes again only if it breaks."""
        if self._waiting:
            _, trial_id = heapq.heappop(self._waiting)
            trial = self.history.trials[trial_id]
            return Start(trial.params, trial.attempts + 1)
        if len(self.history.trials) < self._spec.trials:
            return Record(self._plan(len(self.history.trials)))
        return Done() if self.done else Wait()

    def _plan(self, number: int) -> events.Planned:
        seed = stable_seed("trial", self._spec.sampler.seed, number)
        return events.Planned(trial_name(number), number, seed, self._suggester.suggest(number))

    # Something happened.

    def judge(self, fact: Fact) -> list[events.Event]:
        """The events that a fact amounts to, in order; none where it comes late or twice."""
        trial = self.history.trials.get(fact.trial_id)
        if trial is None or trial.ended:
            return []
        if isinstance(fact, Began):
            begins = trial.status == "planned" and fact.attempt == trial.attempts + 1
            return [events.Started(fact.trial_id, fact.attempt, fact.worker)] if begins else []
        if isinstance(fact, Broke) and trial.status == "planned" and fact.attempt == trial.attempts + 1:
            never_begun = events.Started(fact.trial_id, fact.attempt, "")  # so that the attempt counts
            return [never_begun, self._failed(fact)]
        if trial.status != "running" or fact.attempt != trial.attempts:
            return []
        return self._judge_running(trial, fact)

    def _judge_running(self, trial: TrialHistory, fact: Progressed | Returned | Broke) -> list[events.Event]:
        match fact:
            case Progressed():
                return self._progressed(trial, fact)
            case Returned():
                return [self._returned(fact)]
            case Broke():
                return [self._failed(fact)]

    def _progressed(self, trial: TrialHistory, fact: Progressed) -> list[events.Event]:
        if trial.reports and fact.step <= trial.reports[-1].step:
            return []
        if fault := fault_of_metrics(fact.step, fact.metrics):
            return [self._failed(Broke(fact.trial_id, fact.attempt, "DivergedError", fault))]
        return [events.Reported(fact.trial_id, fact.attempt, fact.step, dict(fact.metrics))]

    def _returned(self, fact: Returned) -> events.Event:
        error, fault = fault_of_result(fact.trial_id, fact.result)
        if error:
            return self._failed(Broke(fact.trial_id, fact.attempt, error, fault))
        return events.Finished(fact.trial_id, fact.attempt, fact.result)

    def _failed(self, fact: Broke) -> events.Failed:
        final = is_final(fact.error, fact.retryable, self._failures[fact.trial_id])
        return events.Failed(fact.trial_id, fact.attempt, fact.error, fact.reason, final)

    # An event is in the ledger.

    def apply(self, entry: events.Entry) -> list[Stop]:
        """Fold an entry of the ledger in; the commands are for the driver that has just written it."""
        self.history.apply(entry)
        match entry.event:
            case events.Planned(trial_id, number):
                self._suggester.planned(self.history.trials[trial_id])
                heapq.heappush(self._waiting, (number, trial_id))
            case events.Started(trial_id):
                self._take(trial_id)
            case events.Failed(trial_id):
                return self._apply_failure(entry.event)
            case events.Stopped(trial_id, _, reason):
                self._end(trial_id)
                return [Stop(trial_id, reason)]
            case events.Finished(trial_id):
                self._end(trial_id)
            case events.Resumed():
                self._requeue()
            case _:
                pass
        return []

    def _apply_failure(self, event: events.Failed) -> list[Stop]:
        self._failures[event.trial_id] += 1
        if event.final:
            self._end(event.trial_id)
        else:
            heapq.heappush(self._waiting, (self.history.trials[event.trial_id].number, event.trial_id))
        return [Stop(event.trial_id, event.reason)]

    def _end(self, trial_id: str) -> None:
        self._ended += 1
        self._take(trial_id)
        self._suggester.ended(self.history.trials[trial_id])

    def _take(self, trial_id: str) -> None:
        """Out of the queue, where it still is: always so in a replay, which hands nothing out."""
        item = (self.history.trials[trial_id].number, trial_id)
        if item in self._waiting:
            self._waiting.remove(item)
            heapq.heapify(self._waiting)

    def _requeue(self) -> None:
        """The driver died with all that it had given out."""
        self._waiting = [
            (trial.number, trial.params.trial_id) for trial in self.history.with_status("planned")
        ]
        heapq.heapify(self._waiting)
