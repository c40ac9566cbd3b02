"""``forecast.json``: what a sweep may take, as calibration trials say before it begins, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ratefront.bounded_files import read_json_file
from ratefront.errors import InputError
from ratefront.record_fields import record_check
from ratefront.spec.sweep_spec import Named
from ratefront.store.files.atomic_files import write_json
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Scalar


@dataclass(frozen=True)
class ForecastRange:
    """A forecast with its interval: from ``low`` to ``high``."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True)
class CalibrationTrial:
    """A short trial, and what a whole one with the same values would take.

    Attributes:
        family: The codec's family.
        values: The configuration.
        begin_s: Seconds for all that comes before the first epoch.
        epoch_s: Seconds of an epoch; 0 where nothing is trained.
        epochs: How many epochs a whole trial has.
        coding_s: Seconds for what follows: writing the codec, coding both splits, decoding and measuring them.
        disk_bytes: What it leaves on the disk.
        gpu_memory_share: The largest fraction of a GPU's memory that it held; None without a GPU.
    """

    family: str
    values: Mapping[str, Scalar]
    begin_s: float
    epoch_s: float
    epochs: int
    coding_s: float
    disk_bytes: int
    gpu_memory_share: float | None = None

    @property
    def trial_s(self) -> float:
        """Seconds of a whole trial."""
        return self.begin_s + self.epochs * self.epoch_s + self.coding_s


@dataclass(frozen=True)
class CalibrationFailure:
    """A configuration that could not be calibrated, and the kind and text of its error."""

    family: str
    values: Mapping[str, Scalar]
    error: str


class CalibratedTaskModel(NamedTuple):
    """What a worker says of the task model.

    Attributes:
        seconds: What its training takes; 0 where it is in the cache or not trained.
        stand_in: The task model that calibration trials are made behind: the sweep's, or one of an epoch, since a trial
            takes as long behind it. None: an untrained one, because an epoch takes too long.
    """

    seconds: float
    stand_in: Named | None


class CalibratedFamily(NamedTuple):
    """What a worker says of a family.

    Attributes:
        trials: Its calibration trials.
        failures: The configurations that could not be calibrated.
        load_s: Seconds for loading the data and the task model.
        first_s: Seconds that a worker's first trial takes longer than others.
    """

    trials: Sequence[CalibrationTrial]
    failures: Sequence[CalibrationFailure]
    load_s: float
    first_s: float


@dataclass(frozen=True)
class Forecast:
    """What a sweep may take.

    Attributes:
        sweep: Its name.
        trials: How many trials it asks for.
        slots: How many of them run at the same time at most.
        start_s: Seconds until the first worker is ready.
        task_model_s: Seconds for the task model; 0 where it is in the cache.
        hours: The sweep's time at work.
        gpu_hours: The time of all trials times the GPUs of each.
        disk_bytes: What trials and ledger leave on the disk.
        calibration: The trials that this follows from.
        failures: The configurations that could not be calibrated; trials of such ones are counted like the others.
        slots_by_family: How many trials of each family run at the same time.
        repeats: How many repeats may come on top of the trials.
        trials_per_gpu: With ``trials_per_gpu: auto``, how many share a GPU by the memory that calibration trials held.
    """

    sweep: str
    trials: int
    slots: int
    start_s: float
    task_model_s: float
    hours: ForecastRange
    gpu_hours: ForecastRange
    disk_bytes: ForecastRange
    calibration: Sequence[CalibrationTrial]
    failures: Sequence[CalibrationFailure] = ()
    slots_by_family: Mapping[str, int] = field(default_factory=dict)
    trials_per_gpu: int | None = None
    repeats: int = 0

    def to_json(self) -> dict[str, Any]:
        """The content of ``forecast.json``."""
        plain = asdict(self)
        return plain | {name: list(plain[name]) for name in ("calibration", "failures")}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Forecast:
        """Read the content of ``forecast.json``, which a stranger may have written.

        Raises:
            ValueError: It is no forecast; names the key.
        """
        _CHECK(plain)
        ranges = {name: ForecastRange(**plain[name]) for name in ("hours", "gpu_hours", "disk_bytes")}
        trials = tuple(CalibrationTrial(**trial) for trial in plain["calibration"])
        failures = tuple(CalibrationFailure(**failure) for failure in plain.get("failures", ()))
        return cls(**{**plain, **ranges, "calibration": trials, "failures": failures})


_CHECK = record_check(Forecast)


def write_forecast(folder: SweepFolder, forecast: Forecast) -> None:
    """Write ``forecast.json`` into the folder, which is made where it is missing."""
    folder.path.mkdir(parents=True, exist_ok=True)
    write_json(folder.forecast, forecast.to_json())


def read_forecast(folder: SweepFolder) -> Forecast | None:
    """The forecast in a sweep's folder; None where there is none.

    Raises:
        InputError: The file cannot be read, or is no forecast.
    """
    path = folder.forecast
    if not path.exists():
        return None
    try:
        return Forecast.from_json(dict(read_json_file(path)))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}; the sweep does not need it") from error


def disk_bytes_of(folder: SweepFolder) -> int:
    """The bytes of a sweep's ended trials and of its ledger; checkpoints do not stay. A driver may run meanwhile."""
    files = [path for path in folder.trials.glob("*/*") if not path.name.startswith("checkpoint")]
    return sum(map(_bytes_of, (*files, folder.ledger)))


def _bytes_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # a draft that was renamed, or what the sweep does not keep
        return 0


def compared_with_forecast(
    forecast: Forecast, hours: float, gpu_hours: float, disk_bytes: int
) -> dict[str, Any]:
    """The forecast beside what the sweep has taken so far, for ``summary.json`` and the report."""
    took = {"hours": hours, "gpu_hours": gpu_hours, "disk_bytes": disk_bytes}
    return {
        "trials": forecast.trials,
        **{name: asdict(getattr(forecast, name)) | {"took": value} for name, value in took.items()},
    }
