"""What can happen to a sweep. The ledger holds these events and nothing else.

All state of a sweep follows from its events. What a line of the ledger looks like is in ``store.ledger.ledger_format``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import Field

from ratefront.record_fields import record_check
from ratefront.trial_records import Scalar, is_trial_id

#: The version of the ledger's format. It is raised when an event changes its meaning or a new event appears, so that an
#: older ratefront refuses the ledger instead of guessing.
LEDGER_FORMAT = 7


@dataclass(frozen=True)
class Created:
    """The first event: the resolved sweep file as plain data, the version of ratefront, and the ledger's format."""

    sweep: str
    spec: Mapping[str, Any]
    ratefront_version: str
    ledger_format: int = 1  # the first format did not say which one it was


@dataclass(frozen=True)
class TaskModelReady:
    """The task model was trained, given, or found in the cache.

    Attributes:
        identity: Differs from that of every other task model.
        accuracy_validation: On the validation split.
        accuracy: On the test split, with the stored weights.
        task_model_bytes: The size of the whole model.
        accuracy_given: On the test split, before the weights were rounded to what is stored; None where not known.
        inputs: A digest of everything that comes from outside of the sweep file: ``dataset``, and where there are such,
            ``weights`` of the task model, ``code MODULE`` of each module of its code and of plugins' codecs,
            ``metric MODULE`` of each module of the sweep file's metrics, and ``loaded``, what the task model's code
            loads into the network apart from random numbers.
        warnings: Sentences for a person.
    """

    identity: str
    accuracy_validation: float
    accuracy: float
    task_model_bytes: int
    accuracy_given: float | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", tuple(self.warnings))  # JSON gives a list


#: How many points to try first, and how many trials of earlier sweeps, one sweep takes.
MOST_FIRST = MOST_LEARNED = 1000


@dataclass(frozen=True)
class Known:
    """What a person knew before the first trial was planned. None of it is a trial of this sweep.

    Attributes:
        start_with: Configurations to try first, in this order, none twice.
        trials: Trials of earlier sweeps that the search learns from, each as ``KnownTrial`` describes it.
        task_models: The task model that each of these sweeps had and the digest of its data, as ``KnownTaskModel``
            describes them; the driver compares them once this sweep's task model is ready.
    """

    start_with: Sequence[Mapping[str, Scalar]] = ()
    trials: Sequence[Mapping[str, Any]] = ()
    task_models: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        for name, most in (
            ("start_with", MOST_FIRST),
            ("trials", MOST_LEARNED),
            ("task_models", MOST_LEARNED),
        ):
            values = getattr(self, name)
            if len(values) > most:
                raise ValueError(f"{name} has at most {most} items, got {len(values)}")
            object.__setattr__(self, name, tuple(values))  # JSON gives a list


#: How many points a curve of ``BoundsReady`` may have.
MOST_POINTS = 64

#: Points (distortion, rate in bit/sample) by rising distortion; rates between two of them lie on the straight line.
BoundPoints: TypeAlias = Annotated[
    Sequence[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]],
    Field(min_length=1, max_length=MOST_POINTS),
]


@dataclass(frozen=True)
class BoundsReady:
    """Bounds of the task model, as far as decisions of the search need them: the driver has written them before.

    They are those of the validation split, which the search sees: its values are compared with them. Bounds of the test
    split would tell the search of it.

    Attributes:
        split: The split whose labels and posteriors the curves are of.
        samples: How many of its samples were used.
        curves: The points of each curve, by its name. No rate is above the one before it.
        missing: Why a curve is not there that the sweep asks for, by its name.
        reference: What is known of the hypervolume's corner: objective → value in its own unit. The search sees it.
    """

    split: Literal["validation"]
    samples: Annotated[int, Field(ge=0, lt=2**63)]
    curves: Mapping[str, BoundPoints]
    missing: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in self.reference.values()):
            raise ValueError("reference: every value has to be finite")
        curves = {
            name: tuple((float(d), float(r)) for d, r in points) for name, points in self.curves.items()
        }
        object.__setattr__(self, "curves", curves)  # JSON gives lists
        for name, points in curves.items():
            if any(d0 >= d1 or r0 < r1 for (d0, r0), (d1, r1) in pairwise(points)):
                raise ValueError(f"curves.{name}: distortions have to rise, and rates must not")


@dataclass(frozen=True)
class Planned:
    """The engine decided to try these values. ``number`` counts trials from 0 in the order of planning.

    Where the trial repeats a configuration with a fresh seed, ``repeat_of`` is the configuration's first trial.
    ``starts_from`` names the finished trial whose weights are its starting weights; empty where it starts from scratch.
    """

    trial_id: str
    number: int
    seed: int
    values: Mapping[str, Scalar]
    repeat_of: str = ""
    starts_from: str = ""

    def __post_init__(self) -> None:
        for name in (self.trial_id, self.repeat_of or self.trial_id, self.starts_from or self.trial_id):
            if not is_trial_id(name):
                raise ValueError(f"a trial is named as t0000 is, got {name!r}")


@dataclass(frozen=True)
class Started:
    """A worker took the trial. ``attempt`` counts from 1; ``gpus`` is what it has, a fraction if it shares one."""

    trial_id: str
    attempt: int
    worker: str
    gpus: float = 0.0


@dataclass(frozen=True)
class Reported:
    """A running trial reported metrics at a step (epoch, from 1); those of its process are under ``system/…``.

    In the ledger they are finite. A worker may say anything; the engine judges it before the ledger has it.
    """

    trial_id: str
    attempt: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Finished:
    """The trial ran to its end. ``result`` is ``TrialResult.to_json()``, whose status is finished or collapsed.

    A worker may say anything; the engine judges it before the ledger has it.
    """

    trial_id: str
    attempt: int
    result: Mapping[str, object]


