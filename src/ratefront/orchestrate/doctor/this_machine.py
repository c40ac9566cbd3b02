"""Takes this machine for a node where there is no cluster: it is described and asked like one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, TypeVar

from ratefront.orchestrate.cluster.each_node import Node, NodeAnswer

_Value = TypeVar("_Value")


class NotInTimeError(Exception):
    """Some work was left behind: it was not done within its time. An error of the work itself is another one."""


def this_machine() -> Node:
    """Describe this machine as Ray would describe a node."""
    gpus = _counted_gpus()
    return {
        "NodeID": "this-machine",
        "NodeManagerAddress": "",
        "Resources": {"CPU": float(len(os.sched_getaffinity(0))), **({"GPU": float(gpus)} if gpus else {})},
    }


def _counted_gpus() -> int:
    """Return how many GPUs Ray counts here, by the functions that it counts them with."""
    try:
        from ray._private.accelerators import get_accelerator_manager_for_resource

        gpus: Any = get_accelerator_manager_for_resource("GPU")
        present = int(gpus.get_current_node_num_accelerators())
        visible: list[str] | None = gpus.get_current_process_visible_accelerator_ids()
    except (ImportError, AttributeError):
        return 0  # another Ray, in which no sweep can run: the line on Ray says so
    return present if visible is None else min(present, len(visible))


def ask_here(
    nodes: Iterable[Node],
    function: Callable[..., Any],
    arguments: Callable[[Node], tuple[Any, ...]] = lambda node: (),
    *,
    by_value: ModuleType,
    patience_s: float,
) -> list[NodeAnswer]:
    """Call the function here, in place of ``ask_each_node``."""
    answers = []
    for node in nodes:
        try:
            answers.append(
                NodeAnswer(node, within(patience_s, partial(function, *arguments(node)), "no answer"))
            )
        except Exception as error:
            text = str(error) if isinstance(error, NotInTimeError) else f"{type(error).__name__}: {error}"
            answers.append(NodeAnswer(node, problem=text))
    return answers


def within(seconds: float, work: Callable[[], _Value], what: str) -> _Value:
    """Do some work in a thread, and return its result, or leave it behind.

    Raises:
        NotInTimeError: It is not done within these seconds; the message begins with ``what``.
        BaseException: As the work raises.
    """
    done: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((True, work()))
        except BaseException as error:  # a user's own code may end its thread
            done.put((False, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        is_done, result = done.get(timeout=seconds)
    except Empty:
        raise NotInTimeError(f"{what} within {seconds:g} s") from None
    if not is_done:
        raise result
    return result  # type: ignore[no-any-return]
