"""What can happen to a sweep. The ledger holds these events and nothing else; all state is folded from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from ratefront.records import Scalar

#: Raised when an event changes its meaning or a new one appears: an older ratefront must not guess.
LEDGER_FORMAT = 5


@dataclass(frozen=True)
class Created:
    """The first event: the resolved spec as plain data, the version of ratefront that began, the ledger's format."""

    sweep: str
    spec: Mapping[str, Any]
    ratefront_version: str
    ledger_format: int = 1  # where it is not said: the first format did not say it


@dataclass(frozen=True)
class TaskModelReady:
    """The task model was trained, given, or found in the cache; accuracies on validation and test.

    ``accuracy_given`` is that of the test split before weights were rounded to what is stored; None where it is not
    known. ``inputs`` holds a digest of everything that comes from outside of the sweep file: ``dataset``, and where
    there are such, ``weights`` of the task model, ``code MODULE`` of each module of its code and of plugins' codecs,
    ``metric MODULE`` of that of the sweep file's metrics, and ``loaded``, what that code gives a network but by
    chance. ``warnings`` are sentences for a person.
    """

    identity: str
    accuracy_validation: float
    accuracy: float
    task_model_bytes: int
    accuracy_given: float | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", tuple(self.warnings))  # read from JSON it is a list


@dataclass(frozen=True)
class Planned:
    """The engine decided to try these values; ``number`` counts trials from 0 in the order of planning."""

    trial_id: str
    number: int
    seed: int
    values: Mapping[str, Scalar]


@dataclass(frozen=True)
class Started:
    """A worker took the trial; ``attempt`` counts from 1."""

    trial_id: str
    attempt: int
    worker: str


@dataclass(frozen=True)
class Reported:
    """A running trial reported metrics at a step (epoch, from 1), those of its process under ``system/…``.

    The ledger's are finite. A worker's need not be: the engine judges them before the ledger has them.
    """

    trial_id: str
    attempt: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Finished:
    """The trial ran to its end; ``result`` is ``TrialResult.to_json()`` (status finished or collapsed).

    A worker's may be anything: the engine judges it before the ledger has it.
    """

    trial_id: str
    attempt: int
    result: Mapping[str, Any]


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
    """The search stopped the trial early; it is never a point."""

    trial_id: str
    attempt: int
    reason: str


@dataclass(frozen=True)
class Stopped:
    """A person stopped the trial; it is never a point. ``attempt`` is 0 where it had not begun."""

    trial_id: str
    attempt: int
    reason: str


@dataclass(frozen=True)
class Resumed:
    """A driver opened the ledger of an unfinished sweep; attempts that were running are lost."""

    driver: str


@dataclass(frozen=True)
class Reconfigured:
    """From here on these keys of the sweep file have other values; no result depends on any of them."""

    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Extended:
    """The sweep asks for more trials than it began with: ``trials`` in all."""

    trials: int


@dataclass(frozen=True)
class Reopened:
    """A trial that had failed for good is to be tried again."""

    trial_id: str


@dataclass(frozen=True)
class Halted:
    """The driver left the sweep before its end: because of an error (``has_failed``), or as it was asked to."""

    reason: str
    has_failed: bool


@dataclass(frozen=True)
class Ended:
    """Every requested trial has ended, or fewer where the space holds no more configurations: ``reason`` says so."""

    reason: str


#: What can happen to a trial that is planned.
TrialEvent: TypeAlias = Started | Reported | Finished | Failed | Pruned | Stopped | Reopened
Event: TypeAlias = (
    Created | TaskModelReady | Planned | TrialEvent | Resumed | Reconfigured | Extended | Halted | Ended
)

KINDS: Mapping[str, type[Any]] = {
    "created": Created,
    "task_model_ready": TaskModelReady,
    "planned": Planned,
    "started": Started,
    "reported": Reported,
    "finished": Finished,
    "failed": Failed,
    "pruned": Pruned,
    "stopped": Stopped,
    "resumed": Resumed,
    "reconfigured": Reconfigured,
    "extended": Extended,
    "reopened": Reopened,
    "halted": Halted,
    "ended": Ended,
}
_NAMES = {cls: name for name, cls in KINDS.items()}


class Entry(NamedTuple):
    """An event with its place in the ledger; ``time`` is seconds since the epoch, when it was written."""

    seq: int
    time: float
    event: Event


def to_plain(event: Event) -> tuple[str, dict[str, Any]]:
    """The event as (kind, data), ready for JSON; what the event holds is shared with it, not copied."""
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
