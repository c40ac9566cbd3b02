"""The records of a sweep: a trial's parameters, its progress, its measurements and its result.

All are frozen and checked when they are built, so that a bad value fails where it arises. Rates are bit/sample,
accuracies are fractions in [0, 1], sizes are bytes, and times have their unit in the name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias

from ratefront.errors import UnknownCostError, UnknownNameError
from ratefront.record_fields import record_check

Scalar: TypeAlias = bool | int | float | str
#: A point of the search space as a key: the trial's values without its seed.
Configuration: TypeAlias = frozenset[tuple[str, Scalar]]
Direction: TypeAlias = Literal["minimise", "maximise"]
#: Names of objectives with their directions, in the order of their values.
Objectives: TypeAlias = Mapping[str, Direction]
Status: TypeAlias = Literal["planned", "running", "finished", "collapsed", "pruned", "stopped", "failed"]

#: How a trial can end. ``pruned``: the search stopped it; ``stopped``: a person stopped it.
ENDED: tuple[Status, ...] = ("finished", "collapsed", "pruned", "stopped", "failed")

#: What a sweep optimises unless its file says otherwise.
DEFAULT_OBJECTIVES: Final = ("rate_bits", "accuracy", "transmitter_bytes")

#: Objectives whose hypervolume has a reference from theory or from the data; of any other the sweep file must give it.
WITH_DEFAULT_REFERENCE: Final = ("rate_bits", "accuracy", "transmitter_bytes")

#: The key of a result's ``extra``: the largest share of its GPU's memory that a trial held.
GPU_MEMORY_SHARE: Final = "gpu_memory_share"

#: The key of a result's ``extra``, for a trial that was to start from the weights of another: 1 where it did, and 0
#: where their files were gone or did not fit, so that it started from scratch.
STARTED_FROM_NEIGHBOUR: Final = "started_from_neighbour"

#: The key of a result's ``extra``, for codecs that send the task model's decisions: samples of both splits that were
#: decoded to another class than the task model decides for, where both classes tie within rounding.
TIES: Final = "ties_within_rounding"

#: The prefix of metrics that the worker measures of the trial's process; the trial itself does not report them.
SYSTEM_PREFIX: Final = "system/"

#: What every sweep may optimise, besides the metrics of its file; every finished trial reports all of them (rate and
#: accuracy: on the validation split).
OBJECTIVES: Objectives = {
    "rate_bits": "minimise",
    "accuracy": "maximise",
    "transmitter_bytes": "minimise",
    "transmitter_macs": "minimise",
    "encode_ms": "minimise",
}

#: The plane of the figures and of the bounds.
RATE_ACCURACY: Objectives = {name: OBJECTIVES[name] for name in ("rate_bits", "accuracy")}

#: Objectives that range over decades: search and hypervolume see log2(1 + value). They see a metric unchanged.
LOGARITHMIC: Final = frozenset(name for name, direction in OBJECTIVES.items() if direction == "minimise")


_TRIAL_ID = re.compile(r"t[0-9]{1,12}")


def is_trial_id(value: object) -> bool:
    """Return whether a value is the identity of a sweep's trial, as ``t0000`` is.

    Ledgers, tables and requests may come from a stranger, and a trial's folder has its identity as its name.
    """
    return isinstance(value, str) and _TRIAL_ID.fullmatch(value) is not None


def metric_names(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the metrics that a resolved spec adds to every result, in its order."""
    return tuple(str(metric["name"]) for metric in spec.get("metrics") or ())


def objectives_of(spec: Mapping[str, Any]) -> Objectives:
    """Return what a resolved spec optimises.

    Raises:
        UnknownNameError: An objective is neither one of ``OBJECTIVES`` nor a metric of the spec.
    """
    metrics: Objectives = {metric["name"]: metric["direction"] for metric in spec.get("metrics") or ()}
    known, names = {**OBJECTIVES, **metrics}, spec.get("objectives") or DEFAULT_OBJECTIVES
    for name in names:
        if name not in known:
            raise UnknownNameError("objective", name, known)
    return {name: known[name] for name in names}


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, got {value!r}")


@dataclass(frozen=True)
class TrialParams:
    """One point of the search space.

    ``values`` holds ``family`` and that family's own parameters under their plain names (``beta``, not ``split.beta``),
    the same names as the columns of ``trials.csv`` and the fields of the family's parameter model. ``starts_from``
    names the trial of the same sweep whose stored codec gives the starting weights; empty where the trial starts from
    scratch. The learning curves of the two kinds are not alike.
    """

    trial_id: str
    seed: int
    values: Mapping[str, Scalar]
    starts_from: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.trial_id), "a trial needs an identity", self.trial_id)
        _require(
            isinstance(self.values.get("family"), str), "a trial's values name its family", dict(self.values)
        )

    @property
    def family(self) -> str:
        """The name of the codec family."""
        return str(self.values["family"])

    @property
    def family_parameters(self) -> dict[str, Scalar]:
        """The family's own parameters: ``values`` without ``family``."""
        return {name: value for name, value in self.values.items() if name != "family"}

    @property
    def configuration(self) -> Configuration:
        """The values as a key: trials that differ only in their seed have the same."""
        return frozenset(self.values.items())


def last_epoch(values: Mapping[str, Scalar], training_epochs: int) -> int:
    """Return how many epochs a trial trains for: its own ``epochs``, or those of the sweep file's ``training``."""
    epochs = values.get("epochs", training_epochs)
    return epochs if isinstance(epochs, int) else training_epochs