@dataclass(frozen=True)
class Failed:
    """An attempt ended in an error: the error's class name, and what it says.

    ``retryable`` is what the error says of itself. ``final`` is what the engine decides: True where the trial has
    failed for good, False where it is tried again. A worker leaves ``final`` at None, which means "not judged yet";
    the engine fills it in before the ledger has the event. Both are keywords, so that neither is taken for the other.
    """

    trial_id: str
    attempt: int
    error: str
    reason: str
    retryable: bool = field(default=False, kw_only=True)
    final: bool | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Pruned:
    """The search stopped the trial early; it is never a point. ``rung`` is the epoch after which it did."""

    trial_id: str
    attempt: int
    reason: str
    rung: int


@dataclass(frozen=True)
class Spared:
    """The search would have stopped the trial after the epoch ``rung``; it goes on, because a random share always does.

    What becomes of such trials says what stopping the others has cost. It is recorded once of a trial.
    """

    trial_id: str
    attempt: int
    reason: str
    rung: int


@dataclass(frozen=True)
class Stopped:
    """A person stopped the trial; it is never a point. ``attempt`` is 0 where it had not started."""

    trial_id: str
    attempt: int
    reason: str


@dataclass(frozen=True)
class Resumed:
    """A driver opened the ledger of a sweep that had not ended. Attempts that were running are lost."""

    driver: str


@dataclass(frozen=True)
class Reconfigured:
    """From here on these keys of the sweep file have other values. No result depends on any of them."""

    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Extended:
    """The sweep asks for more trials than it began with: for ``trials`` in all."""

    trials: int


@dataclass(frozen=True)
class Reopened:
    """A trial that had failed for good is to be tried again, on request."""

    trial_id: str


@dataclass(frozen=True)
class Halted:
    """The driver left the sweep before its end: because of an error (``has_failed``), or because it was asked to."""

    reason: str
    has_failed: bool


@dataclass(frozen=True)
class BudgetSpent:
    """The sweep file's budget is spent: from here on no trial begins, and those that run may end for a while.

    ``hours`` is the sweep's time at work so far, ``gpu_hours`` that of its attempts' GPUs.
    """

    hours: float
    gpu_hours: float


@dataclass(frozen=True)
class EndRuleMet:
    """The sweep file's ``end_when`` holds: from here on no trial begins, and those that run may end.

    This stays so until a person asks for more: for more trials, for failed ones again, or for another ``end_when``.
    """

    reason: str


@dataclass(frozen=True)
class Ended:
    """The sweep ended: with every requested trial, or with fewer where the space or the budget holds no more.

    ``reason`` says which. Where the budget was spent (``is_budget_spent``), trials are left: attempts that were running
    are lost as at ``Resumed``, and the sweep goes on when it is resumed with a larger budget. Trials are left as well
    where ``end_when`` of the sweep file held (``is_rule_met``); then none was running.
    """

    reason: str
    is_budget_spent: bool = False
    is_rule_met: bool = False


#: What can happen to a trial that is planned.
TrialEvent: TypeAlias = Started | Reported | Finished | Failed | Pruned | Spared | Stopped | Reopened
Event: TypeAlias = (
    Created
    | Known
    | TaskModelReady
    | BoundsReady
    | Planned
    | TrialEvent
    | Resumed
    | Reconfigured
    | Extended
    | BudgetSpent
    | EndRuleMet
    | Halted
    | Ended
)

KINDS: Mapping[str, type[Any]] = {
    "created": Created,
    "known": Known,
    "task_model_ready": TaskModelReady,
    "bounds_ready": BoundsReady,
    "planned": Planned,
    "started": Started,
    "reported": Reported,
    "finished": Finished,
    "failed": Failed,
    "pruned": Pruned,
    "spared": Spared,
    "stopped": Stopped,
    "resumed": Resumed,
    "reconfigured": Reconfigured,
    "extended": Extended,
    "reopened": Reopened,
    "budget_spent": BudgetSpent,
    "end_rule_met": EndRuleMet,
    "halted": Halted,
    "ended": Ended,
}
_NAMES = {cls: name for name, cls in KINDS.items()}
_CHECKS = {name: record_check(cls) for name, cls in KINDS.items()}


class Entry(NamedTuple):
    """An event with its place in the ledger. ``time`` is when it was written, in seconds since the epoch."""

    seq: int
    time: float
    event: Event


def to_plain(event: Event) -> tuple[str, dict[str, Any]]:
    """The event as (kind, data), ready for JSON. The data are shared with the event, not copied."""
    return _NAMES[type(event)], vars(event)


def from_plain(kind: str, data: Mapping[str, Any]) -> Event:
    """The event from (kind, data).

    Raises:
        ValueError: The kind is unknown or the data do not fit it.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown event {kind!r}; valid: {', '.join(KINDS)}")
    try:
        event: Event = KINDS[kind](**data)
    except TypeError as error:
        raise ValueError(f"event {kind!r}: {error}") from error
    return event


def from_stored(kind: str, data: Mapping[str, Any]) -> Event:
    """The event from (kind, data) of a ledger, which a stranger may have written: every field is checked.

    Raises:
        ValueError: The kind is unknown or the data do not fit it; names the field.
    """
    if kind not in KINDS:
        return from_plain(kind, data)  # it says which kinds there are
    _CHECKS[kind](data)
    event: Event = KINDS[kind](**data)
    return event
