"""What a driver and the engine say to each other: facts go in, commands come out.

A driver (Ray Tune on a cluster, a simulator in virtual time) tells what happened as a *fact*; the engine judges it
and names the *events* to record; the driver appends those to the ledger and hands the entries back. For a free slot
the engine has a *command*.

What a worker says is the event that the ledger is to hold: ``Started``, ``Reported``, ``Finished``, ``Failed``. As a
fact it is not judged yet: it may come late or twice, its metrics may be NaN, its result anything, and whether a failure
is final is open. What a person asks for is a request, ``StopRequested``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ratefront.engine.placement import Needs
from ratefront.history.events import Event, Failed, Finished, Reported, Started
from ratefront.records import TrialParams

# Facts: attempts count from 1, as the command ``Start`` gave them.


@dataclass(frozen=True)
class StopRequested:
    """A person asked for this trial to be stopped."""

    trial_id: str
    reason: str


WorkerFact: TypeAlias = Reported | Finished | Failed
Fact: TypeAlias = Started | WorkerFact | StopRequested


# Commands: what the driver is to do.


@dataclass(frozen=True)
class Record:
    """Append this event, apply its entry, and ask again."""

    event: Event


@dataclass(frozen=True)
class Start:
    """Give this trial to a worker that has what it needs; its batches are cut into ``batch_divisor`` parts."""

    params: TrialParams
    attempt: int
    needs: Needs
    batch_divisor: int = 1


@dataclass(frozen=True)
class Wait:
    """Nothing to start now; ask again when something has happened."""


@dataclass(frozen=True)
class Done:
    """Every requested trial has ended."""


SlotCommand: TypeAlias = Record | Start | Wait | Done
