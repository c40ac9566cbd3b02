"""``summary.json``: a sweep in one object.

Every key is always there. A value that is undefined is null, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ratefront.bounds import PredictionBounds
from ratefront.catalogue.datasets import dataset_name
from ratefront.history.budget import recorded_budget
from ratefront.history.repeat_counts import RepeatCounts
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.oracle_hypervolume import (
    ReferencePoint,
    hypervolume_rate_accuracy,
    reference_point,
)
from ratefront.pareto import hypervolume
from ratefront.store.task_model_info import TaskModelInfo
from ratefront.store.views.front_trials import front_of, point_of, result_of
from ratefront.store.views.stopping_summary import StoppingSummary, stopping_summary
from ratefront.store.views.trials_csv import row_of_named
from ratefront.trial_records import RATE_ACCURACY, Objectives, metric_names, objectives_of

GAPS = (
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
)
"""The bounds that are always among the gaps, null before the task model is ready. A sweep may have more of them."""

#: The columns of a point of the front.
_FRONT = ("trial_id", "family", "rate_bits", "rate_bits_estimated", "accuracy", "transmitter_bytes")


@dataclass(frozen=True)
class SummarisedTrial:
    """A trial on the front, and how far it lies above each bound on test, in bit/sample; None where undefined."""

    trial: TrialHistory
    gap_bits: Mapping[str, float | None]

    def __repr__(self) -> str:
        """Identity and family only: a trial's whole history would hide the summary."""
        return f"<{self.trial.params.trial_id}, {self.trial.params.values['family']}>"

    def to_json(self, metrics: tuple[str, ...]) -> dict[str, Any]:
        """Its test values, with the sweep's own metrics, and its gaps."""
        return {**row_of_named(self.trial, (*_FRONT, *metrics), metrics), "gap_bits": dict(self.gap_bits)}


