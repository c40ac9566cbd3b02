"""What a simulated trial does: how long each report takes, what it says, and how the trial ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Protocol

from ratefront.engine.search.stable_seed import stable_seed
from ratefront.records import GPU_MEMORY_SHARE, Measurement, Objectives, Scalar, TrialParams, TrialResult
from ratefront.simulate.space_coordinates import on_unit, searched
from ratefront.spec.space.dimensions import Choice, Leaf, Space


@dataclass(frozen=True)
class Step:
    """One report, ``seconds`` after the one before it."""

    seconds: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Course:
    """A trial from its start to its end, which comes ``closing_s`` after the last report: a result, or an error."""

    steps: tuple[Step, ...]
    closing_s: float
    result: Mapping[str, Any] | None
    error: str = ""
    reason: str = ""

    def broken(self, steps: int, error: str, reason: str) -> Course:
        """The same trial, ending in an error after so many reports."""
        return replace(self, steps=self.steps[:steps], result=None, error=error, reason=reason)


class Problem(Protocol):
    """Answers what a trial would do; the same for the same parameters, however often it is asked."""

    @property
    def reference(self) -> Mapping[str, float]:
        """The corner of the hypervolume, in the objectives' own units."""

    def course(self, params: TrialParams) -> Course: ...


#: The greatest rate and size of the synthetic front, in bit/sample and bytes.
RATE_BITS, TRANSMITTER_BYTES = 16.0, 50_000

#: How many parameters choose a place on the front.
FREE = 2


def shape(space: Space, values: Mapping[str, Scalar]) -> tuple[float, float, float]:
    """Rate, size and distortion of a trial, each as a fraction of the greatest: the test problem DTLZ2 (Deb et al.
    2002), whose front is the octant of the unit sphere.

    The first two real parameters (by path) choose a place on the front, all others have a best value each; what they
    miss it by takes the trial away from the front.
    """
    angles: list[float] = []
    missed: list[float] = []
    for path, leaf, value in sorted(searched(space, values), key=lambda found: found[0]):
        place = _place(leaf, value)
        if isinstance(leaf, Choice) or len(angles) == FREE:
            missed.append((place - best_place(path)) ** 2)
        else:
            angles.append(place * math.pi / 2)
    first, second = (angles + [math.pi / 4] * FREE)[:FREE]
    away = 1 + sum(missed) / max(1, len(missed))
    flat = away * math.cos(first)
    return flat * math.cos(second), flat * math.sin(second), away * math.sin(first)


def _place(leaf: Leaf, value: Scalar) -> float:
    if isinstance(leaf, Choice):
        return leaf.options.index(value) / max(1, len(leaf.options) - 1)
    return on_unit(leaf, float(value))


def best_place(path: str) -> float:
    """Where on its unit interval a parameter that is no trade-off is best: one of its ends, or the middle."""
    return stable_seed("best", path) % 3 / 2


@dataclass(frozen=True)
class Synthetic:
    """A problem over any space whose front is known. A trial takes ``trial_s`` seconds, give or take ``spread`` of it
    (uniform), with ``reports`` reports. Each of the sweep's ``metrics`` is the accuracy, or the rate of errors where
    less is better.
    """

    space: Space
    trial_s: float = 600.0
    spread: float = 0.05
    reports: int = 20
    metrics: Objectives = field(default_factory=dict)

    @property
    def reference(self) -> Mapping[str, float]:
        return {
            **{name: float(direction == "minimise") for name, direction in self.metrics.items()},
            "rate_bits": 2 * RATE_BITS,
            "accuracy": 0.0,
            "transmitter_bytes": 2 * TRANSMITTER_BYTES,
            "transmitter_macs": 20 * TRANSMITTER_BYTES,
            "encode_ms": 2.0,
        }

    def course(self, params: TrialParams) -> Course:
        rate, size, distortion = shape(self.space, params.values)
        seconds = self.trial_s * (1 + self.spread * Random(params.seed).uniform(-1, 1))  # noqa: S311
        apart_s = seconds / (self.reports + 1)
        accuracy = 1 - distortion / 2
        steps = tuple(
            Step(apart_s, {"loss": distortion + 1 / step, "accuracy": accuracy * step / self.reports})
            for step in range(1, self.reports + 1)
        )
        measured = _measurement(RATE_BITS * rate, accuracy, self.metrics)
        size_bytes = round(TRANSMITTER_BYTES * size)
        result = TrialResult(
            params.trial_id,
            "finished",
            "",
            measured,
            measured,
            transmitter_bytes=size_bytes,
            transmitter_macs=10 * size_bytes,
            encode_ms=size,
            train_seconds=seconds,
            extra={GPU_MEMORY_SHARE: 0.2},
        )
        return Course(steps, apart_s, result.to_json())


def _measurement(rate_bits: float, accuracy: float, metrics: Objectives) -> Measurement:
    figures = {name: accuracy if way == "maximise" else 1 - accuracy for name, way in metrics.items()}
    return Measurement(
        1000, rate_bits, rate_bits, rate_bits + 8, 0.5, rate_bits + 0.5, accuracy, metrics=figures
    )
