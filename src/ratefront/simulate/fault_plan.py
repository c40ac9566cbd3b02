"""What goes wrong in a simulation, drawn from a seed before it begins: the same seed, the same troubles.

A plan draws which kinds of trouble there are at all, then how many of each (swarm testing: a sweep that has only lost
nodes and doubled results finds what one with a little of everything does not).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, Literal, TypeAlias, get_args

from ratefront.simulate.simulated_problem import Course, Step

Kind: TypeAlias = Literal[
    "worker_lost", "node_lost", "driver_lost", "driver_ended", "tracking_away", "disk_full", "trial_stopped"
]

#: What must change nothing but the time: values and front stay those of a sweep without it.
HARMLESS: tuple[Kind, ...] = (
    "worker_lost",
    "node_lost",
    "driver_lost",
    "driver_ended",
    "tracking_away",
    "disk_full",
)

#: How often a fault of one kind may strike in a sweep.
TIMES = (0, 0, 0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Fault:
    """Something that happens at a moment; nodes, trackers and disks are back after ``lasts_s``."""

    time_s: float
    kind: Kind
    lasts_s: float


@dataclass(frozen=True)
class Odds:
    """The chance of each trouble on each occasion.

    twice               a message arrives a second time, later
    late                a message takes up to minutes, so that others overtake it
    straggler           an attempt takes ten times as long
    corrupt_checkpoint  an attempt begins at its first step, although an earlier one got further
    orphan              a worker outlives its driver, and speaks to the next one
    ill                 a trial cannot end well: NaN, a bad configuration, a full memory …
    """

    twice: float = 0.0
    late: float = 0.0
    straggler: float = 0.0
    corrupt_checkpoint: float = 0.0
    orphan: float = 0.0
    ill: float = 0.0


@dataclass(frozen=True)
class Wish:
    """What a person asks of a sweep that goes on: further trials, those that failed once more."""

    more_trials: int = 0
    retry_failed: bool = False


@dataclass(frozen=True)
class FaultPlan:
    """``wishes`` are asked for one after another, each when the sweep has ended."""

    seed: int = 0
    faults: tuple[Fault, ...] = ()
    odds: Odds = Odds()
    wishes: tuple[Wish, ...] = ()

    @classmethod
    def draw(cls, seed: int, horizon_s: float, *, harmless: bool = False) -> FaultPlan:
        """Faults within the first ``horizon_s`` seconds; ``harmless``: only such as change nothing but the time."""
        random = Random(f"faults {seed}")  # noqa: S311
        kinds = HARMLESS if harmless else get_args(Kind)
        faults = [
            Fault(random.uniform(0, horizon_s), kind, random.expovariate(8 / horizon_s))
            for kind in kinds
            for _ in range(random.choice(TIMES))
        ]
        odds = Odds(**{odd.name: random.choice((0.0, 0.05, 0.3)) for odd in fields(Odds)})
        wishes = [
            Wish(random.randint(0, 3), random.random() < 0.5) for _ in range(random.choice((0, 0, 1, 2)))
        ]
        return cls(seed, tuple(sorted(faults, key=lambda fault: fault.time_s)), odds, tuple(wishes))

    def undisturbed(self) -> FaultPlan:
        """Without whatever only takes time: the trials are as ill, the person wishes the same."""
        return replace(self, faults=(), odds=Odds(ill=self.odds.ill))

    def illness(self, trial_id: str, times_reopened: int) -> Illness | None:
        """What is wrong with a trial; may pass when a person has it tried again."""
        random = Random(f"illness {self.seed} {trial_id} {times_reopened}")  # noqa: S311
        return random.choice(ILLNESSES) if random.random() < self.odds.ill else None


#: A trial's course, and the parts into which its batch is cut → what becomes of it.
Illness: TypeAlias = Callable[[Course, int], Course]


def _bad_configuration(course: Course, batch_divisor: int) -> Course:
    return course.broken(0, "ValueError", "no such alphabet")


def _full_memory(course: Course, batch_divisor: int) -> Course:
    enough = 4
    if batch_divisor >= enough:
        return course
    return course.broken(1, "OutOfMemoryError", "tried to allocate 2 GiB")


def _last_report(value: float) -> Illness:
    def strike(course: Course, batch_divisor: int) -> Course:
        if not course.steps:
            return course
        *before, last = course.steps
        # An attempt from a checkpoint behind that report cannot end well either.
        broken = course.broken(0, "DivergedError", f"loss is {value}")
        return replace(broken, steps=(*before, Step(last.seconds, {**last.metrics, "loss": value})))

    return strike


def _result(**changes: Any) -> Illness:
    def strike(course: Course, batch_divisor: int) -> Course:
        return course if course.result is None else replace(course, result={**course.result, **changes})

    return strike


def _lacking(key: str) -> Illness:
    def strike(course: Course, batch_divisor: int) -> Course:
        return course if course.result is None else replace(course, result=_without(course.result, key))

    return strike


def _without(result: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != key}


ILLNESSES: tuple[Illness, ...] = (
    _bad_configuration,
    _full_memory,
    _last_report(math.nan),
    _last_report(math.inf),
    _result(encode_ms=math.nan),
    _result(encode_ms=-math.inf),
    _result(transmitter_bytes=-1),
    _result(trial_id="t9999"),
    _lacking("validation"),
)
