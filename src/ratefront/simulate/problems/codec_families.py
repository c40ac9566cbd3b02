"""A problem that is like this field: families of codecs that differ in cost, rate, accuracy and transmitter.

Learned families have a curve of rate and accuracy over beta that saturates. Its height and bend depend on the
architecture; so do the transmitter's bytes and the time of an epoch. Files and labels are not trained: they cost
little and report nothing. The formulas are made up; their ranges are those of recorded sweeps on MNIST.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, NamedTuple

from ratefront.engine.search.first_trials import random_choice
from ratefront.engine.search.seeds import stable_seed
from ratefront.errors import InputError
from ratefront.history.events import BoundPoints
from ratefront.simulate.problems.simulated_problem import KnownResults, Step, TrialCourse
from ratefront.spec.space.dimensions import Space, assign
from ratefront.spec.space.space_coordinates import grid
from ratefront.trial_records import Measurement, Objectives, Scalar, TrialParams, TrialResult

#: A sweep whose every configuration the problem knows.
CODEC_FAMILIES: dict[str, Any] = {
    "name": "codec-families",
    "dataset": "mnist",
    "task_model": "lenet",
    "space": {
        "family": {
            "label": {"method": {"lossless": {}, "merged": {"merged_classes": {"int": [1, 6]}}}},
            "image": {
                "codec": {"jpeg": {"quality": {"int": [1, 60]}}, "webp": {"quality": {"int": [1, 60]}}}
            },
            "split": {
                "split": ["conv1", "conv2", "fc1"],
                "beta": {"float": [5.0, 300.0], "log": True},
                "entropy_model": {
                    "factorized": {"width": {"int": [2, 12], "log": True}},
                    "categorical": {"width": {"int": [1, 3]}, "alphabet": [8, 16]},
                },
                "objective": ["cross_entropy", "feature_distillation"],
            },
            "student": {
                "split": ["fc1", "fc2"],
                "beta": {"float": [20.0, 500.0], "log": True},
                "entropy_model": "factorized",
                "width": {"int": [2, 12], "log": True},
                "encoder_width": {"int": [4, 24], "log": True},
                "encoder_depth": 2,
            },
        }
    },
    "trials": 200,
}

#: How many random configurations are known, and how many values of each interval the grid has.
DRAWN, STEPS = 500, 16

#: Below this accuracy a codec counts as collapsed; a guess has ``CHANCE``.
COLLAPSED, CHANCE = 0.2, 0.1


class _Learning(NamedTuple):
    """How trials of an architecture learn.

    Attributes:
        bits: The rate, in bit/sample, at which the accuracy has come to 63 % of its way.
        accuracy: What it comes to at most.
        bytes: The transmitter without its last layer.
        cost: The time of a trial, in parts of the problem's mean.
        epochs: How many epochs the accuracy takes for 63 % of its way.
    """

    bits: float
    accuracy: float
    bytes: int
    cost: float
    epochs: float


_LEARNING: Mapping[tuple[str, str], _Learning] = {
    ("split", "conv1"): _Learning(4.5, 0.975, 14_000, 5.0, 2.6),
    ("split", "conv2"): _Learning(2.6, 0.984, 38_000, 0.9, 1.8),
    ("split", "fc1"): _Learning(1.6, 0.990, 400_000, 0.4, 1.1),
    ("student", "fc1"): _Learning(5.0, 0.950, 0, 0.7, 2.2),
    ("student", "fc2"): _Learning(4.6, 0.935, 0, 0.6, 2.8),
}


class _Codec(NamedTuple):
    """What a trial measures and takes, were there no chance in it.

    Attributes:
        rate_bits: Its rate, in bit/sample.
        accuracy: Its accuracy.
        bytes: Its transmitter.
        cost: Its time, in parts of the problem's mean.
        epochs: As in ``_Learning``; 0: it is not trained and reports nothing.
    """

    rate_bits: float
    accuracy: float
    bytes: int
    cost: float
    epochs: float = 0.0


@dataclass(frozen=True)
class CodecFamilies:
    """The problem; what it answers is a function of ``seed``, a trial's values and a trial's seed.

    Attributes:
        trial_s: The mean duration of a random trial, in seconds.
        seed: The architectures' strengths and weaknesses are drawn from it.
        reports: How often a learned trial reports.
        metrics: The sweep's own metrics: each is the accuracy, or the error rate if less is better.
    """

    trial_s: float = 600.0
    seed: int = 0
    reports: int = 12
    metrics: Objectives = field(default_factory=dict)

    @property
    def reference(self) -> Mapping[str, float]:
        """The corner of the hypervolume, in the objectives' own units."""
        return {
            **{name: float(direction == "minimise") for name, direction in self.metrics.items()},
            "rate_bits": 6272.0,
            "accuracy": CHANCE,
            "transmitter_bytes": 500_000.0,
            "transmitter_macs": 4_000_000.0,
            "encode_ms": 2.0,
        }

    @property
    def bounds(self) -> Mapping[str, BoundPoints]:
        """None: nothing is known of them."""
        return {}

    def known_results(self, space: Space) -> KnownResults:
        """Return the results, without chance, of random configurations and of a fine grid."""
        drawn = [assign(space, random_choice(Random(number))) for number in range(DRAWN)]  # noqa: S311
        return KnownResults(
            [self._result("t0", _codec(values, self.seed)) for values in drawn],
            [self._result("t0", _codec(values, self.seed)) for values in grid(space, STEPS)],
        )

    def course(self, params: TrialParams) -> TrialCourse:
        """Return what a trial with these parameters does.

        Raises:
            InputError: The problem does not know such a configuration.
        """
        codec = _codec(params.values, self.seed)
        random = Random(stable_seed(self.seed, params.seed, *sorted(params.values.items())))  # noqa: S311
        seconds = self.trial_s * codec.cost * random.uniform(0.9, 1.1)
        measured = codec._replace(
            rate_bits=codec.rate_bits * random.gauss(1, 0.01),
            accuracy=codec.accuracy + random.gauss(0, 0.002),
        )
        result = self._result(params.trial_id, measured, seconds)
        if not codec.epochs:
            return TrialCourse((), seconds, result.to_json())
        apart_s = 0.9 * seconds / self.reports
        steps = tuple(Step(apart_s, _report(measured, epoch, random)) for epoch in range(1, self.reports + 1))
        return TrialCourse(steps, 0.1 * seconds, result.to_json())

    def _result(self, trial_id: str, codec: _Codec, seconds: float = 0.0) -> TrialResult:
        accuracy = min(max(codec.accuracy, 0.0), 1.0)
        own = {
            name: accuracy if better == "maximise" else 1 - accuracy for name, better in self.metrics.items()
        }
        rate_bits = max(codec.rate_bits, 0.0)
        measured = Measurement(
            1000, rate_bits, rate_bits, rate_bits + 8, 0.5, rate_bits + 0.5, accuracy, metrics=own
        )
        has_collapsed = accuracy < COLLAPSED
        return TrialResult(
            trial_id,
            "collapsed" if has_collapsed else "finished",
            "it guesses" if has_collapsed else "",
            measured,
            measured,
            transmitter_bytes=codec.bytes,
            transmitter_macs=8 * codec.bytes,
            encode_ms=0.05 + codec.bytes / 1e6,
            train_seconds=seconds if codec.epochs else 0.0,
        )


