"""A problem over any space whose front is known: the test problem DTLZ2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ratefront.engine.search.first_trials import random_choice
from ratefront.engine.search.seeds import stable_seed
from ratefront.history.events import BoundPoints
from ratefront.simulate.problems.simulated_problem import KnownResults, Step, TrialCourse
from ratefront.spec.space.configurations import uses_seed
from ratefront.spec.space.dimensions import Branch, Choice, Float, Int, Leaf, Space, assign
from ratefront.spec.space.space_coordinates import searched_values, unit_position, value_at
from ratefront.trial_records import (
    GPU_MEMORY_SHARE,
    Measurement,
    Objectives,
    Scalar,
    TrialParams,
    TrialResult,
)

#: The greatest rate and size of the synthetic front, in bit/sample and bytes.
RATE_BITS, TRANSMITTER_BYTES = 16.0, 50_000

#: The distortion of the simulated task model.
LEAST_DISTORTION = 0.2

#: How many parameters choose a point on the front.
FRONT_PARAMETERS = 2

#: How many random configurations are known of a space, and how many are drawn to know its front.
DRAWN, DRAWN_FOR_FRONT = 500, 1500


def dtlz2(space: Space, values: Mapping[str, Scalar]) -> tuple[float, float, float]:
    """Return rate, size and distortion of a trial, each as a fraction of the greatest.

    They are those of the test problem DTLZ2 (Deb et al. 2002), whose front is the octant of the unit sphere. The first
    two numeric parameters (by path) choose a point on the front. Each other parameter has a best value; its distance
    from that moves the trial away from the front.
    """
    angle_paths = _angle_paths(space, values)
    angles: list[float] = []
    missed: list[float] = []
    for path, leaf, value in sorted(searched_values(space, values), key=lambda searched: searched[0]):
        position = _position(leaf, value)
        if path in angle_paths:
            angles.append(position * math.pi / 2)
        else:
            missed.append((position - best_position(path)) ** 2)
    first, second = (angles + [math.pi / 4] * FRONT_PARAMETERS)[:FRONT_PARAMETERS]
    radius = 1 + sum(missed) / max(1, len(missed))
    flat = radius * math.cos(first)
    return flat * math.cos(second), flat * math.sin(second), radius * math.sin(first)


def _position(leaf: Leaf, value: Scalar) -> float:
    if isinstance(leaf, Choice):
        return leaf.options.index(value) / max(1, len(leaf.options) - 1)
    return unit_position(leaf, float(value))


def best_position(path: str) -> float:
    """Return where on its unit interval a parameter is best that is no trade-off: at one of its ends, or the middle."""
    return stable_seed("best", path) % 3 / 2


def _drawn(space: Space, number: int) -> dict[str, Scalar]:
    return assign(space, random_choice(Random(stable_seed("known", number))))  # noqa: S311


def _angle_paths(space: Space, values: Mapping[str, Scalar]) -> list[str]:
    """Return the paths of the parameters that choose a point on the front: the first numeric ones."""
    paths = (path for path, leaf, _ in searched_values(space, values) if not isinstance(leaf, Choice))
    return sorted(paths)[:FRONT_PARAMETERS]


def _without_misses(
    space: Space, values: Mapping[str, Scalar], angles: Sequence[str], path: str = ""
) -> dict[str, Scalar]:
    """Return the configuration with the best value of each parameter that is none of ``angles``.

    Options that open spaces of their own stay: with others, there would be other parameters.
    """
    best: dict[str, Scalar] = {}
    for name, dimension in space.items():
        match dimension:
            case Branch(options):
                option = str(values[name])
                inner = option if name == "family" else f"{name}/{option}"
                best |= {name: option, **_without_misses(options[option], values, angles, f"{path}{inner}/")}
            case Choice(options):
                best[name] = options[round(best_position(path + name) * (len(options) - 1))]
            case Float() | Int() if path + name not in angles:
                best[name] = value_at(dimension, best_position(path + name))
            case _:
                best[name] = values[name]
    return best


@dataclass(frozen=True)
class SyntheticProblem:
    """A problem over any space whose front is known.

    Attributes:
        space: The space of the sweep.
        trial_s: The mean duration of a trial, in seconds.
        spread: The duration is uniform within this fraction of ``trial_s`` to both sides.
        reports: How often a trial reports.
        luck: Where a result depends on the seed, its rate lies uniformly within this fraction to both sides.
        metrics: The sweep's own metrics: each is the accuracy, or the error rate if less is better.
    """

    space: Space
    trial_s: float = 600.0
    spread: float = 0.05
    reports: int = 20
    luck: float = 0.0
    metrics: Objectives = field(default_factory=dict)

    @property
    def reference(self) -> Mapping[str, float]:
        """The corner of the hypervolume, in the objectives' own units."""
        return {
            **{name: float(direction == "minimise") for name, direction in self.metrics.items()},
            "rate_bits": 2 * RATE_BITS,
            "accuracy": 0.0,
            "transmitter_bytes": 2 * TRANSMITTER_BYTES,
            "transmitter_macs": 20 * TRANSMITTER_BYTES,
            "encode_ms": 2.0,
        }

    def known_results(self, space: Space) -> KnownResults:
        """Return the results of random configurations, and of others that lie on the front.

        The latter are random too, but for the parameters that are no trade-off, which have their best values.
        """
        drawn = [_drawn(space, number) for number in range(DRAWN_FOR_FRONT)]
        return KnownResults(
            [self._result(values) for values in drawn[:DRAWN]],
            [self._result(_without_misses(space, one, _angle_paths(space, one))) for one in drawn],
        )

    def _result(self, values: Mapping[str, Scalar]) -> TrialResult:
        result = self.course(TrialParams("t0", 0, values)).result
        assert result is not None
        return TrialResult.from_json(result)

    @property
    def bounds(self) -> Mapping[str, BoundPoints]:
        """Two simple curves, so that the rules for bounds have something to work on.

        On the synthetic front a large transmitter reaches any accuracy at no bits at all: the oracle forbids nothing.
        The task model's curve is a straight line from the greatest rate to none.
        """
        return {"oracle": ((0.0, 0.0),), "task_model": ((LEAST_DISTORTION, RATE_BITS), (0.5, 0.0))}

    def course(self, params: TrialParams) -> TrialCourse:
        """Return what a trial with these parameters does."""
        rate, size, distortion = dtlz2(self.space, params.values)
        seconds = self.trial_s * (1 + self.spread * Random(params.seed).uniform(-1, 1))  # noqa: S311
        apart_s = seconds / (self.reports + 1)
        accuracy = 1 - distortion / 2
        steps = tuple(
            Step(apart_s, _report(RATE_BITS * rate, accuracy, step / self.reports, distortion + 1 / step))
            for step in range(1, self.reports + 1)
        )
        measured = _measurement(RATE_BITS * rate * self._luck(params), accuracy, self.metrics)
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
        return TrialCourse(steps, apart_s, result.to_json())

    def _luck(self, params: TrialParams) -> float:
        if not self.luck or not uses_seed(params.values):
            return 1.0
        return 1 + self.luck * Random(stable_seed("luck", params.seed)).uniform(-1, 1)  # noqa: S311


def _report(rate_bits: float, accuracy: float, progress: float, loss: float) -> dict[str, float]:
    """What a trial reports: it begins at twice its last rate and at no accuracy."""
    return {
        "loss": loss,
        "rate_bits_estimated": rate_bits * (2 - progress),
        "accuracy": accuracy * progress,
    }


def _measurement(rate_bits: float, accuracy: float, metrics: Objectives) -> Measurement:
    figures = {
        name: accuracy if direction == "maximise" else 1 - accuracy for name, direction in metrics.items()
    }
    return Measurement(
        1000, rate_bits, rate_bits, rate_bits + 8, 0.5, rate_bits + 0.5, accuracy, metrics=figures
    )
