"""Checks each node of a cluster that a sweep joins: the same software as here, and the sweep's folder in sight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ratefront.errors import InputError
from ratefront.orchestrate.cluster import node_facts
from ratefront.orchestrate.cluster.each_node import (
    PATIENCE_S,
    Ask,
    Node,
    NodeAnswer,
    ask_each_node,
    living_nodes,
)
from ratefront.orchestrate.cluster.node_facts import folder_problem, software_versions
from ratefront.orchestrate.cluster.version_check import own_versions, version_problems

#: What to do where a node does not see the sweep's folder.
SHARED_FOLDER = "give a folder on a file system that all nodes share"


def check_nodes(folder: Path) -> None:
    """Check every node that can run trials.

    Raises:
        InputError: One does not answer, has other versions than this process, or does not see the sweep's folder. The
            message has a line for each problem and names the node.
    """
    nodes = [node for node in living_nodes() if node["Resources"].get("CPU", 0.0)]
    problems = [*_software_problems(nodes)]
    if not problems:
        try:
            problems = [
                f"node {address}: the sweep's folder {folder} is not the same there ({why}): {SHARED_FOLDER}"
                for address, why in folder_problems(nodes, folder)
            ]
        except OSError as error:
            raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    if problems:
        raise InputError("\n".join(problems))


def _software_problems(nodes: Iterable[Node]) -> Iterator[str]:
    here = own_versions()
    for answer in ask_each_node(nodes, software_versions, by_value=node_facts):
        if answer.problem:
            yield f"node {answer.address}: {answer.problem}"
        else:
            yield from version_problems(here, answer.value, answer.address)


def folder_problems(
    nodes: Iterable[Node], folder: Path, ask: Ask = ask_each_node, patience_s: float = PATIENCE_S
) -> list[tuple[str, str]]:
    """Let each node look for a file of this process in ``folder``, and look here for a file of each node's.

    The folder and the files are removed again where they were not there.

    Returns:
        Address and reason of each node on which the folder is not the same.

    Raises:
        OSError: The folder cannot be written here.
    """
    nodes = list(nodes)
    question = folder / f".probe-{uuid4().hex}.tmp"

    def file_of(node: Node) -> Path:
        return question.with_stem(f"{question.stem}-{node['NodeID']}")

    def why(answer: NodeAnswer) -> str:
        if answer.problem or answer.value:
            return str(answer.problem or answer.value)
        return "" if file_of(answer.node).exists() else "what the node writes into it does not arrive here"

    with _made_for_a_while(folder):
        try:
            question.touch()
            answers = ask(
                nodes,
                folder_problem,
                lambda node: (str(question), str(file_of(node))),
                by_value=node_facts,
                patience_s=patience_s,
            )
            return [(answer.address, why(answer)) for answer in answers if why(answer)]
        finally:
            for file in (question, *map(file_of, nodes)):
                file.unlink(missing_ok=True)


@contextmanager
def _made_for_a_while(folder: Path) -> Iterator[None]:
    """Make a folder that is missing, and remove it at the end, with those above it that were made."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for each in made:
            with suppress(OSError):  # it was not made, or somebody else has put something into it meanwhile
                each.rmdir()
