"""``forecast.json``: what a sweep may take, as calibration trials say before it begins, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.errors import InputError
from ratefront.record_fields import record_check
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
    """

    family: str
    values: Mapping[str, Scalar]
    begin_s: float
    epoch_s: float
    epochs: int
    coding_s: float
    disk_bytes: int

    @property
    def trial_s(self) -> float:
        """Seconds of a whole trial."""
        return self.begin_s + self.epochs * self.epoch_s + self.coding_s


@dataclass(frozen=True)
class Forecast:
    """What a sweep may take.

    Attributes:
        sweep: Its name.
        trials: How many trials it asks for.
        slots: How many of them run at the same time.
        start_s: Seconds until the first worker is ready.
        task_model_s: Seconds for the task model; 0 where it is in the cache.
        hours: The sweep's time at work.
        gpu_hours: The time of all trials times the GPUs of each.
        disk_bytes: What trials and ledger leave on the disk.
        calibration: The trials that this follows from.
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

    def to_json(self) -> dict[str, Any]:
        """The content of ``forecast.json``."""
        return asdict(self) | {"calibration": [asdict(trial) for trial in self.calibration]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Forecast:
        """Read the content of ``forecast.json``, which a stranger may have written.

        Raises:
            ValueError: It is no forecast; names the key.
        """
        _CHECK(plain)
        ranges = {name: ForecastRange(**plain[name]) for name in ("hours", "gpu_hours", "disk_bytes")}
        trials = tuple(CalibrationTrial(**trial) for trial in plain["calibration"])
        return cls(**{**plain, **ranges, "calibration": trials})


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
    """The bytes of a sweep's ended trials and of its ledger; checkpoints do not stay."""
    files = [path for path in folder.trials.glob("*/*") if not path.name.startswith("checkpoint")]
    return sum(path.lstat().st_size for path in (*files, folder.ledger))


def compared_with_forecast(
    forecast: Forecast, hours: float, gpu_hours: float, disk_bytes: int
) -> dict[str, Any]:
    """The forecast beside what the sweep has taken so far, for ``summary.json`` and the report."""
    took = {"hours": hours, "gpu_hours": gpu_hours, "disk_bytes": disk_bytes}
    return {
        "trials": forecast.trials,
        **{name: asdict(getattr(forecast, name)) | {"took": value} for name, value in took.items()},
    }
