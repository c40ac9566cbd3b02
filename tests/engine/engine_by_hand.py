"""An engine that a test drives event by event."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Record, Start, Wait
from ratefront.history.events import (
    Created,
    Entry,
    Event,
    Finished,
    Started,
)


class Hand:
    """An engine whose messages and commands a test gives one by one."""

    def __init__(self, virtual: SimpleNamespace, trials: int = 2, repeats: Any = 1) -> None:
        self.virtual, self.ledger = virtual, []
        self.spec = virtual.spec(trials=trials, repeats=repeats)
        self.engine = Engine(self.spec, virtual.SPACE)
        self.add(Created("by hand", {}, "0"))

    def add(self, *events: Event) -> None:
        for event in events:
            entry = Entry(len(self.ledger), 0.0, event)
            self.ledger.append(entry)
            self.engine.apply(entry)

    def command(self) -> Start | Wait | Done:
        """What a free slot is to do; commands to record are carried out first."""
        command = self.engine.next_command()
        while isinstance(command, Record):
            self.add(command.event)
            command = self.engine.next_command()
        return command

    def start(self) -> Start:
        command = self.command()
        assert isinstance(command, Start)
        return command

    def begin(self) -> Start:
        start = self.start()
        self.add(*self.engine.judge(Started(start.params.trial_id, start.attempt, "w")))
        return start


def finish(hand: Hand, start: Start, **changes: object) -> None:
    trial_id = start.params.trial_id
    plain = hand.virtual.result(trial_id, start.params.values, **changes)
    hand.add(*hand.engine.judge(Finished(trial_id, start.attempt, plain)))