def _report(codec: _Codec, epoch: int, random: Random) -> dict[str, float]:
    """Return what a trial reports: its accuracy rises to what it measures, its rate falls to it, both with noise."""
    early = math.exp(-(epoch - 1) / 2)
    learned = 1 - math.exp(-epoch / codec.epochs)
    accuracy = CHANCE + (codec.accuracy - CHANCE) * learned + random.gauss(0, 0.003 + 0.03 * early)
    rate_bits = codec.rate_bits * (1 + 0.8 * early) * random.gauss(1, 0.005 + 0.04 * early)
    accuracy = min(max(accuracy, 0.0), 1.0)
    return {"loss": rate_bits + 20 * (1 - accuracy), "rate_bits_estimated": rate_bits, "accuracy": accuracy}


def _codec(values: Mapping[str, Scalar], seed: int) -> _Codec:
    family = str(values["family"])
    try:
        if family == "label":
            return _label(int(values.get("merged_classes", 0)))
        if family == "image":
            return _image(str(values["codec"]), int(values["quality"]))
        return _learned(family, values, seed)
    except LookupError as error:
        raise InputError(
            f"the problem codec_families knows the families label, image, split and student, with the parameters "
            f"of its own sweep; it cannot answer {dict(values)}: {error}"
        ) from error


def _label(merged: int) -> _Codec:
    return _Codec(math.log2(10) - 0.27 * merged, 0.98 - 0.095 * merged, 420_000, 0.35)


def _image(codec: str, quality: int) -> _Codec:
    if codec == "jpeg":
        return _Codec(1500.0 + 25 * quality, 0.982 - 0.03 / quality, 0, 0.5)
    return _Codec(880.0 + 14 * quality, 0.983 - 0.015 / quality, 0, 0.5)


def _learned(family: str, values: Mapping[str, Scalar], seed: int) -> _Codec:
    split, width = str(values["split"]), float(values["width"])
    entropy_model, objective = str(values["entropy_model"]), str(values.get("objective", "cross_entropy"))
    learning = _LEARNING[family, split]
    luck = _luck(seed, family, split, entropy_model, objective)
    # What the latent holds at most; a narrow one limits the accuracy too.
    alphabet_bits = math.log2(float(values["alphabet"])) if entropy_model == "categorical" else 0.0
    most_bits = 0.92 * width * alphabet_bits or 3.2 * width**0.75
    narrow = 0.25 * math.exp(-most_bits / 2.2)
    strength = (float(values["beta"]) / (60 if family == "split" else 150)) ** 0.9
    rate_bits = most_bits * strength / (1 + strength)
    reached = 1 - math.exp(-rate_bits / (learning.bits * (1 + 0.15 * luck)))
    encoder = float(values["encoder_width"]) if family == "student" else 0.0
    weak = 0.12 * math.exp(-encoder / 7) if encoder else 0.0
    accuracy = CHANCE + (learning.accuracy + 0.006 * luck - narrow - weak - CHANCE) * reached
    wires = 4.0 if split == "conv1" else 1.0
    last_layer = 80 * encoder * width if encoder else 650 * width * wires * max(1.0, alphabet_bits)
    size = learning.bytes + 40 * encoder**2 + last_layer
    slow = 1.5 if objective == "feature_distillation" else 1.0
    cost = learning.cost * (1 + 0.02 * encoder) * (1 + 0.01 * width)
    return _Codec(rate_bits, accuracy, round(size), cost, learning.epochs * slow)


@cache
def _luck(*architecture: object) -> float:
    """Return in [-1, 1] how much better or worse an architecture is than its like."""
    return Random(stable_seed("architecture", *architecture)).uniform(-1, 1)  # noqa: S311
