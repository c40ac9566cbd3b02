"""Connects to the machines of a sweep: a cluster that runs, or this machine."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import ray
from ray._private.grpc_utils import init_grpc_channel
from ray.job_config import JobConfig

from ratefront.errors import EngineError, InputError
from ratefront.orchestrate.cluster.driver_watchdog import ClusterWatchdog
from ratefront.orchestrate.cluster.each_node import living_nodes
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

    If this process is connected already, the connection stays.

    Args:
        caught: The signals to this process.
        address: The cluster's address, HOST:PORT, or ``auto`` for one that runs on this machine; None: that in
            ``RAY_ADDRESS``, or a cluster of this machine that is started here.
        own_code: Files of the user's modules, by name: nodes that do not see them get a copy.

    Yields:
        Whether the cluster may have nodes whose software and disks are not this process's.

    Raises:
        InputError: There is no cluster that answers at the address.
        EngineError: Ray does not start here.
        ImportError: The installed Ray has no protection that we know for a cluster that is started here.
        Interrupted: A signal came meanwhile.
    """
    if ray.is_initialized():
        yield len(living_nodes()) > 1
        return
    joined = _joined(address)
    with ExitStack() as stack:
        starting: AbstractContextManager[None] = nullcontext()
        copies: list[str] = []
        if joined:
            joined.check_answers()
            copies = stack.enter_context(copied(own_code))
        else:
            from ratefront.orchestrate.cluster.private_cluster import private_to_this_process

            starting = stack.enter_context(ClusterWatchdog()).watching()
            stack.enter_context(private_to_this_process())
        stack.callback(ray.shutdown)
        with caught.at_once(), starting:
            _start(joined, _SameImports(import_folders(own_code), copies))
            caught.install()
        yield joined is not None


class _Joined(NamedTuple):
    """The address of a cluster that runs, and the setting that named it."""

    address: str
    setting: Argument | str

    def error(self, why: object) -> InputError:
        return InputError(Message(self.setting, f": no cluster can be reached there: {why}"))

    def check_answers(self) -> None:
        """Check that the head of a cluster listens at the address: Ray itself would try for a quarter of an hour.

        Raises:
            InputError: Nothing listens there, or something else, or it asks for another token.
        """
        if "://" in self.address:
            raise self.error("give HOST:PORT of the cluster's head, as `ray start` prints it, or auto")
        host, colon, port = self.address.rpartition(":")
        if not colon or not port.isdecimal():
            return  # one of Ray's own names, which Ray checks at once
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
            # Ray itself would try a wrong token for twenty seconds and print each answer.
            init_grpc_channel(self.address).unary_unary(_ASK_ID)(b"", timeout=CONNECT_TIMEOUT_S)
        except (OSError, OverflowError) as error:
            raise self.error(error) from error
        except grpc.RpcError as error:
            raise self.error(_why(error)) from error


def lets_anyone_in(address: str) -> bool:
    """Return whether the head of a cluster at HOST:PORT answers somebody without a token."""
    try:
        with grpc.insecure_channel(address) as channel:
            channel.unary_unary(_ASK_ID)(b"", timeout=CONNECT_TIMEOUT_S)
    except grpc.RpcError:
        return False
    return True


def _why(error: Any) -> str:
    if error.code() is grpc.StatusCode.UNAUTHENTICATED:
        return "it asks for a token: set RAY_AUTH_MODE=token, and its token as RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
    return f"what answers is no head of a Ray cluster ({error.code().name}: {error.details()})"


def _joined(address: str | None) -> _Joined | None:
    if address:
        return _Joined(address, Argument("address", address))
    named = os.environ.get("RAY_ADDRESS")
    return _Joined(named, f"RAY_ADDRESS={named}") if named else None


def _start(joined: _Joined | None, job_config: JobConfig) -> None:
    _silence_ray_prints()
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "job_config": job_config,
    }
    local: dict[str, Any] = {
        "num_cpus": local_cpus(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    try:
        ray.init(address=joined.address if joined else "local", **common, **({} if joined else local))
    except SystemExit as end:
        raise Interrupted("SIGTERM") from end  # Ray's own handler of SIGTERM raises it
    except Exception as error:  # Ray raises errors of many kinds
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        if joined:
            raise joined.error(why) from error
        raise EngineError(f"Ray does not start on this machine: {why}") from error


class _SameImports(JobConfig):
    """Lets workers import from the script's folder and the current one only where this process does so as well.

    Ray puts the current folder in front of everything that its workers import. It may be a stranger's, with a
    ``ratefront.py`` in it. Ray leaves that out where the workers get a working folder of their own.

    Workers also import from the folders of the user's own code; where a node does not have them, from the copies.
    """

    def __init__(self, own_folders: Iterable[Path], copies: list[str]) -> None:
        imported_from = {Path(folder).resolve() for folder in sys.path}
        folders = (Path(sys.argv[0]).resolve().parent, Path.cwd().resolve())
        same = [folder for folder in folders if folder in imported_from]
        super().__init__(
            _py_driver_sys_path=[str(folder) for folder in (*own_folders, *same)],
            runtime_env={"py_modules": copies} if copies else None,
        )

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def _silence_ray_prints() -> None:
    """Stop Ray from printing every lost worker to stdout, even with ``log_to_driver`` off. The ledger records it."""
    import ray._private.worker as driver

    def drop(data: object, ignore_prefix: bool = False) -> None: ...

    if hasattr(driver, "print_to_stdstream"):
        driver.print_to_stdstream = drop
