"""The facts of a sweep's task model and data set that are known without torch; parameters are checked against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError

from ratefront.catalogue import Catalogue
from ratefront.catalogue.reductions import REDUCTION_PROBLEM, ReductionCheck
from ratefront.catalogue.registry import Registry, are_described
from ratefront.errors import InputError
from ratefront.spec.sweep_spec import SweepSpec

#: ``splits``, ``strides`` and ``takes`` of the task model, ``classes`` and ``shape`` of the data set, as far as known;
#: and a check of reductions, which builds the task model when it is called.
Facts: TypeAlias = Mapping[str, Any]


def known_facts(catalogue: Catalogue, task_model: object, dataset: object) -> Facts:
    """Return the facts of a task model and a data set, as the sweep file names them.

    If one of them has a problem, only its general facts are known, or none.
    """
    dataset_facts = dataset_facts_of(catalogue, dataset)
    facts = _facts(catalogue.task_models, task_model, dataset_facts) | dataset_facts
    if are_described() and {"splits", "classes", "shape"} <= facts.keys():
        named = {"name": task_model} if isinstance(task_model, str) else task_model
        assert isinstance(named, Mapping), "it has split points"
        facts[REDUCTION_PROBLEM] = ReductionCheck(named, facts["classes"], tuple(facts["shape"]))
    return facts


def dataset_facts_of(catalogue: Catalogue, dataset: object) -> dict[str, Any]:
    """Return the facts of a data set alone. Those of a task model may depend on them."""
    return _facts(catalogue.datasets, dataset)


def spec_facts(catalogue: Catalogue, spec: SweepSpec) -> Facts:
    """Return the facts of a checked spec's task model and data set."""
    return known_facts(catalogue, spec.task_model.model_dump(), spec.dataset.model_dump())


def _facts(registry: Registry[Any], raw: object, *dataset_facts: Facts) -> dict[str, Any]:
    described = {"name": raw} if isinstance(raw, str) else raw
    if not isinstance(described, Mapping) or described.get("name") not in registry:
        return {}
    registered = registry[str(described["name"])]
    try:
        parameters = {key: value for key, value in described.items() if key != "name"}
        return registered.facts_for(registered.parameters.model_validate(parameters), *dataset_facts)
    except (ValidationError, InputError):
        return dict(registered.facts)
