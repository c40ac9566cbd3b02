"""``summary.json``: a sweep in one object. Every key is always there; null where a value is undefined,
never NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ratefront.bounds import PredictionBounds
from ratefront.catalogue.datasets import dataset_name
from ratefront.history import SweepHistory, TrialHistory
from ratefront.overlay import RATE_ACCURACY, Reference, hypervolume_rate_accuracy, reference_point
from ratefront.pareto import hypervolume
from ratefront.records import Status
from ratefront.store.facts import TaskFacts
from ratefront.store.front import front_of, objectives_of, point_of, result_of

GAPS = (
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
)
"""Always among the gaps, null before the task model is there; a sweep's further bounds come on top."""


def summarise(history: SweepHistory, facts: TaskFacts, overlay: PredictionBounds | None) -> dict[str, Any]:
    """The summary of a sweep, running or ended, as plain data.

    ``hypervolume`` and ``hypervolume_rate_accuracy``, its projection on rate and accuracy, are both computed
    from the test values of ``front``, the trials chosen on validation. ``reasons`` explains every null,
    ``warnings`` say what of the task model and of the bounds is to be doubted.
    """
    objectives = objectives_of(history.spec)
    reference = reference_of(history, facts, overlay)
    volume, why_volume = _volume(front_of(history), objectives, reference)
    share, why_share = _share_of_oracle(history, overlay, reference)
    reasons = {"hypervolume": why_volume, "hypervolume_rate_accuracy": why_share}
    return {
        "sweep": history.spec.get("name"),
        "dataset": dataset_name(history.spec["dataset"]) if history.spec.get("dataset") else None,
        "ended": history.ended,
        "ended_early": history.ended_early or None,
        **_counts(history),
        "task_model_accuracy": facts.accuracy,
        "task_model_accuracy_given": facts.accuracy_given,
        "task_model_bytes": facts.task_model_bytes,
        "objectives": list(objectives),
        "hypervolume": volume,
        "reference": dict(reference.values),
        "hypervolume_rate_accuracy": share,
        "front": [front_entry(trial, overlay) for trial in front_of(history)],
        "warnings": _warnings(history, overlay),
        "reasons": {name: why for name, why in reasons.items() if why},
    }


def _warnings(history: SweepHistory, overlay: PredictionBounds | None) -> list[str]:
    of_task_model = () if history.task_model is None else history.task_model.warnings
    return [*of_task_model, *(() if overlay is None else overlay.warnings)]


def _counts(history: SweepHistory) -> dict[str, int]:
    ended: tuple[Status, ...] = ("finished", "pruned", "collapsed", "failed")
    counts = {f"trials_{status}": history.counts[status] for status in ended}
    return {"trials_requested": history.trials_requested, **counts}


def reference_of(history: SweepHistory, facts: TaskFacts, overlay: PredictionBounds | None) -> Reference:
    """The corner of the sweep's hypervolume: its file's ``reference``, completed by the defaults."""
    return reference_point(
        objectives_of(history.spec),
        history.spec.get("reference") or {},
        zero_rate_distortion=None if overlay is None else overlay.zero_rate_distortion,
        raw_bits=facts.raw_bits,
        task_model_bytes=facts.task_model_bytes,
    )


def front_entry(trial: TrialHistory, overlay: PredictionBounds | None) -> dict[str, Any]:
    """One point of the front: test values and its gaps in bit/sample."""
    point = point_of(trial)
    found = {} if overlay is None else overlay.gaps(point.rate_bits, point.accuracy)
    return {
        "trial_id": point.trial_id,
        "family": point.family,
        "rate_bits": point.rate_bits,
        "rate_bits_estimated": point.rate_bits_estimated,
        "accuracy": point.accuracy,
        "transmitter_bytes": point.transmitter_bytes,
        "gap_bits": dict.fromkeys(GAPS) | {name: gap.bits for name, gap in found.items()},
    }


def _volume(
    front: Sequence[TrialHistory], objectives: Sequence[str], reference: Reference
) -> tuple[float | None, str]:
    corner = reference.complete(objectives)
    if corner is None:
        return None, reference.why_not(objectives)
    values = [[result_of(trial).test_objective(name) for name in objectives] for trial in front]
    return hypervolume(values, objectives, corner), ""


def _share_of_oracle(
    history: SweepHistory, overlay: PredictionBounds | None, reference: Reference
) -> tuple[float | None, str]:
    corner = reference.complete(RATE_ACCURACY)
    if overlay is None or corner is None:
        return None, reference.why_not(RATE_ACCURACY) or "the task model's predictions are not there"
    points = [point_of(trial) for trial in front_of(history)]
    share = hypervolume_rate_accuracy(points, overlay.curves, corner)
    return share, "" if share is not None else "the oracle has no volume above the reference"
