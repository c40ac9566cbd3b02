"""Looks whether each node sees the sweep's folder, by files that are written there and removed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ratefront.orchestrate.cluster.check_nodes import SHARED_FOLDER, folder_problems
from ratefront.orchestrate.cluster.each_node import Ask, Node
from ratefront.readiness import CheckLine, NodeFinding, grouped


def storage(
    nodes: Sequence[Node], folder: Path, ask: Ask, patience_s: float, *, are_joined: bool
) -> list[CheckLine]:
    """Let nodes look for a file in the folder and write one. ``are_joined``: they are those of a cluster."""
    with _made_for_a_while(folder):
        problems = [*folder_problems(nodes, folder, ask, patience_s)]
    if are_joined:
        seen = {str(node["NodeManagerAddress"]) for node in nodes} - {address for address, _ in problems}
        text = f"{folder} is seen and written from there"
        lines = [CheckLine("ok", "storage", text, nodes=tuple(sorted(seen)))] if seen else []
    else:
        lines = [] if problems else [CheckLine("ok", "storage", f"{folder} can be written")]
    bad = [
        NodeFinding(address, "error", f"{folder} is not the same there ({why})", SHARED_FOLDER)
        for address, why in problems
    ]
    return [*lines, *grouped("storage", bad)]


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
