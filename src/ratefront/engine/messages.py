"""What a driver and the engine exchange: messages go in, commands come out.

A driver (Ray Tune on a cluster, a simulator in virtual time) tells the engine what happened: a *message*. The engine
judges it and returns the *events* to record. The driver appends these to the ledger and gives the entries to the
engine. Where a slot is free, the driver asks the engine for a *command*.

The message of a worker is an event that the ledger may hold: ``Started``, ``Reported``, ``Finished``, ``Failed``. As a
message it is not judged yet. It may come late or twice, its metrics may be NaN, and its result may be anything. Whether
a failure is final is not decided. The message of a person is a request, ``StopRequested``. The messages of the driver's
own clock are ``TimedOut`` and ``TimePassed``: the engine has no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ratefront.engine.trial_resources import Needs
from ratefront.history.events import Event, Failed, Finished, Reported, Started
from ratefront.trial_records import TrialParams

# Messages to the engine. Attempts count from 1, as the command ``Start`` gave them.


@dataclass(frozen=True)
class StopRequested:
    """A person asked for this trial to be stopped."""

    trial_id: str
    reason: str


@dataclass(frozen=True)
class TimedOut:
    """This attempt has run for longer than ``hours``, the sweep file's ``trial_hours``."""

    trial_id: str
    attempt: int
    hours: float


@dataclass(frozen=True)
class TimePassed:
    """It is ``time`` now, in seconds since the epoch. A driver says so now and then, also where nothing happens."""

    time: float


WorkerMessage: TypeAlias = Reported | Finished | Failed
TrialMessage: TypeAlias = Started | WorkerMessage | StopRequested | TimedOut
EngineMessage: TypeAlias = TrialMessage | TimePassed


# Commands: what the driver is to do.


@dataclass(frozen=True)
class Record:
    """Append this event, apply its entry, and ask again."""

    event: Event


@dataclass(frozen=True)
class Start:
    """Give this trial to a worker that has what the trial needs; each batch is cut into ``batch_divisor`` parts."""

    params: TrialParams
    attempt: int
    needs: Needs
    batch_divisor: int = 1


@dataclass(frozen=True)
class Wait:
    """There is nothing to start now. Ask again when something has happened."""


@dataclass(frozen=True)
class Done:
    """Every trial that is due has ended, or the budget is spent."""


SlotCommand: TypeAlias = Record | Start | Wait | Done
