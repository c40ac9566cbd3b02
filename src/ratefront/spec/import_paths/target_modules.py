"""Names the modules of a sweep's task model, codec families and metrics; none is imported."""

from __future__ import annotations

from ratefront.catalogue import CATALOGUE
from ratefront.spec.resource_check import families_of
from ratefront.spec.sweep_spec import Named, SweepSpec

_OWN = "module"


def module_of_task_model(task_model: Named) -> str:
    """Return the module of the function that builds the task model: the user's own, or the registered one."""
    is_own = task_model.name == _OWN
    target = task_model.parameters["target"] if is_own else CATALOGUE.task_models[task_model.name].target
    return str(target).partition(":")[0]


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
