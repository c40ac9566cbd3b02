"""The sweep file's budget: what of it is spent, and how long trials may still run then.

All follows from the ledger's entries and the time of now, so that every driver of a sweep decides alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.sweep_spec import Budget


class Spent(NamedTuple):
    """What a sweep has spent: its time at work, and that of its attempts' GPUs."""

    hours: float
    gpu_hours: float


def spent_by(history: SweepHistory, now: float | None) -> Spent:
    """What a sweep has spent, up to ``now`` where a driver is at work; None: none is, and pauses do not count.

    It is never less than when the budget was found spent: a clock may be put back.
    """
    if now is None:
        worked_s, gpu_s = history.speed.worked_s, history.speed.gpu_s
    else:
        worked_s, gpu_s = history.worked_s(now), history.gpu_s(now)
    found = history.budget_spent or Spent(0.0, 0.0)
    return Spent(max(found.hours, worked_s / 3600.0), max(found.gpu_hours, gpu_s / 3600.0))


def why_over(budget: Budget, spent: Spent) -> str:
    """Which part of the budget is spent, as a sentence for people; empty where none is."""
    parts = (
        ("hours", budget.hours, spent.hours, "hour"),
        ("gpu_hours", budget.gpu_hours, spent.gpu_hours, "GPU-hour"),
    )
    over = [(key, limit, unit) for key, limit, value, unit in parts if limit is not None and value >= limit]
    if not over:
        return ""
    limits = " and ".join(f"{limit:g} {unit}{'' if limit == 1 else 's'}" for _, limit, unit in over)
    keys = " and ".join(f"budget.{key}" for key, _, _ in over)
    return f"the budget of {limits} is spent; resumed with more ({keys}), the sweep goes on"


def larger_budget(budget: Budget, spent: Spent) -> dict[str, float]:
    """The parts of the budget that are spent, by their keys in the sweep file, each with twice as much."""
    limits = {"hours": budget.hours, "gpu_hours": budget.gpu_hours}
    return {
        f"budget.{key}": float(f"{2 * max(limit, getattr(spent, key)):.3g}")
        for key, limit in limits.items()
        if limit is not None and getattr(spent, key) >= limit
    }


def recorded_budget(spec: Mapping[str, Any]) -> Budget:
    """The budget of a recorded sweep file; one without limits where it is none of this version of ratefront."""
    try:
        return Budget.model_validate(spec.get("budget") or {})
    except ValidationError:
        return Budget()


def is_grace_over(budget: Budget, history: SweepHistory, now: float) -> bool:
    """Whether trials have run for long enough since the budget was found spent."""
    if history.budget_spent is None:
        return False
    since_s = history.worked_s(now) - 3600.0 * history.budget_spent.hours
    return since_s >= 60.0 * budget.grace_minutes


def may_go_on(budget: Budget, history: SweepHistory, *, has_other_rule: bool = False) -> bool:
    """Whether a sweep that has ended with trials left may go on with this budget, without more trials.

    Where ``end_when`` of the sweep file ended it, it may with another one only: now (``has_other_rule``), or since an
    earlier resume, when the budget was spent.
    """
    has_rule_changed = has_other_rule or history.end_rule_met is None
    may_end_later = history.ended_by_budget or (history.ended_by_rule and has_rule_changed)
    return may_end_later and not why_over(budget, spent_by(history, None))
