"""``forecast.json``: it is read as it was written, and a forged one is refused with a sentence."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ratefront.engine.opening_events import ResumeOptions
from ratefront.errors import InputError
from ratefront.orchestrate.begin_and_resume_checks import check_folder
from ratefront.store.forecast_file import (
    CalibrationFailure,
    CalibrationTrial,
    Forecast,
    ForecastRange,
    compared_with_forecast,
    disk_bytes_of,
    read_forecast,
    write_forecast,
)
from ratefront.store.sweep_folder import SweepFolder

RANGE = ForecastRange(1.0, 2.0, 4.0)
MADE = Forecast(
    "digits",
    8,
    2,
    5.0,
    0.0,
    RANGE,
    RANGE,
    RANGE,
    (CalibrationTrial("label", {"a": 1}, 1, 2, 3, 4, 5, 0.25),),
    (CalibrationFailure("split", {"b": 2}, "ValueError: no"),),
    {"label": 2, "split": 1},
    4,
)


def test_a_forecast_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "new" / "sweep")
    assert read_forecast(folder) is None
    write_forecast(folder, MADE)
    assert read_forecast(folder) == MADE
    assert MADE.calibration[0].trial_s == 1 + 3 * 2 + 4
    compared = compared_with_forecast(MADE, 3.0, 0.5, 7)
    assert compared["trials"] == 8
    assert compared["hours"] == {"low": 1.0, "expected": 2.0, "high": 4.0, "took": 3.0}


def test_a_sweep_begins_beside_its_forecast_and_nothing_else(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    write_forecast(folder, MADE)
    check_folder(folder, ResumeOptions())
    (folder.path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        check_folder(folder, ResumeOptions())


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("hours", {"low": 1.0, "expected": "soon", "high": 4.0}, "hours.expected"),
        ("trials", 1.5, "trials"),
        ("calibration", [{"family": "label"}], "calibration.0"),
        ("colour", "red", "colour"),
        ("failures", [{"family": "label", "values": {}, "error": 3}], "failures.0.error"),
        ("slots_by_family", {"label": "two"}, "slots_by_family.label"),
    ],
)
def test_a_forged_forecast_is_refused(tmp_path: Path, key: str, value: object, named: str) -> None:
    folder = SweepFolder(tmp_path)
    plain = json.loads(json.dumps(asdict(MADE))) | {key: value}
    folder.forecast.write_text(json.dumps(plain))
    with pytest.raises(InputError, match=rf"forecast.json cannot be read: {named}"):
        read_forecast(folder)
    folder.forecast.write_text("{")
    with pytest.raises(InputError, match=r"forecast.json cannot be read"):
        read_forecast(folder)


def test_bytes_of_a_file_that_vanishes_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SweepFolder(tmp_path)
    trial = folder.trials / "t0000"
    trial.mkdir(parents=True)
    (trial / "stream.bin").write_bytes(b"12345")
    (trial / "checkpoint.safetensors").write_bytes(b"1234567")
    found = [*folder.trials.glob("*/*"), trial / ".codec.json.tmp"]
    monkeypatch.setattr(Path, "glob", lambda *_: iter(found))
    assert disk_bytes_of(folder) == 5, "neither is there a ledger"