@dataclass(frozen=True)
class Summary:
    """A sweep, running or ended, in numbers; None where one is not known.

    The counts of trials by status are those of requested trials and ``repeats`` together.
    ``early_stopping`` is what it has saved, and its regret. ``hours`` is the time in which a driver was at work,
    ``gpu_hours`` that of all attempts times the GPUs of each. ``hypervolume``, and its projection
    ``hypervolume_rate_accuracy`` on rate and accuracy, are computed from the test values of ``front``, whose trials
    were chosen on validation. ``reasons`` explains each of the two that is None. ``warnings`` say what makes the task
    model's accuracy or the bounds doubtful, and which file cannot be read.
    """

    sweep: str | None
    dataset: str | None
    ended: bool
    ended_early: str | None
    trials_requested: int
    repeats: RepeatCounts
    trials_finished: int
    trials_pruned: int
    trials_stopped: int
    trials_collapsed: int
    trials_failed: int
    early_stopping: StoppingSummary
    hours: float
    gpu_hours: float
    budget: Mapping[str, float | None]
    is_budget_spent: bool
    forecast: Mapping[str, Any] | None
    task_model_accuracy: float | None
    task_model_accuracy_given: float | None
    task_model_bytes: int | None
    objectives: tuple[str, ...]
    hypervolume: float | None
    reference: Mapping[str, float | None]
    hypervolume_rate_accuracy: float | None
    front: tuple[SummarisedTrial, ...]
    warnings: tuple[str, ...]
    reasons: Mapping[str, str]
    metrics: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, float]:
        """Its finite numbers, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: float(value) for name, value in values.items() if type(value) in (int, float)}

    def to_json(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "metrics"}
        return plain | {
            "early_stopping": self.early_stopping.to_json(),
            "repeats": self.repeats._asdict(),
            "budget": dict(self.budget),
            "objectives": list(self.objectives),
            "reference": dict(self.reference),
            "front": [entry.to_json(self.metrics) for entry in self.front],
            "warnings": list(self.warnings),
            "reasons": dict(self.reasons),
        }


def summarise(
    history: SweepHistory,
    task_model: TaskModelInfo,
    overlay: PredictionBounds | None,
    forecast: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Summary:
    """The summary of a sweep, as far as it has come.

    ``forecast`` is its own, beside what it took; ``warnings`` are further ones.
    """
    reference, front = reference_of(history, task_model, overlay), front_of(history)
    objectives = objectives_of(history.spec)
    volume, why_volume = _volume(front, objectives, reference)
    share, why_share = _share_of_oracle(front, overlay, reference)
    reasons = {"hypervolume": why_volume, "hypervolume_rate_accuracy": why_share}
    return Summary(
        sweep=history.spec.get("name"),
        dataset=dataset_name(history.spec["dataset"]) if history.spec.get("dataset") else None,
        ended=history.ended,
        ended_early=history.ended_early or None,
        trials_requested=history.trials_requested,
        repeats=history.repeats,
        trials_finished=history.counts["finished"],
        trials_pruned=history.counts["pruned"],
        trials_stopped=history.counts["stopped"],
        trials_collapsed=history.counts["collapsed"],
        trials_failed=history.counts["failed"],
        early_stopping=stopping_summary(history),
        hours=history.speed.worked_s / 3600.0,
        gpu_hours=history.speed.gpu_s / 3600.0,
        budget=recorded_budget(history.spec).model_dump(),
        is_budget_spent=history.budget_spent is not None or history.ended_by_budget,
        forecast=forecast,
        task_model_accuracy=task_model.accuracy,
        task_model_accuracy_given=task_model.accuracy_given,
        task_model_bytes=task_model.task_model_bytes,
        objectives=tuple(objectives),
        hypervolume=volume,
        reference=dict(reference.values),
        hypervolume_rate_accuracy=share,
        front=tuple(_summarised(trial, overlay) for trial in front),
        warnings=(*_warnings(history, overlay), *warnings),
        reasons={name: why for name, why in reasons.items() if why},
        metrics=metric_names(history.spec),
    )


def _warnings(history: SweepHistory, overlay: PredictionBounds | None) -> tuple[str, ...]:
    task_model_warnings = () if history.task_model is None else history.task_model.warnings
    return (*task_model_warnings, *(() if overlay is None else overlay.warnings))


def reference_of(
    history: SweepHistory, task_model: TaskModelInfo, overlay: PredictionBounds | None
) -> ReferencePoint:
    """The reference point of the sweep's hypervolume: its file's ``reference``, completed by the defaults."""
    return reference_point(
        objectives_of(history.spec),
        history.spec.get("reference") or {},
        zero_rate_distortion=None if overlay is None else overlay.zero_rate_distortion,
        raw_bits=task_model.raw_bits,
        task_model_bytes=task_model.task_model_bytes,
    )


def _summarised(trial: TrialHistory, overlay: PredictionBounds | None) -> SummarisedTrial:
    test = result_of(trial).test
    gaps = {} if overlay is None else overlay.gaps(test.rate_bits, test.accuracy)
    return SummarisedTrial(trial, dict.fromkeys(GAPS) | {name: gap.bits for name, gap in gaps.items()})


def _volume(
    front: Sequence[TrialHistory], objectives: Objectives, reference: ReferencePoint
) -> tuple[float | None, str]:
    corner = reference.complete(objectives)
    if corner is None:
        return None, reference.why_incomplete(objectives)
    values = [[result_of(trial).test_objective(name) for name in objectives] for trial in front]
    return hypervolume(values, objectives, corner), ""


def _share_of_oracle(
    front: Sequence[TrialHistory], overlay: PredictionBounds | None, reference: ReferencePoint
) -> tuple[float | None, str]:
    corner = reference.complete(RATE_ACCURACY)
    if overlay is None or corner is None:
        return None, reference.why_incomplete(RATE_ACCURACY) or "the task model's predictions are not there"
    points = [point_of(trial) for trial in front]
    share = hypervolume_rate_accuracy(points, overlay.curves, corner)
    return share, "" if share is not None else "the oracle has no volume above the reference"
