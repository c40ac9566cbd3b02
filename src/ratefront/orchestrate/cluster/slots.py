"""How many trials run at the same time on the nodes of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray

from ratefront.errors import InputError
from ratefront.spec.resource_check import check_capacity, needs_by_family, needs_by_user
from ratefront.spec.schema import SweepSpec, TrialResources

#: Ray counts in ten-thousandths: a third of a GPU fits three times.
_EPSILON = 1e-3

Node = Mapping[str, float]


def slots(spec: SweepSpec) -> int:
    """As many trials as were asked for, or fewer where the nodes hold fewer, be they all of the smallest family.

    Raises:
        InputError: No node has what a trial of some family asks for; names the family and the setting.
    """
    nodes: list[Node] = [node["Resources"] for node in _nodes() if node["Alive"]]
    _check(spec, nodes)
    rooms = [sum(_trials_on(node, spec, family) for node in nodes) for family in needs_by_family(spec)]
    return min(max(rooms), spec.resources.concurrent)


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _check(spec: SweepSpec, nodes: list[Node]) -> None:
    cpus, gpus = (max((node.get(name, 0.0) for node in nodes), default=0.0) for name in ("CPU", "GPU"))
    problems = check_capacity(spec, cpus, gpus) or [
        f"resources: no node has {needs.cpus:g} cores and {needs.gpus:g} GPUs together, as {user} asks for"
        for user, needs in needs_by_user(spec).items()
        if not any(_room(node, needs) for node in nodes)
    ]
    if problems:
        raise InputError("\n".join(problems))


def _trials_on(node: Node, spec: SweepSpec, family: str) -> int:
    """Of one family; where the first trial is yet to be measured, as many as the cores hold."""
    needs = spec.resources.of(family)
    if spec.resources.measures(family) and _room(node, needs):
        return _room(node, TrialResources(needs.cpus, 0.0))
    return _room(node, needs)


def _room(node: Node, needs: TrialResources) -> int:
    """Trials that fit on a node; a share of a GPU lies on one GPU."""
    by_cpu = int(node.get("CPU", 0.0) / needs.cpus + _EPSILON)
    if not needs.gpus:
        return by_cpu
    gpus = node.get("GPU", 0.0)
    if needs.gpus < 1:
        return min(by_cpu, int(gpus) * int(1 / needs.gpus + _EPSILON))
    return min(by_cpu, int(gpus / needs.gpus))
