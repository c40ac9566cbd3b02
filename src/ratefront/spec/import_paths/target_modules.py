"""Names the code and the modules of a sweep's task model, codec families and metrics; none is imported."""

from __future__ import annotations

from collections.abc import Mapping

from ratefront.catalogue import CATALOGUE
from ratefront.known_code import NamedCode
from ratefront.spec.resource_check import families_of
from ratefront.spec.sweep_spec import Named, SweepSpec

_OWN = "module"


def module_of_task_model(task_model: Named) -> str:
    """Return the module of the function that builds the task model: the user's own, or the registered one."""
    is_own = task_model.name == _OWN
    target = task_model.parameters["target"] if is_own else CATALOGUE.task_models[task_model.name].target
    return str(target).partition(":")[0]


def own_task_model_code(task_model: object) -> list[NamedCode]:
    """Return the function that a task model names, as a sweep file or a codec writes it; none for the other models.

    It may be anything, since it has not been checked: what is no such function is not imported either.
    """
    if not isinstance(task_model, Mapping) or task_model.get("name") != _OWN:
        return []
    target = task_model.get("target")
    return [NamedCode("task model", target)] if isinstance(target, str) else []


def metric_code(spec: SweepSpec) -> list[NamedCode]:
    """Return the functions of the sweep's metrics."""
    return [NamedCode("metric", metric.target) for metric in spec.metrics]


def modules_of_metrics(spec: SweepSpec) -> set[str]:
    """Return the modules of the sweep's metric functions."""
    return {metric.target.partition(":")[0] for metric in spec.metrics}


def modules_of(spec: SweepSpec) -> set[str]:
    """Return the modules of the task model, the families and the metrics."""
    return {module_of_task_model(spec.task_model), *modules_of_families(spec), *modules_of_metrics(spec)}


def modules_of_families(spec: SweepSpec) -> set[str]:
    """Return the modules of each family in the search space, and of its parameters."""
    families = [CATALOGUE.families[name] for name in families_of(spec)]
    return {
        module
        for family in families
        for module in (family.target.partition(":")[0], family.parameters.__module__)
    }
