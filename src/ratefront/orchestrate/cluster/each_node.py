"""Runs a function on every node of the cluster, and waits for no node that does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeAlias

#: A node that is busy takes a while to start a process.
PATIENCE_S = 60.0


Node: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class NodeAnswer:
    """What a node answers.

    Attributes:
        node: The node, as Ray describes it.
        value: What the function returned there; None if it failed.
        problem: Why there is no value; empty if there is one.
        asked_at: When it was asked, by the clock here.
        answered_at: When the answer was here.
    """

    node: Node
    value: Any = None
    problem: str = ""
    asked_at: float = 0.0
    answered_at: float = 0.0

    @property
    def address(self) -> str:
        """The node's address."""
        return str(self.node["NodeManagerAddress"])


#: ``ask_each_node``, or what takes its place where there is no cluster.
Ask: TypeAlias = Callable[..., list[NodeAnswer]]


def living_nodes() -> list[Node]:
    """Return the nodes of the cluster as Ray describes them, in the order of their addresses."""
    import ray

    nodes: list[Node] = ray.nodes()  # type: ignore[no-untyped-call]
    return sorted((node for node in nodes if node["Alive"]), key=lambda node: str(node["NodeManagerAddress"]))


def ask_each_node(
    nodes: Iterable[Node],
    function: Callable[..., Any],
    arguments: Callable[[Node], tuple[Any, ...]] = lambda node: (),
    *,
    by_value: ModuleType,
    patience_s: float = PATIENCE_S,
) -> list[NodeAnswer]:
    """Run ``function`` on each of these nodes at once. A node that has left the cluster meanwhile gives no answer.

    ``arguments`` returns those of a node. The module ``by_value``, which defines the function, need not be on the
    nodes: they get its source.
    """
    import ray
    from ray import cloudpickle
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    cloudpickle.register_pickle_by_value(by_value)  # type: ignore[no-untyped-call]
    running: dict[Any, Node] = {}
    asked: dict[Any, float] = {}
    try:
        # It needs no core, so it does not wait for trials.
        remote: Any = ray.remote(num_cpus=0, max_retries=0)(function)
        for node in nodes:
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked_at = time.time()
            reference = remote.options(scheduling_strategy=place).remote(*arguments(node))
            running[reference], asked[reference] = node, asked_at
    finally:
        cloudpickle.unregister_pickle_by_value(by_value)  # type: ignore[no-untyped-call]
    arrived = _wait_for(list(running), patience_s)
    answers = [_answer(node, reference, patience_s) for reference, node in running.items()]
    return [
        replace(answer, asked_at=asked[reference], answered_at=arrived.get(reference, 0.0))
        for reference, answer in zip(running, answers, strict=True)
        if answer is not None
    ]


def _wait_for(waiting: list[Any], patience_s: float) -> dict[Any, float]:
    """Wait for all answers, but not longer; return when each arrived."""
    import ray

    arrived: dict[Any, float] = {}
    deadline = time.monotonic() + patience_s
    while waiting and (left_s := deadline - time.monotonic()) > 0:
        ready, waiting = ray.wait(waiting, num_returns=1, timeout=left_s)
        arrived |= dict.fromkeys(ready, time.time())
    return arrived


def _answer(node: Node, reference: Any, patience_s: float) -> NodeAnswer | None:
    import ray

    try:
        return NodeAnswer(node, ray.get(reference, timeout=0))
    except ray.exceptions.TaskUnschedulableError:  # it asks for nothing, so the node is not there any more
        return None
    except ray.exceptions.GetTimeoutError:
        ray.cancel(reference, force=True)
        return NodeAnswer(node, problem=f"no answer within {patience_s:g} s")
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        return NodeAnswer(node, problem=f"{type(cause).__name__}: {str(cause).strip().splitlines()[0]}")
