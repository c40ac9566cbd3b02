"""A real SLURM of two nodes on this machine: its own munge, controller and node daemons, in a folder of its own.

Two of them do not disturb each other, nor a SLURM that is installed for the machine: ports are free ones, and the
configuration and the key for munge lie in the folder. Needs Debian's ``slurm-wlm`` and ``munge``, and root.

``python tests/cluster/slurm_cluster.py`` starts one to try things on, until Ctrl-C.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

#: Node → address. Both nodes have this machine's host name.
NODES = {"n1": "127.0.0.2", "n2": "127.0.0.3"}
CPUS_PER_NODE = GPUS_PER_NODE = 2

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "squeue")

#: A job that was requeued waits until its credential is too old to be used again: here 5 s, by default 2 minutes.
_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldDebug=debug
SlurmdDebug=debug
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
GresTypes=gpu
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
JobRequeue=1
KillWait=30
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0
"""
_NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr={address} Port={port} "
    "CPUs={cpus} RealMemory=1000 Gres=gpu:{gpus}\n"
)
_PARTITION = "PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP OverSubscribe=NO\n"


def missing() -> str | None:
    """Return why no SLURM can be started here, or None."""
    if os.geteuid() != 0:
        return "a SLURM of two nodes on one machine needs root"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"Debian's slurm-wlm and munge are not installed: no {', '.join(lacking)}" if lacking else None


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]


class SlurmCluster:
    """The commands of a running SLURM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Run a command of SLURM's and return what it prints."""
        done = subprocess.run(
            command,
            env=(os.environ if environment is None else environment) | self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """What ``scontrol show job`` says of a job."""
        words = self.run("scontrol", "show", "job", "--details", "--oneliner", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_for(self, holds: Callable[[], Any], what: str, within_s: float = 120) -> Any:
        deadline = time.monotonic() + within_s
        while not (found := holds()):
            assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
            time.sleep(0.2)
        return found

    def wait_for_state(self, number: str, *states: str, within_s: float = 120) -> dict[str, str]:
        """Wait until a job has one of these states, and return what is known of it."""
        self.wait_for(lambda: self.job(number)["JobState"] in states, f"job {number} {states}", within_s)
        return self.job(number)


def _write_configuration(folder: Path) -> None:
    host = socket.gethostname().partition(".")[0]
    controller_port, *node_ports = _free_ports(1 + len(NODES))
    text = _CONFIGURATION.format(host=host, folder=folder, controller_port=controller_port)
    for (name, address), port in zip(NODES.items(), node_ports, strict=True):
        text += _NODE.format(
            name=name, host=host, address=address, port=port, cpus=CPUS_PER_NODE, gpus=GPUS_PER_NODE
        )
        (folder / f"spool-{name}").mkdir()
    (folder / "slurm.conf").write_text(text + _PARTITION)
    # Any character device passes for a GPU: jobs get CUDA_VISIBLE_DEVICES, and nothing opens the device.
    devices = f"/dev/tty[0-{GPUS_PER_NODE - 1}]"
    (folder / "gres.conf").write_text(f"NodeName={','.join(NODES)} Name=gpu File={devices}\n")
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))


@contextmanager
def _daemon(folder: Path, *command: str) -> Iterator[None]:
    with (folder / "daemons.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"SLURM_CONF": str(folder / "slurm.conf")},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _munge_files(folder: Path) -> list[str]:
    files = {"socket": "munge.socket", "key-file": "munge.key", "log-file": "munge.log"}
    files |= {"pid-file": "munge.pid", "seed-file": "munge.seed"}
    return [f"--{option}={folder / name}" for option, name in files.items()]


@contextmanager
def two_nodes() -> Iterator[SlurmCluster]:
    """Start SLURM, and end it with all its jobs."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # sockets may not have long names
    folder.chmod(0o755)
    _write_configuration(folder)
    cluster = SlurmCluster(folder)
    try:
        with ExitStack() as stack:
            stack.enter_context(_daemon(folder, "munged", "--foreground", "--force", *_munge_files(folder)))
            cluster.wait_for((folder / "munge.socket").exists, "munge", 10)
            stack.enter_context(_daemon(folder, "slurmctld", "-D"))
            for name in NODES:
                stack.enter_context(_daemon(folder, "slurmd", "-D", "-N", name))
            cluster.wait_for(lambda: _idle(cluster) == len(NODES), "idle nodes", 60)
            stack.callback(_cancel_all, cluster)
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _idle(cluster: SlurmCluster) -> int:
    with suppress(AssertionError):  # the controller does not answer yet
        return cluster.run("sinfo", "--noheader", "--Node", "--states=idle", "--format=%N").split().__len__()
    return 0


def _cancel_all(cluster: SlurmCluster) -> None:
    for number in cluster.run("squeue", "--noheader", "--format=%i").split():
        cluster.run("scancel", "--signal=KILL", "--full", number)
    cluster.wait_for(lambda: not cluster.run("squeue", "--noheader"), "an empty queue", 60)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C
    with suppress(KeyboardInterrupt), two_nodes() as started:
        print(f"export SLURM_CONF={started.folder / 'slurm.conf'}", flush=True)
        signal.pause()