def series_of(values: Mapping[str, Scalar]) -> str:
    """Return the curve of a figure that a trial belongs to: its family, and its entropy model where it has one.

    A small classifier is a curve of its own, since the others are compared with it.
    """
    kind = values.get("entropy_model") or ("small" if values.get("classifier") == "small" else "")
    return f"{values['family']} ({kind})" if kind else str(values["family"])


class Progress(NamedTuple):
    """What a trial reports after an epoch, counted from 1; metrics have to be finite, else the trial fails.

    A trial does not know which attempt it is. The worker knows, and makes ``events.Reported`` of it.
    """

    step: int
    metrics: Mapping[str, float]


def own_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics that the trial itself reported, without the measurements of its process."""
    return {name: value for name, value in metrics.items() if not name.startswith(SYSTEM_PREFIX)}


@dataclass(frozen=True)
class Measurement:
    """A codec measured on one split; the rate is counted from bytes (``bitstream.rate_bits``), not estimated.

    Attributes:
        samples: Samples of the split.
        rate_bits: 8 · payload bytes / samples, coded in blocks of ``block_size`` samples.
        rate_bits_estimated: Mean −log2 likelihood under the entropy model, computed without the coder.
        rate_bits_alone: Mean bits of a sample coded as a string of its own.
        overhead_bits: 8 · bytes of header, index and checksums / samples.
        rate_total_bits: rate_bits + overhead_bits = 8 · file bytes / samples.
        accuracy: Share of the samples whose decoded class is the label.
        log_loss_bits: Mean −log2 of the probability that the decoded scores give the label; None without scores.
        metrics: The sweep file's ``metrics``, by name; None where a metric needs scores and there are none.
    """

    samples: int
    rate_bits: float
    rate_bits_estimated: float
    rate_bits_alone: float
    overhead_bits: float
    rate_total_bits: float
    accuracy: float
    log_loss_bits: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.samples >= 1, "samples ≥ 1", self.samples)
        for name in (item.name for item in fields(self) if item.name != "metrics"):
            value = getattr(self, name)
            known = value is not None or name == "log_loss_bits"
            _require(
                known and (value is None or (math.isfinite(value) and value >= 0)),
                f"{name} is finite and ≥ 0",
                value,
            )
        _require(self.accuracy <= 1, "accuracy ≤ 1", self.accuracy)
        for name, value in self.metrics.items():
            _require(value is None or math.isfinite(value), f"metrics.{name} is finite", value)

    def metric(self, name: str) -> float | None:
        """Return one of ``metrics``.

        Raises:
            UnknownNameError: The metric was not measured.
        """
        if name not in self.metrics:
            raise UnknownNameError("metric", name, self.metrics)
        return self.metrics[name]


def _known(name: str, value: float | None, why_not: str) -> float:
    if value is None:
        raise UnknownCostError(f"{name} is not known: {why_not}")
    return float(value)


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial that ran to its end.

    ``status`` is ``collapsed`` where the validation accuracy is not above the majority class by two standard
    deviations. Such a result is reported, but is never on a front. ``transmitter_macs`` is None where the number is
    unknown; ``transmitter_macs_unknown`` then says why.
    """

    trial_id: str
    status: Literal["finished", "collapsed"]
    reason: str
    validation: Measurement
    test: Measurement
    transmitter_bytes: int
    transmitter_macs: int | None
    encode_ms: float
    train_seconds: float
    extra: Mapping[str, float] = field(default_factory=dict)
    encode_ms_validation: float | None = None
    transmitter_macs_unknown: str = ""

    def __post_init__(self) -> None:
        _require(self.status in ("finished", "collapsed"), "status is finished or collapsed", self.status)
        optional = [n for n in ("encode_ms_validation", "transmitter_macs") if getattr(self, n) is not None]
        for name in ("transmitter_bytes", "encode_ms", "train_seconds", *optional):
            value = getattr(self, name)
            _require(math.isfinite(value) and value >= 0, f"{name} is finite and ≥ 0", value)
        explained = (self.transmitter_macs is None) == bool(self.transmitter_macs_unknown)
        _require(explained, "transmitter_macs is a number or has a reason", self.transmitter_macs)
        for name, value in self.extra.items():
            _require(isinstance(value, int | float), f"extra.{name} is a number", value)

    def objective(self, name: str) -> float:
        """Return the value that the search sees: on the validation split where the objective depends on data.

        Raises:
            UnknownCostError: The value is not known.
        """
        if name == "encode_ms" and self.encode_ms_validation is not None:
            return self.encode_ms_validation
        return self._value(name, self.validation)

    def test_objective(self, name: str) -> float:
        """Return the value that the report shows: on the test split where the objective depends on data.

        Raises:
            UnknownCostError: The value is not known.
        """
        return self._value(name, self.test)

    def _value(self, name: str, measured: Measurement) -> float:
        if name in ("rate_bits", "accuracy"):
            return float(getattr(measured, name))
        if name not in OBJECTIVES:
            return _known(name, measured.metric(name), "it needs scores, and the codec gives none")
        return _known(name, getattr(self, name), self.transmitter_macs_unknown)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Build a result from what ``to_json`` returned.

        Raises:
            ValueError: The data are no result; names the value that is wrong.
        """
        record_check(cls)(data)
        measured = {split: Measurement(**data[split]) for split in ("validation", "test")}
        return cls(**{**data, **measured})


@dataclass(frozen=True)
class FrontPoint:
    """A trial as a point of a figure or a front; all values are measured on one split, named by ``split``."""

    trial_id: str
    family: str
    series: str
    split: Literal["validation", "test"]
    rate_bits: float
    rate_bits_estimated: float
    accuracy: float
    transmitter_bytes: int
