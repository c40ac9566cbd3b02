"""What a driver and the engine say to each other: facts go in, commands come out.

A driver (Ray Tune on a cluster, a simulator in virtual time) tells what happened as a *fact*; the engine judges it
and names the *events* to record; the driver appends those to the ledger and hands the entries back. For a free slot
the engine has a *command*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ratefront.engine.placement import Needs
from ratefront.events import Event
from ratefront.records import TrialParams

# Facts: attempts count from 1, as the command ``Start`` gave them.


@dataclass(frozen=True)
class Began:
    """A worker took the trial."""

    trial_id: str
    attempt: int
    worker: str


@dataclass(frozen=True)
class Progressed:
    """The trial reported metrics at a step (epoch, from 1); they may be NaN or infinite."""

    trial_id: str
    attempt: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Returned:
    """The trial ran to its end; ``result`` is what should be ``TrialResult.to_json()``."""

    trial_id: str
    attempt: int
    result: Mapping[str, Any]


@dataclass(frozen=True)
class Broke:
    """The attempt ended in an error: its class name, what it says, and whether it calls itself retryable."""

    trial_id: str
    attempt: int
    error: str
    reason: str
    retryable: bool = False


@dataclass(frozen=True)
class StopAsked:
    """A person asked for this trial to be stopped."""

    trial_id: str
    reason: str


WorkerFact: TypeAlias = Progressed | Returned | Broke
Fact: TypeAlias = Began | WorkerFact | StopAsked


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
