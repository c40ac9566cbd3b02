"""Rules between settings of a sweep file that are each valid on their own."""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.catalogue import Catalogue
from ratefront.catalogue.number_limits import LEAST_REFERENCE
from ratefront.columns import is_reserved_name, name_on_validation
from ratefront.spec.goals.constraints import constraint_problems
from ratefront.spec.known_facts import spec_facts
from ratefront.spec.problem_wording import repeated, shown, unknown
from ratefront.spec.resource_check import families_of
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.trial_records import LOGARITHMIC, OBJECTIVES, WITH_DEFAULT_REFERENCE


def coupled_problems(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """Return one line for each rule between settings that is broken."""
    problems = _unfit(spec, catalogue) + _metric_problems(spec) + _objective_problems(spec)
    problems += _constraint_problems(spec)
    problems += repeated("objectives", spec.objectives) + repeated("bounds", spec.bounds)
    problems += repeated("learn_from", spec.learn_from)
    families = families_of(spec)
    problems += [
        f"resources.families.{name}: {unknown('family of this sweep', name, families)}"
        for name in spec.resources.families
        if name not in families
    ]
    within = None if spec.end_when is None else spec.end_when.within
    if within is not None and within.bound not in spec.bounds:
        problems.append(f"end_when.within.bound: {unknown('bound of this sweep', within.bound, spec.bounds)}")
    known = _known_objectives(spec)
    for name, value in spec.reference.items():
        if name not in spec.objectives:
            kind, valid = (
                ("objective of this sweep", spec.objectives) if name in known else ("objective", known)
            )
            problems.append(f"reference.{name}: {unknown(kind, name, valid)}")
        elif name == "accuracy" and not 0 <= value < 1:
            problems.append(f"reference.{name}: must be in [0, 1), got {value}")
        elif name in LOGARITHMIC and value < LEAST_REFERENCE:
            problems.append(f"reference.{name}: must be ≥ {LEAST_REFERENCE:g}, got {value}")
    return problems + [
        f"reference.{name}: is required where {name} is an objective, but missing (it has no default)"
        for name in known
        if name in spec.objectives and name not in (*spec.reference, *WITH_DEFAULT_REFERENCE)
    ]


def _known_objectives(spec: SweepSpec) -> tuple[str, ...]:
    return (*OBJECTIVES, *(metric.name for metric in spec.metrics))


def _objective_problems(spec: SweepSpec) -> list[str]:
    known = _known_objectives(spec)
    return [
        f"objectives[{place}]: {unknown('objective', name, known)}"
        for place, name in enumerate(spec.objectives)
        if name not in known
    ]


def _constraint_problems(spec: SweepSpec) -> list[str]:
    problems = constraint_problems(spec.parsed_constraints, _known_objectives(spec))
    listed = [f"constraints[{place}]: {problem}" for place, problem in problems]
    if not problems and spec.target is not None:
        both = constraint_problems(spec.search_constraints, _known_objectives(spec))
        listed += [f"target: {problem}" for _, problem in both]
    return listed + repeated("constraints", spec.constraints)


def _metric_problems(spec: SweepSpec) -> list[str]:
    """Refuse a metric whose name is the name of another column.

    A metric has two columns, on test and on validation. A searched parameter may share the name: tables keep them
    apart, and a plugin that is installed later cannot make a sweep unreadable.
    """
    names = [metric.name for metric in spec.metrics]
    holders = {name: _holder(name, names) for name in names}
    return repeated("metrics", names) + [
        f"metrics[{place}].name: {shown(name)} is the name of {holders[name]}; give the metric another name"
        for place, name in enumerate(names)
        if holders[name]
    ]


def _holder(name: str, metrics: Sequence[str]) -> str:
    """Return what else has a column of this name, or an empty string."""
    if name in OBJECTIVES:
        return "an objective"
    if is_reserved_name(name):
        return "a column of every result"
    if any(name == name_on_validation(other) for other in metrics):
        return "the column that another metric has on validation"
    return ""


def _unfit(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """Return why the task model does not accept the data set's samples, if both are known."""
    facts = spec_facts(catalogue, spec)
    if not {"takes", "shape"} <= facts.keys():
        return []
    problem = facts["takes"].problem(spec.task_model.name, spec.dataset.name, facts["shape"])
    return [f"task_model: {problem}"] if problem else []
