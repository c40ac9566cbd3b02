"""Connects to the machines of a sweep: the cluster named in ``RAY_ADDRESS``, or this machine."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ray
from ray.job_config import JobConfig

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.cluster.driver_watchdog import ClusterWatchdog
from ratefront.orchestrate.interrupts import Interrupted, Interrupts

#: Ray's object store carries nothing large: data and results go through files.
OBJECT_STORE_BYTES = 128 * 2**20

CONNECT_TIMEOUT_S = 10.0


def local_cpus() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def connected(caught: Interrupts) -> Iterator[None]:
    """Connect to the cluster, or start one here; disconnect from it or end it afterwards.

    If this process is connected already, the connection stays.

    Raises:
        InputError: ``RAY_ADDRESS`` names no cluster that answers.
        EngineError: Ray does not start here.
        ImportError: The installed Ray has no protection that we know for a cluster that is started here.
        Interrupted: A signal came meanwhile.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _check_answers(address)
    with ExitStack() as stack:
        starting: AbstractContextManager[None] = nullcontext()
        if not address:
            from ratefront.orchestrate.cluster.private_cluster import private_to_this_process

            starting = stack.enter_context(ClusterWatchdog()).watching()
            stack.enter_context(private_to_this_process())
        stack.callback(ray.shutdown)
        with caught.at_once(), starting:
            _start(address)
            caught.install()
        yield


def _start(address: str | None = None) -> None:
    _silence_ray_prints()
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "job_config": _SameImports(),
    }
    local: dict[str, Any] = {
        "num_cpus": local_cpus(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    try:
        ray.init(address=address or "local", **common, **({} if address else local))
    except SystemExit as end:
        raise Interrupted("SIGTERM") from end  # Ray's own handler of SIGTERM raises it
    except Exception as error:  # Ray raises errors of many kinds
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        if address:
            raise InputError(f"RAY_ADDRESS: no cluster can be reached at {address!r}: {why}") from error
        raise EngineError(f"Ray does not start on this machine: {why}") from error


class _SameImports(JobConfig):
    """Lets workers import from the script's folder and the current one only where this process does so as well.

    Ray puts the current folder in front of everything that its workers import. It may be a stranger's, with a
    ``ratefront.py`` in it. Ray leaves that out where the workers get a working folder of their own.
    """

    def __init__(self) -> None:
        imported_from = {Path(folder).resolve() for folder in sys.path}
        folders = (Path(sys.argv[0]).resolve().parent, Path.cwd().resolve())
        super().__init__(_py_driver_sys_path=[str(folder) for folder in folders if folder in imported_from])

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def _check_answers(address: str) -> None:
    """Check that something listens at the address: Ray itself would try for a quarter of an hour.

    Raises:
        InputError: Nothing listens there.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or "://" in address:
        return  # one of Ray's own names, which Ray checks at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"RAY_ADDRESS: nothing answers at {address}: {error}") from error


def _silence_ray_prints() -> None:
    """Stop Ray from printing every lost worker to stdout, even with ``log_to_driver`` off. The ledger records it."""
    import ray._private.worker as driver

    def drop(data: object, ignore_prefix: bool = False) -> None: ...

    if hasattr(driver, "print_to_stdstream"):
        driver.print_to_stdstream = drop
