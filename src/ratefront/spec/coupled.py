"""The rules between settings of a sweep file that are each right alone."""

from __future__ import annotations

from ratefront.catalogue import Catalogue
from ratefront.records import NO_DEFAULT_REFERENCE
from ratefront.spec.capacity import families_of
from ratefront.spec.facts import facts_of_spec
from ratefront.spec.problems import repeated, unknown
from ratefront.spec.schema import SweepSpec


def coupled_problems(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """One line for each rule between settings that is broken."""
    problems = _unfit(spec, catalogue)
    problems += repeated("objectives", spec.objectives) + repeated("bounds", spec.bounds)
    families = families_of(spec)
    problems += [
        f"resources.families.{name}: {unknown('family of this sweep', name, families)}"
        for name in spec.resources.families
        if name not in families
    ]
    for name, value in spec.reference.items():
        if name not in spec.objectives:
            problems.append(f"reference.{name}: {unknown('objective of this sweep', name, spec.objectives)}")
        elif name == "accuracy" and not 0 <= value < 1:
            problems.append(f"reference.{name}: must be in [0, 1), got {value}")
        elif name != "accuracy" and value <= 0:
            problems.append(f"reference.{name}: must be > 0, got {value}")
    return problems + [
        f"reference.{name}: is required where {name} is an objective, but missing (it has no default)"
        for name in NO_DEFAULT_REFERENCE
        if name in spec.objectives and name not in spec.reference
    ]


def _unfit(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """Why the task model cannot take the data set's samples, as far as both are known."""
    facts = facts_of_spec(catalogue, spec)
    if not {"takes", "shape"} <= facts.keys():
        return []
    problem = facts["takes"].problem(spec.task_model.name, spec.dataset.name, facts["shape"])
    return [f"task_model: {problem}"] if problem else []
