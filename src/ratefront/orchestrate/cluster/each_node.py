"""Runs a function on every node of the cluster, and waits for no node that does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

#: A node that is busy takes a while to start a process.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class NodeAnswer:
    """What a node answers.

    Attributes:
        address: The node's address.
        value: What the function returned there; None if it failed.
        problem: Why there is no value; empty if there is one.
    """

    address: str
    value: Any = None
    problem: str = ""


def living_nodes() -> list[dict[str, Any]]:
    """Return the nodes of the cluster as Ray describes them, in the order of their addresses."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return sorted((node for node in nodes if node["Alive"]), key=lambda node: str(node["NodeManagerAddress"]))


def ask_each_node(
    nodes: list[dict[str, Any]],
    function: Callable[..., Any],
    *arguments: tuple[Any, ...],
    by_value: ModuleType,
    patience_s: float = PATIENCE_S,
) -> list[NodeAnswer]:
    """Run ``function`` on each of these nodes, and return their answers in the same order.

    ``arguments`` holds a tuple for each node. The module ``by_value``, which defines the function, need not be on the
    nodes: they get its source.
    """
    cloudpickle.register_pickle_by_value(by_value)  # type: ignore[no-untyped-call]
    try:
        # It needs no core, so it does not wait for trials.
        remote: Any = ray.remote(num_cpus=0, max_retries=0)(function)
        running = [
            remote.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(*own)
            for node, own in zip(nodes, arguments, strict=True)
        ]
    finally:
        cloudpickle.unregister_pickle_by_value(by_value)  # type: ignore[no-untyped-call]
    answered, _ = ray.wait(running, num_returns=len(running), timeout=patience_s) if running else ([], [])
    return list(_answers(nodes, running, set(answered), patience_s))


def _answers(
    nodes: list[dict[str, Any]], running: list[Any], answered: set[Any], patience_s: float
) -> Iterator[NodeAnswer]:
    for node, reference in zip(nodes, running, strict=True):
        address = str(node["NodeManagerAddress"])
        if reference not in answered:
            ray.cancel(reference, force=True)
            yield NodeAnswer(address, problem=f"no answer within {patience_s:g} s")
            continue
        try:
            yield NodeAnswer(address, ray.get(reference))
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            yield NodeAnswer(address, problem=f"{type(cause).__name__}: {str(cause).strip().splitlines()[0]}")
