"""The empty trial: it loads torch, reports ten times, and has a result. Ray's workers find it by its import path."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from ratefront.history.events import TaskModelReady
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Measurement, Progress, TrialParams, TrialResult

REPORTS = 10
SLOTS = 2


def metrics(step: int) -> dict[str, float]:
    return {"loss": 1.0 / step, "rate_bits": 3.0, "accuracy": 0.9}


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    import torch  # noqa: F401

    for step in range(1, REPORTS + 1):
        yield Progress(step, metrics(step))
    measured = Measurement(100, 3.0, 3.0, 8.0, 0.5, 3.5, 0.9)
    return TrialResult(params.trial_id, "finished", "", measured, measured, 1000, 10, 0.1, 0.2)


def prepare(spec: SweepSpec, folder: Path, device: str) -> TaskModelReady:
    return TaskModelReady("none", 0.97, 0.96, 1000)
