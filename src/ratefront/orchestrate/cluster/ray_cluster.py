"""Connects to the machines of a sweep: a cluster that runs, or this machine."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import grpc
import ray
from ray._private.grpc_utils import init_grpc_channel
from ray._private.ray_constants import GLOBAL_GRPC_OPTIONS
from ray._private.runtime_env.constants import RAY_JOB_CONFIG_JSON_ENV_VAR
from ray.exceptions import AuthenticationError
from ray.job_config import JobConfig

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.cluster.driver_watchdog import ClusterWatchdog
from ratefront.orchestrate.cluster.each_node import living_nodes
from ratefront.orchestrate.cluster.environment_variables import NamedCluster, named_cluster
from ratefront.orchestrate.cluster.shipped_modules import copied, import_folders
from ratefront.orchestrate.interrupts import Interrupted, Interrupts
from ratefront.wording import Argument, Message

#: Ray's object store carries nothing large: data and results go through files.
OBJECT_STORE_BYTES = 128 * 2**20

CONNECT_TIMEOUT_S = 10.0

#: A call that every head answers, and that asks for the token.
_ASK_ID = "/ray.rpc.NodeInfoGcsService/GetClusterId"


def local_cpus() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def connected(caught: Interrupts, address: str | None, own_code: Mapping[str, Path]) -> Iterator[bool]:
    """Connect to a cluster, or start one here; disconnect from it or end it afterwards.

    If this process is connected already, the connection stays, with the modules that it was told to send.

    Args:
        caught: The signals to this process.
        address: As ``named_cluster`` takes it.
        own_code: Files of the user's modules, by name: nodes that do not see them get a copy.

    Yields:
        Whether the cluster may have nodes whose software and disks are not this process's.

    Raises:
        InputError: There is no cluster that answers at the address, or the process is connected to another one.
        EngineError: Ray does not start here.
        ImportError: The installed Ray has no protection that we know for a cluster that is started here.
        Interrupted: A signal came meanwhile.
    """
    if ray.is_initialized():
        _check_connected_to(address)
        yield len(living_nodes()) > 1
        return
    joined = named_cluster(address)
    with ExitStack() as stack:
        starting: AbstractContextManager[None] = nullcontext()
        copies: list[str] = []
        if joined:
            _check_answers(joined)
            copies = stack.enter_context(copied(own_code))
        else:
            from ratefront.orchestrate.cluster.private_cluster import private_to_this_process

            starting = stack.enter_context(ClusterWatchdog()).watching()
            stack.enter_context(private_to_this_process())
        stack.callback(ray.shutdown)
        with caught.at_once(), starting:
            _start(joined, _SameImports(import_folders(own_code)), copies)
            caught.install()
        yield joined is not None


def _check_connected_to(address: str | None) -> None:
    """Check that the cluster to which this process is connected is the one that is asked for.

    Raises:
        InputError: It is another one.
    """
    connected_to = ray.get_runtime_context().gcs_address
    if address not in (None, "", "auto", connected_to):
        raise InputError(
            Message(
                Argument("address", address),
                f": this process is connected to Ray at {connected_to} already; leave the address out, or end that "
                "connection by ray.shutdown()",
            )
        )


def _check_answers(cluster: NamedCluster) -> None:
    """Check that the head of a cluster listens at the address: Ray itself would try for a quarter of an hour.

    Raises:
        InputError: Nothing listens there, or something else, or it asks for another token.
    """
    if "://" in cluster.address:
        raise _unreachable(cluster, "give HOST:PORT of the cluster's head, as `ray start` prints it, or auto")
    host, colon, port = cluster.address.rpartition(":")
    if not colon or not port.isdecimal():
        return  # ``auto``, or what Ray checks at once
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
        # Ray itself would try a wrong token for twenty seconds and print each answer.
        with init_grpc_channel(cluster.address, GLOBAL_GRPC_OPTIONS) as channel:
            channel.unary_unary(_ASK_ID)(b"", timeout=CONNECT_TIMEOUT_S)
    except (OSError, OverflowError) as error:
        raise _unreachable(cluster, error) from error
    except AuthenticationError as error:
        raise _unreachable(cluster, str(error).splitlines()[0]) from error
    except grpc.RpcError as error:
        raise _unreachable(cluster, _why(error)) from error


def lets_anyone_in(address: str) -> bool:
    """Return whether the head of a cluster at HOST:PORT answers somebody without a token."""
    try:
        with grpc.insecure_channel(address, GLOBAL_GRPC_OPTIONS) as channel:
            channel.unary_unary(_ASK_ID)(b"", timeout=CONNECT_TIMEOUT_S)
    except grpc.RpcError:
        return False
    return True


def _unreachable(cluster: NamedCluster, why: object) -> InputError:
    return InputError(Message(cluster.setting, f": no cluster can be reached there: {why}"))


def _why(error: Any) -> str:
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return "it asks for a token: set RAY_AUTH_MODE=token, and its token as RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
    return f"what answers is no head of a Ray cluster ({error.code().name}: {error.details()})"


def _start(cluster: NamedCluster | None, job_config: JobConfig, modules: list[str]) -> None:
    _silence_ray_prints()
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "job_config": job_config,
        "runtime_env": _sent_with(modules),
    }
    local: dict[str, Any] = {
        "num_cpus": local_cpus(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    try:
        ray.init(address=cluster.address if cluster else "local", **common, **({} if cluster else local))
    except SystemExit as end:
        raise Interrupted("SIGTERM") from end  # Ray's own handler of SIGTERM raises it
    except Exception as error:  # Ray raises errors of many kinds
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        if cluster:
            raise _unreachable(cluster, why) from error
        raise EngineError(f"Ray does not start on this machine: {why}") from error


def _sent_with(modules: list[str]) -> dict[str, Any] | None:
    """Return what Ray sends to nodes. A job that was submitted with modules has chosen them: Ray adds none."""
    of_job = json.loads(os.environ.get(RAY_JOB_CONFIG_JSON_ENV_VAR) or "{}").get("runtime_env") or {}
    return {"py_modules": modules} if modules and "py_modules" not in of_job else None


class _SameImports(JobConfig):
    """Lets workers import from the script's folder and the current one only where this process does so as well.

    Ray puts the current folder in front of everything that its workers import. It may be a stranger's, with a
    ``ratefront.py`` in it. Ray leaves that out where the workers get a working folder of their own.

    Workers also import from the folders of the user's own code; where a node does not have them, from what is sent.
    """

    def __init__(self, own_folders: Iterable[Path]) -> None:
        imported_from = {Path(folder).resolve() for folder in sys.path}
        folders = (Path(sys.argv[0]).resolve().parent, Path.cwd().resolve())
        same = [folder for folder in folders if folder in imported_from]
        super().__init__(_py_driver_sys_path=[str(folder) for folder in (*own_folders, *same)])

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def _silence_ray_prints() -> None:
    """Stop Ray from printing every lost worker to stdout, even with ``log_to_driver`` off. The ledger records it."""
    import ray._private.worker as driver

    def drop(data: object, ignore_prefix: bool = False) -> None: ...

    if hasattr(driver, "print_to_stdstream"):
        driver.print_to_stdstream = drop
