"""Looks whether each node sees the sweep's folder, by files that are written there and removed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ratefront.orchestrate.cluster.check_nodes import SHARED_FOLDER, folder_problems
from ratefront.orchestrate.cluster.each_node import Ask, Node
from ratefront.readiness import CheckLine, NodeFinding, grouped


def storage(
    nodes: Sequence[Node], folder: Path, ask: Ask, patience_s: float, *, are_joined: bool
) -> list[CheckLine]:
    """Let nodes look for a file in the folder and write one. ``are_joined``: they are those of a cluster."""
    problems = folder_problems(nodes, folder, ask, patience_s)
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
