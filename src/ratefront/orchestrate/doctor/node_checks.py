"""Judges what nodes have answered: each check turns answers into a line for all nodes of which the same holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ratefront.errors import InputError
from ratefront.orchestrate.cluster.check_nodes import SHARED_FOLDER
from ratefront.orchestrate.cluster.each_node import Node, NodeAnswer
from ratefront.orchestrate.cluster.slots import check_capacity_of_nodes, count_slots
from ratefront.orchestrate.cluster.version_check import version_problems
from ratefront.orchestrate.doctor.hardware_checks import count_text
from ratefront.readiness import CheckLine, NodeFinding, grouped
from ratefront.spec.resource_check import needs_by_family
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.wording import Message

#: So little space makes a warning, and so little an error.
LITTLE_BYTES, NO_BYTES = 2**30, 64 * 2**20
#: From there on Ray takes no more objects on a disk.
RAY_FULL = 0.95
#: Ray's object store of a cluster that a sweep starts.
_STORE_BYTES = 128 * 2**20
#: Clocks that differ by more make the times of files and logs hard to compare.
CLOCK_S = 2.0

_GIB, _MIB = 2**30, 2**20


def unanswered(check: str, answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Return a line for nodes that have not answered."""
    return grouped(
        check,
        [
            NodeFinding(
                answer.address,
                "error",
                answer.problem,
                "look whether Ray runs there (`ray status`), and whether the node can start processes; or take it "
                "out of the cluster",
            )
            for answer in answers
            if answer.problem
        ],
    )


def software(answers: Iterable[NodeAnswer], here: Mapping[str, str]) -> list[CheckLine]:
    """Compare the software of nodes with that of this process."""

    def judge(answer: NodeAnswer) -> NodeFinding:
        differing = [*version_problems(here, answer.value, answer.address)]
        if not differing:
            return NodeFinding(answer.address, "ok", _named(answer.value))
        other = {
            name: answer.value.get(name, "") for name, own in here.items() if answer.value.get(name) != own
        }
        own = {name: here[name] for name in other}
        return NodeFinding(
            answer.address,
            "error",
            f"{_named(other)}, but here {_named(own)}",
            "install the same there as here",
        )

    return grouped("software", map(judge, answers))


def resources(
    spec: SweepSpec, nodes: Sequence[Node], answers: Iterable[NodeAnswer], *, may_grow: bool
) -> CheckLine:
    """Compare what the sweep file asks for with what the nodes have. ``may_grow``: the cluster starts further nodes."""
    there = [node["Resources"] for node in nodes]
    try:
        check_capacity_of_nodes(spec, there)
    except InputError as error:
        advice = "ask for less in the sweep file, or add a node that has it"
        if may_grow:
            return CheckLine(
                "warning", "resources", Message(error), f"the cluster has to start one: else {advice}"
            )
        return CheckLine("error", "resources", Message(error), advice)
    at_once, wanted = count_slots(spec, there), spec.resources.concurrent
    text = f"room for {count_text(at_once, 'trial')} at a time"
    text += f"; resources.concurrent allows {wanted}" if wanted > at_once else ""
    shares = {needs.gpus for needs in needs_by_family(spec).values() if needs.gpus}
    memory = [
        gpu["total_mib"] for answer in answers for gpu in answer.value["gpus"] or [] if gpu["total_mib"]
    ]
    if shares and memory:
        least = min(shares) * min(memory) * _MIB / _GIB
        text += f"; a trial gets at least {least:.1f} GiB of a GPU's memory"
    return CheckLine("ok", "resources", text)


