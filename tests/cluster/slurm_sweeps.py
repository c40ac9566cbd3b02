"""Sweeps of the digits, shortened, as jobs of the test's SLURM: their ledgers, processes and secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.cluster.slurm_cluster import NODES, SlurmCluster
from tests.processes import MARK, Marked

from ratefront.history.sweep_history import SweepHistory
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "cluster" / "slurm" / "sweep.sbatch"
DIGITS = ROOT / "sweeps" / "digits.yaml"
TRIALS = 5

_ENDED = ("CANCELLED", "COMPLETED", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")

#: Of Ray's agents some outlive a cluster for a moment.
GONE_WITHIN_S = 40.0


def _marked() -> Marked:
    """Processes by their mark alone, until the job has made a folder of its own."""
    marked = Marked()
    marked.ray_folder.rmdir()
    return marked


def _called(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


@dataclass
class SlurmSweep:
    """A sweep in its own place, and the job that runs it, or ran it last."""

    cluster: SlurmCluster
    place: Path
    marked: Marked = field(default_factory=_marked)
    number: str = ""
    epochs: int = 40

    @property
    def folder(self) -> SweepFolder:
        return SweepFolder(self.place / "runs" / "digits")

    @property
    def log(self) -> Path:
        return self.place / "job.log"

    def submit(self, *options: str) -> None:
        """Submit the job, with options of ``sbatch``; on two nodes, a core of each, unless they say otherwise."""
        addresses = ",".join(f"{node}={address}" for node, address in NODES.items())
        environment = os.environ | {
            MARK: self.marked.mark,
            "RATEFRONT_VENV": sys.prefix,
            "RATEFRONT_NODE_ADDRESSES": addresses,
            "PYTHONPATH": str(ROOT / "src"),
        }
        short = [
            "--trials",
            str(TRIALS),
            "--set",
            f"training.epochs={self.epochs}",
            "--set",
            "task_model.epochs=3",
            "--set",
            "resources.concurrent=3",
        ]
        where = ["--nodes=2", "--time=30", f"--output={self.log}", f"--chdir={self.place}"]
        self.number = self.cluster.run(
            *("sbatch", "--parsable", *where, *options, str(SCRIPT)),
            *(str(DIGITS), *short, "--out", str(self.folder.path)),
            environment=environment,
        )

    @property
    def history(self) -> SweepHistory:
        entries = read_entries(self.folder.ledger) if self.folder.ledger.exists() else ()
        return SweepHistory.of(entries)

    def wait(self, holds: Callable[[], object], what: str, within_s: float = 240) -> None:
        """Wait until it holds while the job runs."""

        def holds_and_runs() -> object:
            state = self.cluster.job(self.number)["JobState"]
            assert state not in _ENDED, f"{state}: {self.log.read_text()}"
            return holds()

        self.cluster.wait_for(holds_and_runs, what, within_s)

    def wait_for_training(self) -> None:
        """Wait until trials have ended and another is in the middle of its epochs; learn the job's own folder."""

        def trains() -> bool:
            history = self.history
            goes_on = history.halted is None and history.trials_ended >= 1
            return goes_on and any(trial.step >= 2 for trial in history.with_status("running"))

        self.wait(trains, "a trial that trains")
        self.learn_folder()

    def learn_folder(self) -> None:
        """Learn the folder of the job whose driver runs."""
        self.marked.ray_folder = Path(self.driver().environ()["RATEFRONT_JOB_FOLDER"])

    def end(self, *states: str, within_s: float = 240) -> dict[str, str]:
        """Wait for the job's end, and that it leaves nothing; return what SLURM knows of it."""
        job = self.cluster.wait_for_state(self.number, *states, within_s=within_s)
        self.marked.assert_none_left(GONE_WITHIN_S)
        assert not self.marked.ray_folder.exists()
        return job

    def processes(self) -> list[psutil.Process]:
        found = []
        for pid in self.marked.alive():
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(pid))
        return found

    def driver(self) -> psutil.Process:
        (driver,) = [one for one in self.processes() if "/bin/ratefront sweep " in _called(one)]
        return driver

    def secret(self) -> str:
        return self.driver().environ()["RAY_AUTH_TOKEN"]

    def raylets(self) -> dict[str, psutil.Process]:
        """Node → its raylet, which is the parent of the node's workers."""
        raylets = [one for one in self.processes() if one.name() == "raylet"]
        by_address = {
            one.cmdline()[_option(one, "--node_ip_address")].partition("=")[2]: one for one in raylets
        }
        return {node: by_address[address] for node, address in NODES.items() if address in by_address}

    def workers(self, node: str) -> list[psutil.Process]:
        """The processes that run trials on a node."""
        titles = ("ray::TrialActor", "ray::ResourceTrainable")
        with suppress(KeyError, psutil.NoSuchProcess):
            return [one for one in self.raylets()[node].children() if _called(one).startswith(titles)]
        return []


def _option(process: psutil.Process, name: str) -> int:
    return next(number for number, word in enumerate(process.cmdline()) if word.startswith(f"{name}="))


def resources_of(raylet: psutil.Process) -> dict[str, float]:
    """What a raylet offers to trials."""
    words = raylet.cmdline()[_option(raylet, "--static_resource_list")].partition("=")[2].split(",")
    offered = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    return {name: offered[name] for name in ("CPU", "GPU") if name in offered}
