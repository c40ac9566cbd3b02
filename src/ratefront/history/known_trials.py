"""What was known before a sweep planned its first trial: points to try first, and trials of earlier sweeps.

The event ``Known`` holds it as plain data. It steers the search and nothing else: no table, front or tracker shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from ratefront.errors import UnknownCostError, UnknownNameError
from ratefront.history.events import Known
from ratefront.record_fields import record_check
from ratefront.trial_records import OBJECTIVES, Measurement, Scalar, TrialResult


@dataclass(frozen=True)
class KnownTrial:
    """A trial of an earlier sweep: its configuration, and what it measured on validation.

    Attributes:
        source: The earlier sweep's folder, as the sweep file names it.
        trial_id: The trial's identity there.
        values: Its configuration, in the space of the sweep that learns from it.
        status: How it ended.
        rate_bits: In bit/sample.
        accuracy: In [0, 1].
        transmitter_bytes: In bytes.
        transmitter_macs: Multiply–accumulates for one sample; None where they are not known.
        encode_ms: In ms for one sample.
        metrics: The metrics that are objectives, or have a constraint, in the sweep that learns from it.
    """

    source: str
    trial_id: str
    values: Mapping[str, Scalar]
    status: Literal["finished", "collapsed"]
    rate_bits: float
    accuracy: float
    transmitter_bytes: int
    transmitter_macs: int | None
    encode_ms: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, source: str, result: TrialResult, values: Mapping[str, Scalar], names: Iterable[str]) -> Self:
        """The trial with this result.

        Args:
            source: The earlier sweep's folder.
            result: What the trial measured.
            values: Its configuration in the space of the sweep that learns from it.
            names: What that sweep's search looks at: its objectives, and what has a constraint.

        Raises:
            UnknownCostError: One of these values is not known.
            UnknownNameError: One was not measured.
        """
        measured = {name: result.objective(name) for name in names}
        return cls(
            source=source,
            trial_id=result.trial_id,
            values=dict(values),
            status=result.status,
            rate_bits=result.validation.rate_bits,
            accuracy=result.validation.accuracy,
            transmitter_bytes=result.transmitter_bytes,
            transmitter_macs=result.transmitter_macs,
            encode_ms=result.objective("encode_ms"),
            metrics={name: value for name, value in measured.items() if name not in OBJECTIVES},
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The trial from the plain data of a ledger.

        Raises:
            ValueError: The data are no such trial; names the value that is wrong.
        """
        record_check(cls)(data)
        known = cls(**data)
        if not isinstance(known.values.get("family"), str):
            raise ValueError("values: the family is missing")
        _ = known.result  # which checks every number
        return known

    def to_json(self) -> dict[str, Any]:
        """The trial as plain data."""
        return asdict(self)

    @property
    def name(self) -> str:
        """Its identity beside the trials of this sweep, which are named ``t0000`` and so on."""
        return f"{self.source}/{self.trial_id}"

    @property
    def result(self) -> TrialResult:
        """What it measured, as far as a search may know it: test repeats validation."""
        measured = Measurement(
            samples=1,
            rate_bits=self.rate_bits,
            rate_bits_estimated=self.rate_bits,
            rate_bits_alone=self.rate_bits,
            overhead_bits=0.0,
            rate_total_bits=self.rate_bits,
            accuracy=self.accuracy,
            metrics=dict(self.metrics),
        )
        return TrialResult(
            trial_id=self.trial_id,
            status=self.status,
            reason="",
            validation=measured,
            test=measured,
            transmitter_bytes=self.transmitter_bytes,
            transmitter_macs=self.transmitter_macs,
            encode_ms=self.encode_ms,
            train_seconds=0.0,
            transmitter_macs_unknown=""
            if self.transmitter_macs is not None
            else "not known to the earlier sweep",
        )


@dataclass(frozen=True)
class KnownTaskModel:
    """The task model of an earlier sweep: its identity, and the digest of its data set ("" where not known)."""

    source: str
    identity: str
    dataset: str = ""


@dataclass(frozen=True)
class KnownBefore:
    """What the event ``Known`` says, checked.

    Attributes:
        start_with: Configurations to try first, in this order.
        trials: What the search learns from.
        task_models: The task models of the sweeps that these trials come from.
    """

    start_with: tuple[Mapping[str, Scalar], ...]
    trials: tuple[KnownTrial, ...]
    task_models: tuple[KnownTaskModel, ...]

    @classmethod
    def of(cls, event: Known, objectives: Iterable[str]) -> KnownBefore:
        """Check what the event says, of a sweep with these objectives.

        Raises:
            ValueError: A value is not what ratefront writes, or something is listed twice.
        """
        for data in event.task_models:
            record_check(KnownTaskModel)(data)
        known = cls(
            tuple(dict(values) for values in event.start_with),
            tuple(KnownTrial.from_json(data) for data in event.trials),
            tuple(KnownTaskModel(**data) for data in event.task_models),
        )
        _check_distinct("start_with", [frozenset(values.items()) for values in known.start_with])
        _check_distinct("trials", [trial.name for trial in known.trials])
        if any(not isinstance(values.get("family"), str) for values in known.start_with):
            raise ValueError("start_with: the family is missing")
        for trial in known.trials:
            _check_measured(trial, objectives)
        return known


def _check_measured(trial: KnownTrial, objectives: Iterable[str]) -> None:
    result = trial.result
    try:
        for name in objectives:
            result.objective(name)
    except (UnknownCostError, UnknownNameError) as error:
        raise ValueError(f"trials: {trial.name}: {error}") from error


def _check_distinct(name: str, keys: Sequence[object]) -> None:
    if len(set(keys)) < len(keys):
        raise ValueError(f"{name}: something is listed twice")
