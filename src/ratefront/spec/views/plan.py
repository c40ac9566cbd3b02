"""The plan of a sweep, which ``ratefront check`` prints before anything starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from ratefront.catalogue import Catalogue
from ratefront.catalogue.task_models import accuracy_warnings
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.known_facts import Facts, spec_facts
from ratefront.spec.resource_check import check_capacity
from ratefront.spec.space.configurations import too_few_configurations
from ratefront.spec.space.dimensions import Branch, Space
from ratefront.spec.space.parameter_fields import Parameter, parameters_of
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.spec.views.render_plan import describe_data, render_plan
from ratefront.trial_records import Objectives

__all__ = ["Plan", "plan_of", "render_plan"]


@dataclass(frozen=True)
class Plan:
    """A checked sweep file, joined with what the catalogue knows about it."""

    spec: SweepSpec
    space: Space
    families: dict[str, dict[str, Parameter]]
    family_summaries: dict[str, str]
    dataset_summary: str
    data: str
    task_model_summary: str
    split_points: tuple[str, ...]
    directions: Objectives
    too_few_configurations: str | None
    warnings: tuple[str, ...]
    known: tuple[tuple[str, str], ...] = ()
    facts: Facts = field(default_factory=dict)

    def too_much_for(self, cpus: float, gpus: float) -> list[str]:
        """Return one line for each setting that asks for more cores or GPUs than a machine has."""
        return check_capacity(self.spec, cpus, gpus)


def plan_of(loaded: LoadedSpec, catalogue: Catalogue, known: tuple[tuple[str, str], ...] = ()) -> Plan:
    """Join a checked sweep file with the catalogue that it was checked against.

    ``known`` are rows, each with a name and a sentence, for what is tried first and what is learned from.
    """
    spec = loaded.spec
    registered = {name: catalogue.families[name] for name in _families(loaded.space)}
    parameters = catalogue.task_models[spec.task_model.name].parameters(**spec.task_model.parameters)
    task_model, facts = catalogue.task_models[spec.task_model.name], spec_facts(catalogue, spec)
    return Plan(
        spec=spec,
        space=loaded.space,
        families={name: parameters_of(family.parameters, facts) for name, family in registered.items()},
        family_summaries={name: family.summary for name, family in registered.items()},
        dataset_summary=catalogue.datasets[spec.dataset.name].summary,
        data=describe_data(facts["shape"], facts["classes"], facts.get("samples"))
        if "shape" in facts
        else "",
        task_model_summary=task_model.summary,
        split_points=tuple(facts.get("splits", ())),
        directions=spec.directions,
        too_few_configurations=too_few_configurations(loaded.space, spec.trials, catalogue),
        warnings=(*facts.get("remarks", ()), *accuracy_warnings(parameters, facts)),
        known=known,
        facts=facts,
    )


def _families(space: Space) -> tuple[str, ...]:
    family = space["family"]
    return tuple(family.options) if isinstance(family, Branch) else ()
