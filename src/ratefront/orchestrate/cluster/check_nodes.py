"""Checks each node of a cluster that a sweep joins: the same software as here, and the sweep's folder in sight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from ratefront.errors import InputError
from ratefront.orchestrate.cluster import node_facts
from ratefront.orchestrate.cluster.each_node import NodeAnswer, ask_each_node, living_nodes
from ratefront.orchestrate.cluster.node_facts import folder_problem, software_versions
from ratefront.orchestrate.cluster.version_check import version_problems


def check_nodes(folder: Path) -> None:
    """Check every node that can run trials.

    Raises:
        InputError: One does not answer, has other versions than this process, or does not see the sweep's folder. The
            message has a line for each problem and names the node.
    """
    nodes = [node for node in living_nodes() if node["Resources"].get("CPU", 0.0)]
    problems = [*_software_problems(nodes)]
    if not problems:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        problems = [*_folder_problems(nodes, folder)]
        if problems and is_new:
            folder.rmdir()
    if problems:
        raise InputError("\n".join(problems))


def _software_problems(nodes: list[dict[str, Any]]) -> Iterator[str]:
    here = software_versions()
    for answer in ask_each_node(nodes, software_versions, *[() for _ in nodes], by_value=node_facts):
        if answer.problem:
            yield f"node {answer.address}: {answer.problem}"
        else:
            yield from version_problems(here, answer.value, answer.address)


def _folder_problems(nodes: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """Let each node look for a file of the driver's, and the driver for a file of each node's."""
    token = uuid4().hex
    question, *answers = (folder / f".probe-{token}-{place}.tmp" for place in ("driver", *range(len(nodes))))
    try:
        question.touch()
        arguments = [(str(folder), question.name, answer.name) for answer in answers]
        found = ask_each_node(nodes, folder_problem, *arguments, by_value=node_facts)
        for answer, file in zip(found, answers, strict=True):
            if why := _why_not_shared(answer, file):
                yield (
                    f"node {answer.address}: the sweep's folder {folder} is not the same there ({why}): give a folder "
                    "on a file system that all nodes share"
                )
    finally:
        for file in (question, *answers):
            file.unlink(missing_ok=True)


def _why_not_shared(answer: NodeAnswer, file: Path) -> str:
    why = answer.problem or str(answer.value)
    return why or ("" if file.exists() else "what the node writes into it does not arrive here")
