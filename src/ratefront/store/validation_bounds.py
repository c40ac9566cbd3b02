"""The bounds of the validation split, as the event that a driver writes before the first trial is planned.

The search sees validation alone: its values are compared with bounds of the same samples. The report draws those of the
test split (see ``task_model_info.read_overlay``).
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from ratefront.array_files import UNREADABLE, open_npz, read_npz_array
from ratefront.bounds import (
    ORACLE,
    SOLVED_SLOPES,
    TASK_MODEL,
    Predictions,
    RateDistortionCurve,
    UnconvergedWarning,
    oracle_curve,
    prior_from_labels,
    task_model_curve,
)
from ratefront.errors import InputError
from ratefront.history.bound_points import falling_points
from ratefront.history.events import MOST_POINTS, BoundPoints, BoundsReady
from ratefront.history.sweep_history import SweepHistory
from ratefront.oracle_hypervolume import reference_point
from ratefront.spec.sweep_spec import SweepSpec

#: Scores (samples × classes) behind the task model's curve at most; they take a second.
MOST_SCORES = 2_000_000


def wanted_curves(spec: SweepSpec) -> tuple[str, ...]:
    """The curves that a sweep's ledger is to have: the oracle, and TMRD where the sweep file's ``bounds`` has it."""
    return (ORACLE, TASK_MODEL) if TASK_MODEL in spec.bounds else (ORACLE,)


def missing_bounds(predictions: Path, spec: SweepSpec, history: SweepHistory) -> BoundsReady | None:
    """The bounds to write into the ledger now; None where it has all that the sweep file asks for.

    A curve that cannot be had is listed with the reason. So nothing here ends a sweep.
    """
    ready = history.bounds_ready
    if ready is not None and all(
        name in ready.curves or name in ready.missing for name in wanted_curves(spec)
    ):
        return None
    return validation_bounds(predictions, wanted_curves(spec))


def with_reference(
    ready: BoundsReady, spec: SweepSpec, raw_bits: float | None, task_model_bytes: float | None
) -> BoundsReady:
    """The event with what is known of the hypervolume's corner; the accuracy's is the oracle's at 0 bit."""
    oracle = ready.curves.get(ORACLE)
    corner = reference_point(
        spec.objectives,
        spec.reference,
        zero_rate_distortion=oracle[-1][0] if oracle else None,
        raw_bits=raw_bits,
        task_model_bytes=task_model_bytes,
    )
    known = {name: corner.values[name] for name in spec.objectives}
    return replace(ready, reference={name: value for name, value in known.items() if value is not None})


def validation_bounds(predictions: Path, wanted: tuple[str, ...]) -> BoundsReady:
    """The curves of the validation split in a sweep's ``predictions.npz``.

    Of a large split, samples at even distances are used (see ``MOST_SCORES``).
    """
    try:
        labels, scores = read_labelled_logits(predictions, "validation")
        classes = scores.shape[1]
        step = max(1, -(-scores.size // MOST_SCORES))
        used = Predictions.from_logits(labels[::step], scores[::step], insist=True)
        oracle = oracle_curve(prior_from_labels(labels, classes), points=MOST_POINTS)
    except InputError as error:
        return BoundsReady("validation", 0, {}, dict.fromkeys(wanted, str(error)))
    curves = {ORACLE: points_of(oracle)}
    if TASK_MODEL in wanted:
        assert used.log_probabilities is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnconvergedWarning)
            solved = task_model_curve(
                used.log_probabilities, used.labels, points=min(SOLVED_SLOPES, MOST_POINTS - 2)
            )
        curves[TASK_MODEL] = points_of(solved.envelope(float(oracle.distortion[-1])))
    return BoundsReady("validation", used.samples, curves)


def points_of(curve: RateDistortionCurve) -> BoundPoints:
    """A curve as the ledger holds it."""
    return falling_points(zip(curve.distortion.tolist(), curve.rate_bits.tolist(), strict=True))


def read_labelled_logits(
    predictions: Path, split: Literal["validation", "test"]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return labels (N,) and logits (N, K) of a split, as a sweep's ``predictions.npz`` holds them.

    Raises:
        InputError: The file is missing, or does not hold them.
    """
    names = (f"labels_{split}", f"logits_{split}")
    try:
        with open_npz(predictions) as archive:
            labels, scores = (read_npz_array(archive, name) for name in names)
    except (OSError, *UNREADABLE) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{predictions.name}: {' and '.join(names)} cannot be read: {reason}") from error
    if scores.ndim != 2:
        raise InputError(f"{predictions.name}: {names[1]} must have shape (N, K), not {scores.shape}")
    return labels, scores
