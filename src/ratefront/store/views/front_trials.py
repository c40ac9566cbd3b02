"""Which trials are on the Pareto front. The validation split decides; the test split is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from ratefront.columns import TrialLike
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import ranks
from ratefront.spec.goals.constraints import Constraint, meets
from ratefront.trial_records import FrontPoint, Objectives, TrialResult, objectives_of, series_of


def result_of(trial: TrialHistory) -> TrialResult:
    """The result of a trial that ran to its end.

    Raises:
        ValueError: It has none.
    """
    if trial.result is None:
        raise ValueError(f"trial {trial.params.trial_id} is {trial.status} and has no result")
    return trial.result


def pareto_front(trials: Iterable[TrialHistory], objectives: Objectives) -> list[TrialHistory]:
    """The finished trials that are non-dominated on the validation values of ``objectives``.

    They are sorted by their rate on test, then by identity.
    """
    return _by_rate(trial for trial, rank in ranked(trials, objectives) if rank == 1)


def ranked(trials: Iterable[TrialHistory], objectives: Objectives) -> list[tuple[TrialHistory, int]]:
    """Every finished trial with its non-dominated rank on the validation values of ``objectives``; 1 is the front."""
    finished = {trial.params.trial_id: trial for trial in trials if trial.status == "finished"}
    values = {key: [result_of(t).objective(name) for name in objectives] for key, t in finished.items()}
    return [(finished[key], rank) for key, rank in ranks(values, objectives).items()]


def _by_rate(front: Iterable[TrialHistory]) -> list[TrialHistory]:
    return sorted(front, key=lambda trial: (result_of(trial).test.rate_bits, trial.params.trial_id))


def front_of(history: SweepHistory) -> list[TrialHistory]:
    """The Pareto front of a sweep over all of its objectives."""
    return pareto_front(history.with_status("finished"), objectives_of(history.spec))


def meets_constraints(trial: TrialLike, constraints: Sequence[Constraint]) -> bool | None:
    """Whether a trial is a point that meets constraints on validation; None without constraints or without a result."""
    if not constraints or trial.result is None:
        return None
    return trial.status == "finished" and meets(trial.result, constraints)


def point_of(trial: TrialHistory, split: Literal["validation", "test"] = "test") -> FrontPoint:
    """A finished or collapsed trial as a point measured on one split."""
    result = result_of(trial)
    measured = result.test if split == "test" else result.validation
    return FrontPoint(
        trial_id=trial.params.trial_id,
        family=trial.params.family,
        series=series_of(trial.params.values),
        split=split,
        rate_bits=measured.rate_bits,
        rate_bits_estimated=measured.rate_bits_estimated,
        accuracy=measured.accuracy,
        transmitter_bytes=result.transmitter_bytes,
    )
