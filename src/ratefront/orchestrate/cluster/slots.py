"""Counts the slots of the cluster: how many trials run at the same time on its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ratefront.errors import InputError
from ratefront.orchestrate.cluster.each_node import living_nodes
from ratefront.spec.resource_check import check_capacity, needs_by_family, needs_by_user
from ratefront.spec.sweep_spec import SweepSpec, TrialResources

#: Ray counts in ten-thousandths: a third of a GPU fits three times.
_EPSILON = 1e-3

NodeResources = Mapping[str, float]


def count_slots(spec: SweepSpec, nodes: Sequence[NodeResources] | None = None) -> int:
    """Return how many trials run at the same time on the nodes; 0 if they hold none.

    ``nodes`` is what each of them has; None: the present nodes of the cluster. The number is
    ``resources.concurrent``, or fewer if the nodes hold fewer trials of the family that needs the least.
    """
    return max(slots_by_family(spec, nodes).values())


def slots_by_family(spec: SweepSpec, nodes: Sequence[NodeResources] | None = None) -> dict[str, int]:
    """Return how many trials of each family run at the same time where no other family runs (see ``count_slots``)."""
    nodes = _resources_of_nodes() if nodes is None else nodes
    return {
        family: min(sum(_trials_on(node, spec, family) for node in nodes), spec.resources.concurrent)
        for family in needs_by_family(spec)
    }


def check_capacity_of_nodes(spec: SweepSpec, nodes: Sequence[NodeResources] | None = None) -> None:
    """Check that each trial, and the training of the task model, fits on one of the nodes (see ``count_slots``).

    Raises:
        InputError: No node has what a trial of some family asks for. The message names the family and the setting.
    """
    nodes = _resources_of_nodes() if nodes is None else nodes
    cpus, gpus = (max((node.get(name, 0.0) for node in nodes), default=0.0) for name in ("CPU", "GPU"))
    problems = check_capacity(spec, cpus, gpus) or [
        f"resources: no node has {needs.cpus:g} cores and {needs.gpus:g} GPUs together, as {user} asks for"
        for user, needs in needs_by_user(spec).items()
        if not any(_slots_on(node, needs) for node in nodes)
    ]
    if problems:
        raise InputError("\n".join(problems))


def _resources_of_nodes() -> list[NodeResources]:
    return [node["Resources"] for node in living_nodes()]


def _trials_on(node: NodeResources, spec: SweepSpec, family: str) -> int:
    """Return how many trials of one family fit on a node.

    Before the first trial has measured its share of a GPU, this is as many as the cores hold.
    """
    needs = spec.resources.for_family(family)
    if spec.resources.has_measured_gpu_share(family) and _slots_on(node, needs):
        return _slots_on(node, TrialResources(needs.cpus, 0.0))
    return _slots_on(node, needs)


def _slots_on(node: NodeResources, needs: TrialResources) -> int:
    """Return how many trials with these needs fit on a node. A share of a GPU lies on one GPU."""
    by_cpu = int(node.get("CPU", 0.0) / needs.cpus + _EPSILON)
    if not needs.gpus:
        return by_cpu
    return min(by_cpu, int(node.get("GPU", 0.0)) * int(1 / needs.gpus + _EPSILON))