def space(answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Judge the free space of each folder on each node; those with enough share a line that says how much at least."""
    found: list[NodeFinding] = []
    enough: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for answer in answers:
        for name, each in answer.value["space"].items():
            if problem := _space_problem(name, each):
                found.append(NodeFinding(answer.address, *problem))
            else:
                enough.setdefault((name, each["place"]), []).append((answer.address, each["free"]))
    lines = [
        CheckLine(
            "ok",
            "space",
            f"{_PLACES[name]} {place}: at least {min(free for _, free in there) / _GIB:.1f} GiB free",
            nodes=tuple(address for address, _ in there if address),
        )
        for (name, place), there in enough.items()
    ]
    return [*lines, *grouped("space", found)]


def storage(
    nodes: Sequence[Node], folder: Path, problems: Sequence[tuple[str, str]], *, are_joined: bool
) -> list[CheckLine]:
    """Judge on which nodes the folder is the same (see ``folder_problems``). ``are_joined``: they are a cluster's."""
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


def clocks(rounds: Iterable[Iterable[NodeAnswer]]) -> list[CheckLine]:
    """Compare the nodes' clocks with this one. Of several rounds, the fastest answer of a node counts.

    A clock may be off by the half of the round trip more or less: only what is beyond that counts.
    """
    best: dict[str, tuple[float, float]] = {}
    for answers in rounds:
        for answer in answers:
            if answer.problem:
                continue
            half_s = (answer.answered_at - answer.asked_at) / 2
            offset_s = answer.value - (answer.asked_at + half_s)
            if answer.address not in best or half_s < best[answer.address][1]:
                best[answer.address] = (offset_s, half_s)
    good = {address: both for address, both in best.items() if abs(both[0]) - both[1] <= CLOCK_S}
    lines = []
    if good:
        most = max(abs(offset) + half for offset, half in good.values())
        lines.append(CheckLine("ok", "clocks", f"at most {most:.2g} s off this one", nodes=tuple(good)))
    wrong = [
        NodeFinding(
            address,
            "warning",
            f"its clock is {abs(offset):.3g} ± {half:.1g} s {'ahead of' if offset > 0 else 'behind'} this one",
            "let a time service set it (chrony, systemd-timesyncd): times of files and logs do not compare",
        )
        for address, (offset, half) in best.items()
        if address not in good
    ]
    return [*lines, *grouped("clocks", wrong)]


def secrets(answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Warn of files with a token that other users can read."""
    return grouped(
        "access",
        [
            NodeFinding(
                answer.address,
                "warning",
                f"other users can read Ray's token in {file}",
                f"chmod 600 {file}; who has read it may run code on the cluster: make a new token",
            )
            for answer in answers
            for file in answer.value["open_secrets"]
        ],
    )


def inputs(answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Judge data, task model and metrics on each node (see ``available_inputs``)."""
    found: dict[str, list[NodeFinding]] = {}
    contents: dict[str, list[tuple[str, str, str]]] = {}
    for answer in answers:
        for what, is_usable, text, content in answer.value:
            if is_usable:
                contents.setdefault(what, []).append((answer.address, text, content))
            else:
                finding = NodeFinding(answer.address, "error", text, _ADVICE[what])
                found.setdefault(what, []).append(finding)
    for what, usable in contents.items():
        most = Counter(content for *_, content in usable).most_common(1)[0][0]
        found.setdefault(what, []).extend(
            NodeFinding(address, "ok", text)
            if content == most
            else NodeFinding(address, "error", f"not the same as on most nodes: {text}", _ADVICE[what])
            for address, text, content in usable
        )
    return [line for what in found for line in grouped(what, found[what])]


_ADVICE = {
    "data": "put the same files where each node sees them under the same path",
    "task model": "it has to be built on each node: install there what its code imports, and put its weights there",
    "metrics": "install on each node what they import",
}

#: What the folders of ``node_state`` are.
_PLACES = {
    "folder": "the sweep's folder",
    "cache": "the cache",
    "ray": "Ray's folder",
    "shared memory": "shared memory",
}


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _space_problem(name: str, each: Mapping[str, Any]) -> tuple[Any, str, str] | None:
    """Return level, text and advice where a folder has too little space, or cannot be written."""
    place = f"{_PLACES[name]} {each['place']}"
    if name == "shared memory":
        return _shared_memory_problem(place, each["free"])
    if not each["writable"]:
        return "error", f"{place} cannot be written", "change its owner or mode, or name another"
    if each["free"] < LITTLE_BYTES:
        level = "error" if each["free"] < NO_BYTES else "warning"
        return level, f"{place} has {each['free'] / _MIB:.0f} MiB free", "make room, or name another"
    if name == "ray" and each["free"] < (1 - RAY_FULL) * each["total"]:
        text = f"{place} is on a disk that is over {RAY_FULL:.0%} full: Ray puts no objects there"
        return "warning", text, "make room, or set RAY_TMPDIR where Ray is started"
    return None


def _shared_memory_problem(place: str, free: float) -> tuple[Any, str, str] | None:
    if free >= _STORE_BYTES:
        return None
    text = f"{place} has {free / _MIB:.0f} MiB free, and Ray's object store takes {_STORE_BYTES // _MIB}"
    return "warning", text, "Ray uses a file instead, which is slower; give a container more (its shm size)"
