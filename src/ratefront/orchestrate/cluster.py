"""The machines of a sweep: a cluster that is named in ``RAY_ADDRESS``, or this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray

from ratefront.errors import InputError
from ratefront.spec.capacity import check_capacity
from ratefront.spec.schema import Resources, SweepSpec

#: Nothing large travels through Ray's object store: data and results go by files.
OBJECT_STORE_BYTES = 128 * 2**20


def local_cpus() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def cluster(spec: SweepSpec) -> Iterator[int]:
    """Connect to the cluster, or start one here and end it afterwards; gives the slots that this sweep has
    there.

    Raises
    ------
    InputError
        No node has what one trial asks for.
    """
    if ray.is_initialized():
        yield slots(spec)
        return
    _start()
    try:
        yield slots(spec)
    finally:
        ray.shutdown()


def _hush_raylet() -> None:
    """Ray prints every lost worker to stdout, whatever ``log_to_driver`` says; the ledger tells it better."""
    import ray._private.worker as driver

    def drop(data: object, ignore_prefix: bool = False) -> None: ...

    if hasattr(driver, "print_to_stdstream"):
        driver.print_to_stdstream = drop


def _start() -> None:
    _hush_raylet()
    address = os.environ.get("RAY_ADDRESS")
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if address:
        ray.init(address=address, **common)
    else:
        ray.init(
            address="local",
            num_cpus=local_cpus(),
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            **common,
        )


def slots(spec: SweepSpec) -> int:
    """How many trials run at the same time: what was asked for, or fewer where the nodes hold fewer."""
    nodes = [node["Resources"] for node in _nodes() if node["Alive"]]
    room = sum(_room(node, spec.resources) for node in nodes)
    if room:
        return min(room, spec.resources.concurrent)
    cpus = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
    gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    problems = check_capacity(spec, cpus, gpus) or ["resources: no node has these CPUs and GPUs together"]
    raise InputError("\n".join(problems))


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def _room(node: Mapping[str, float], resources: Resources) -> int:
    """Trials that fit on a node; a share of a GPU lies on one GPU."""
    by_cpu = int(node.get("CPU", 0.0) / resources.cpus)
    if not resources.gpus:
        return by_cpu
    gpus = node.get("GPU", 0.0)
    by_gpu = int(gpus) * int(1 / resources.gpus) if resources.gpus < 1 else int(gpus / resources.gpus)
    return min(by_cpu, by_gpu)
