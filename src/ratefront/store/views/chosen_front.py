"""The codecs of a sweep that meet constraints: which they are, the best of them, and what each constraint leaves out.

A trial meets constraints by its values on validation, which also decide the front among those that do. All else is
shown on test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.goals.constraints import (
    Constraint,
    box,
    constraint_problems,
    meets,
    parse_constraint,
    recorded_constraints,
    values_of,
    violations,
)
from ratefront.spec.goals.target import Target, recorded_target
from ratefront.store.views.front_trials import meets_constraints, pareto_front, result_of
from ratefront.store.views.trials_csv import row_of_named
from ratefront.trial_records import OBJECTIVES, metric_names, objectives_of

#: After so many trials with a result, a sweep says that none of them meets its constraints.
FIRST_TRIALS = 20

_SHOWN = ("trial_id", "family", "split", "beta", "rate_bits", "accuracy", "transmitter_bytes", "encode_ms")


@dataclass(frozen=True)
class ChosenFront:
    """The front of the trials that meet constraints.

    Attributes:
        constraints: What was asked for.
        trials: The front among the trials that meet them, by rising rate on test.
        best: The trial of ``trials`` that is best on validation in ``best_by``; None where there is none.
        best_by: ``rate_bits`` where the constraints ask for an accuracy, else ``accuracy``.
        finished: How many trials have finished.
        meeting: How many of these meet all of the constraints.
        excluded: For each constraint, how many finished trials do not meet it.
        has_codec: Whether the best trial's codec is in the sweep's folder.
    """

    constraints: tuple[Constraint, ...]
    trials: tuple[TrialHistory, ...]
    best: TrialHistory | None
    best_by: str
    finished: int
    meeting: int
    excluded: Mapping[str, int]
    has_codec: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data; the figures of the trials are those on test."""
        return {
            "constraints": [constraint.text for constraint in self.constraints],
            "finished": self.finished,
            "meeting": self.meeting,
            "excluded": dict(self.excluded),
            "best": None if self.best is None else self.best.params.trial_id,
            "best_by": self.best_by,
            "has_codec": self.has_codec,
            "front": [
                {**row_of_named(trial, _SHOWN), "params": dict(trial.params.values)} for trial in self.trials
            ],
        }


def asked_constraints(texts: Iterable[str], spec: Mapping[str, Any]) -> list[Constraint]:
    """Constraints that a person asks of a sweep that exists.

    Raises:
        InputError: One cannot be read, is on no value of the sweep, or contradicts another; says what is valid.
    """
    try:
        asked = [parse_constraint(text) for text in texts]
    except ValueError as error:
        raise InputError(str(error)) from error
    for _, problem in constraint_problems(asked, (*OBJECTIVES, *metric_names(spec))):
        raise InputError(problem)
    return asked


def chosen_front(history: SweepHistory, constraints: Sequence[Constraint]) -> ChosenFront:
    """The front of a sweep's trials that meet the constraints; the whole front without any."""
    finished = history.with_status("finished")
    beyond = {
        trial.params.trial_id: violations(constraints, values_of(result_of(trial), constraints))
        for trial in finished
    }
    meeting = [trial for trial in finished if all(far <= 0 for far in beyond[trial.params.trial_id])]
    front = pareto_front(meeting, objectives_of(history.spec))
    best_by = _best_by(constraints)
    return ChosenFront(
        tuple(constraints),
        tuple(front),
        best_of(front, best_by),
        best_by,
        len(finished),
        len(meeting),
        {each.text: sum(far[place] > 0 for far in beyond.values()) for place, each in enumerate(constraints)},
    )


def _best_by(constraints: Sequence[Constraint]) -> str:
    asks_accuracy = box(constraints).get("accuracy", (-math.inf, 0.0))[0] > -math.inf
    return "rate_bits" if asks_accuracy else "accuracy"


def best_of(trials: Sequence[TrialHistory], name: str) -> TrialHistory | None:
    """The trial that is best on validation in rate or accuracy; of equal ones the better in the other."""
    other = "accuracy" if name == "rate_bits" else "rate_bits"

    def key(trial: TrialHistory) -> tuple[float, float, int]:
        return (_cost(trial, name), _cost(trial, other), trial.number)

    return min(trials, key=key, default=None)


def _cost(trial: TrialHistory, name: str) -> float:
    value = result_of(trial).objective(name)
    return value if OBJECTIVES[name] == "minimise" else -value


def goal_sentences(history: SweepHistory) -> list[str]:
    """What a sweep has found of the constraints and the target that its file asks for, in sentences."""
    constraints, target = recorded_constraints(history.spec), recorded_target(history.spec)
    sentences = [sentence] if (sentence := none_meets(history)) else []
    return sentences if target is None else [*sentences, _at_target(history, target, constraints)]


def none_meets(history: SweepHistory) -> str:
    """Say that no trial meets the sweep's constraints, where none of ``FIRST_TRIALS`` or more does; else nothing."""
    constraints = recorded_constraints(history.spec)
    if not constraints or history.counts["finished"] + history.counts["collapsed"] < FIRST_TRIALS:
        return ""
    measured = [trial for trial in history.with_status("finished", "collapsed") if trial.result is not None]
    if any(meets_constraints(trial, constraints) for trial in measured):
        return ""
    values = [values_of(result_of(trial), constraints) for trial in measured]
    unmet = [each for each in constraints if not any(each.violation(row[each.name]) <= 0 for row in values)]
    if not unmet:
        every = " and ".join(constraint.text for constraint in constraints)
        return f"None of the {len(measured)} trials so far meets {every} together; each alone is met by some."
    parts = " and ".join(f"{each.text} ({_nearest(each, values)})" for each in unmet)
    return f"None of the {len(measured)} trials so far meets {parts}."


def _nearest(constraint: Constraint, values: Sequence[Mapping[str, float | None]]) -> str:
    known = [value for row in values if (value := row[constraint.name]) is not None]
    if not known:
        return "its value is not known"
    nearest = min(known, key=constraint.violation)
    return f"the nearest has {nearest:.4g}"


def _at_target(history: SweepHistory, target: Target, constraints: Sequence[Constraint]) -> str:
    wanted = (target.constraint, *constraints)
    at_target = [trial for trial in history.with_status("finished") if meets(result_of(trial), wanted)]
    best = best_of(at_target, next(iter(target.objectives)))
    where = f"{target}" + (f" with {' and '.join(map(str, constraints))}" if constraints else "")
    if best is None:
        yet = "" if history.ended else " yet"
        return f"Target ({where}): no trial has reached it{yet}."
    on, test = result_of(best).validation, result_of(best).test
    return (
        f"Target ({where}): {best.params.trial_id} ({best.params.family}) is the best, with "
        f"{on.rate_bits:.4g} bit/sample at {100 * on.accuracy:.2f} % on validation "
        f"({test.rate_bits:.4g} bit/sample at {100 * test.accuracy:.2f} % on test)."
    )
