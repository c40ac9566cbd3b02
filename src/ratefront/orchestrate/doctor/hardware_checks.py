"""Judges cores and GPUs of nodes: whether GPUs that Ray counts are there, free, and of use to torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ratefront.orchestrate.cluster.each_node import Node, NodeAnswer
from ratefront.readiness import CheckLine, NodeFinding, grouped

#: A GPU of which other programs use more than this share.
_BUSY = 0.1

_GIB, _MIB = 2**30, 2**20


def cluster(head: str, nodes: Sequence[Node], *, may_grow: bool) -> CheckLine:
    """Say how many nodes run trials. ``may_grow``: the cluster starts further nodes."""
    workers = sum(1 for node in nodes if node["Resources"].get("CPU"))
    text = f"{head} with {count_text(len(nodes), 'node')}, {workers} with cores"
    if workers or may_grow:
        return CheckLine("ok", "cluster", text)
    return CheckLine("error", "cluster", text, "start nodes with cores: trials run on them")


def hardware(answers: Iterable[NodeAnswer]) -> list[CheckLine]:
    """Say which cores and GPUs Ray counts on each node, and whether the GPUs are there and free."""
    answers = list(answers)
    lines = grouped(
        "hardware", [NodeFinding(answer.address, "ok", _hardware_text(answer)) for answer in answers]
    )
    return [*lines, *grouped("GPUs", [found for answer in answers for found in _gpu_findings(answer)])]


def torch_on_gpus(answers: Iterable[NodeAnswer], *, are_needed: bool) -> list[CheckLine]:
    """Judge whether torch can use the GPUs that Ray counts (see ``usable_gpus``).

    ``are_needed`` says that trials ask for GPUs: where torch cannot use them, these trials fail.
    """
    return grouped("GPUs", [_of_torch(answer, are_needed=are_needed) for answer in answers])


def _of_torch(answer: NodeAnswer, *, are_needed: bool) -> NodeFinding:
    counted, found = answer.node["Resources"].get("GPU", 0.0), answer.value
    if not found["is_known"]:
        text = f"it is not known whether torch can use a GPU: {found['problem']}"
        return NodeFinding(
            answer.address, "warning", text, "look whether `import torch` or the driver hangs there"
        )
    if not found["problem"]:
        text = f"torch {_built(found)} can use {count_text(found['count'], 'GPU')}"
        return NodeFinding(answer.address, "ok", text)
    of_torch = f"torch {_built(found)}" if found["torch"] else "torch"
    return NodeFinding(
        answer.address,
        "error" if are_needed else "warning",
        f"{of_torch} cannot use the {count_text(counted, 'GPU')} that Ray counts: {found['problem']}",
        "install a build of torch for the driver and the GPUs there, or a newer driver; or tell Ray the right number "
        "(`ray start` takes it)",
    )


def _built(found: Mapping[str, Any]) -> str:
    return f"{found['torch']} ({'for CUDA ' + found['cuda'] if found['cuda'] else 'without CUDA'})"


def _hardware_text(answer: NodeAnswer) -> str:
    has = answer.node["Resources"]
    text = count_text(has.get("CPU", 0.0), "core")
    if has.get("GPU"):
        text += f", {count_text(has['GPU'], 'GPU')}"
    gpus = [f"{gpu['name']}{_memory(gpu)}" for gpu in answer.value["gpus"] or []]
    kinds = [f"{gpus.count(kind)} × {kind}" for kind in dict.fromkeys(gpus)]
    return text + (f" ({', '.join(kinds)})" if kinds else "")


def _memory(gpu: Mapping[str, Any]) -> str:
    return f" of {gpu['total_mib'] * _MIB / _GIB:.1f} GiB" if gpu["total_mib"] else ""


def count_text(number: float, what: str) -> str:
    """Return a number with its unit, as ``2 GPUs``."""
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def _gpu_findings(answer: NodeAnswer) -> Iterator[NodeFinding]:
    counted, gpus = answer.node["Resources"].get("GPU", 0.0), answer.value["gpus"]
    if not counted:
        return
    if gpus is None or len(gpus) < counted:
        seen = (
            "nvidia-smi does not work" if gpus is None else f"nvidia-smi sees {count_text(len(gpus), 'GPU')}"
        )
        yield NodeFinding(
            answer.address,
            "warning",
            f"Ray counts {count_text(counted, 'GPU')}, but {seen}",
            "a trial that asks for a GPU fails there, if torch finds none: correct the driver, or the number that "
            "Ray was told",
        )
    for place, gpu in enumerate(gpus or []):
        if gpu["total_mib"] and gpu["used_mib"] and gpu["used_mib"] > _BUSY * gpu["total_mib"]:
            used, total = (gpu[key] * _MIB / _GIB for key in ("used_mib", "total_mib"))
            yield NodeFinding(
                answer.address,
                "warning",
                f"GPU {place} has {used:.1f} of {total:.1f} GiB in use already",
                "trials get a share of the whole memory: end the other programs, or ask for a larger share",
            )
