"""A sweep whose codecs give scores, and whose file adds two metrics; one trial is of a codec without scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.builders import FakeSweep, label, result, spec, split

from ratefront.history.events import Finished
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial_records import Measurement, TrialResult

METRICS = ("balanced_accuracy", "width")


def measured(measurement: Measurement, log_loss: float | None, *metrics: float | None) -> Measurement:
    return replace(measurement, log_loss_bits=log_loss, metrics=dict(zip(METRICS, metrics, strict=True)))


def scored(trial_id: str, rate_bits: float) -> TrialResult:
    """0.25 bit and 0.75 on test, 0.5 bit and 0.625 on validation."""
    plain = result(trial_id, rate_bits, 0.9, 9_000)
    return replace(
        plain, test=measured(plain.test, 0.25, 0.75, 4), validation=measured(plain.validation, 0.5, 0.625, 5)
    )


def unscored(trial_id: str, rate_bits: float) -> TrialResult:
    plain = result(trial_id, rate_bits, 0.97, 52_000)
    return replace(
        plain, test=measured(plain.test, None, None, 4), validation=measured(plain.validation, None, None, 5)
    )


def metrics_spec(**changes: Any) -> dict[str, Any]:
    return spec(
        metrics=[{"name": name, "target": f"mine:{name}", "direction": "maximise"} for name in METRICS],
        **changes,
    )


def finish(sweep: FakeSweep, values: dict[str, Any], measured_result: TrialResult) -> None:
    trial_id = sweep.plan(values)
    assert trial_id == measured_result.trial_id
    sweep.append(Finished(trial_id, 1, measured_result.to_json()))


def two_trials(path: Path) -> SweepFolder:
    sweep = FakeSweep(path, metrics_spec(bounds=["oracle"]))
    finish(sweep, label(), unscored("t0000", 4.0))
    finish(sweep, split("stem", 1.0), scored("t0001", 2.0))
    return sweep.end()
