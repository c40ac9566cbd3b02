"""Checks whether the machines have the resources that trials and the task model ask for."""

from __future__ import annotations

from collections.abc import Mapping

from ratefront.spec.sweep_spec import FamilyResources, Resources, SweepSpec, TrialResources

TASK_MODEL = "the task model"

_WHAT = {"cpus": "cores", "gpus": "GPUs"}


def families_of(spec: SweepSpec) -> tuple[str, ...]:
    """Return the families of the search space, in the order of the file."""
    families = spec.space.get("family")
    return tuple(map(str, families)) if isinstance(families, Mapping) else ()


def needs_by_family(spec: SweepSpec) -> dict[str, TrialResources]:
    """Return the resources of a trial of each family."""
    return {family: spec.resources.for_family(family) for family in families_of(spec) or ("",)}


def task_model_resources(spec: SweepSpec) -> TrialResources:
    """Return the resources for training the task model: the cores of a trial, and one GPU if any trial uses one."""
    uses_gpu = any(needs.gpus for needs in needs_by_family(spec).values())
    return TrialResources(spec.resources.cpus, 1.0 if uses_gpu else 0.0)


def needs_by_user(spec: SweepSpec) -> dict[str, TrialResources]:
    """Return the resources of a trial of each family, and of training the task model."""
    return needs_by_family(spec) | {TASK_MODEL: task_model_resources(spec)}


def check_capacity(spec: SweepSpec, cpus: float, gpus: float) -> list[str]:
    """Return one line for each setting that asks for more cores or GPUs than the machine has."""
    available = {"cpus": cpus, "gpus": gpus}
    users_of: dict[tuple[str, str, float], list[str]] = {}
    for user, needs in needs_by_user(spec).items():
        for key, amount in needs._asdict().items():
            # The task model gets a GPU only where a trial does; that trial's line already says what is missing.
            is_reported = user == TASK_MODEL and key == "gpus"
            if amount > available[key] and not is_reported:
                path = _path(spec.resources, user, key)
                users_of.setdefault((path, key, amount), []).append(user)
    return [
        f"{path}: asks for {amount:.3g} {_WHAT[key]} where there are {available[key]:g} (for {', '.join(users)})"
        for (path, key, amount), users in users_of.items()
    ]


def _path(resources: Resources, user: str, key: str) -> str:
    """Return the path of the setting that decides how much this user gets."""
    family = resources.families.get(user, FamilyResources())
    if getattr(family, key) is not None:
        return f"resources.families.{user}.{key}"
    is_shared_gpu = key == "gpus" and resources.trials_per_gpu is not None
    return "resources.trials_per_gpu" if is_shared_gpu else f"resources.{key}"
