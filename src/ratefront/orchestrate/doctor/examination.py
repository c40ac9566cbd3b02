"""Makes all checks one after another, and passes each line on as soon as it is known."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from ratefront.errors import RatefrontError
from ratefront.orchestrate.cluster import node_facts
from ratefront.orchestrate.cluster.check_nodes import SHARED_FOLDER, folder_problems
from ratefront.orchestrate.cluster.each_node import Ask, Node, NodeAnswer, ask_each_node, living_nodes
from ratefront.orchestrate.cluster.environment_variables import named_cluster
from ratefront.orchestrate.cluster.node_facts import software_versions
from ratefront.orchestrate.cluster.version_check import own_versions
from ratefront.orchestrate.doctor import (
    driver_checks,
    hardware_checks,
    node_checks,
    node_state,
    open_ports,
    port_checks,
    usable_gpus,
)
from ratefront.orchestrate.doctor.this_machine import ask_here, this_machine
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.readiness import CheckLine
from ratefront.spec.resource_check import needs_by_family
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.wording import Message

#: How long each question may take. The first one waits for processes to start; the last one for torch and the data.
FIRST_S, NEXT_S, INPUTS_S, GPUS_S = 20.0, 8.0, 20.0, usable_gpus.TORCH_WITHIN_S + 2
#: The first round trip to a process is slower than the others.
_CLOCK_ROUNDS = 3


@dataclass(frozen=True)
class Question:
    """What is asked of the doctor: the arguments of ``rf.doctor``.

    Attributes:
        source: The sweep file, or its content; None: what no sweep file needs is looked at.
        folder: The folder of the sweep, absolute.
        is_folder_given: Whether the user named it. Else it is looked at where it would be made.
        overrides: Changes to the sweep file.
        tracking_uri: The store, in place of the sweep file's.
        address: The cluster, as for a sweep.
        is_autoscaling: As for a sweep.
    """

    source: Path | Mapping[str, Any] | None = None
    folder: Path = Path("runs")
    is_folder_given: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tracking_uri: str | None = None
    address: str | None = None
    is_autoscaling: bool = False

    @property
    def joins(self) -> bool:
        """Whether there is a cluster to join."""
        return named_cluster(self.address) is not None


Say = Callable[[CheckLine], None]


def examine(question: Question, say: Say, about: Callable[[str], None] = lambda check: None) -> None:
    """Make all checks. ``say`` gets each line, ``about`` the name of the check that begins."""
    examination = Examination(question, say, about)
    examination.look_here()
    if question.joins:
        examination.look_at_cluster()
    else:
        examination.look_at_nodes([this_machine()], ask_here)


class Examination:
    """The checks; each is made also where another has failed."""

    def __init__(self, question: Question, say: Say, about: Callable[[str], None]) -> None:
        self._question, self._say, self._about = question, say, about
        self._spec: SweepSpec | None = None
        self._is_folder_usable = True

    @contextmanager
    def _check(self, check: str, advice: str = "") -> Iterator[None]:
        """Let a check that fails say so, so that the others are made all the same."""
        self._about(check)
        try:
            yield
        except RatefrontError as error:
            self._say(CheckLine("error", check, Message(error), advice))
        except OSError as error:
            said = filter(None, (error.filename, error.strerror or str(error)))
            self._say(CheckLine("error", check, ": ".join(map(str, said)), advice))
        except Exception as error:  # a check must not end the others, whatever it met
            self._say(CheckLine("error", check, f"could not be looked at: {type(error).__name__}: {error}"))

    def _all(self, lines: Iterable[CheckLine]) -> None:
        for line in lines:
            self._say(line)

    def look_here(self) -> None:
        """Look at what needs no node."""
        question = self._question
        if question.source is not None:
            with self._check("sweep file"):
                self._spec, line = driver_checks.sweep_file(question.source, question.overrides)
                self._say(line)
        with self._check("Ray"):
            self._say(driver_checks.installed_ray())
        with self._check("access"):
            self._all(filter(None, [driver_checks.access_mode(joins=question.joins)]))
        if question.is_folder_given:
            with self._check("folder"):
                self._is_folder_usable = False  # unless the check comes to its end
                lines = driver_checks.sweep_folder(question.folder, self._spec)
                self._is_folder_usable = all(line.level != "error" for line in lines)
                self._all(lines)
        if self._spec is not None or question.tracking_uri:
            with self._check("tracking"):
                folder = question.folder if question.is_folder_given else question.folder / "any"
                self._all(driver_checks.tracking(self._spec, folder, question.tracking_uri))

    def look_at_cluster(self) -> None:
        """Join the cluster as a sweep does, and look at its nodes."""
        with self._check("cluster", "start one (docs/cluster.md), or correct the address"):
            from ratefront.orchestrate.cluster.ray_cluster import connected
            from ratefront.orchestrate.cluster.ray_logging import quiet_ray
            from ratefront.orchestrate.cluster.shipped_modules import own_code

            shipped = {} if self._spec is None else own_code(self._spec)
            ended = signal.getsignal(signal.SIGTERM)
            with quiet_ray(), connected(Interrupts(), self._question.address, shipped):
                # A sweep's handler only takes notes of a signal. This process ends at once, and tidies up.
                signal.signal(signal.SIGTERM, ended)
                nodes = living_nodes()
                self._say_of_cluster(nodes)
                self.look_at_nodes(nodes, ask_each_node)

    def _say_of_cluster(self, nodes: list[Node]) -> None:
        import ray

        from ratefront.orchestrate.cluster.ray_cluster import lets_anyone_in

        head = ray.get_runtime_context().gcs_address
        self._say(hardware_checks.cluster(head, nodes, may_grow=self._question.is_autoscaling))
        with self._check("access"):
            if lets_anyone_in(head):
                self._say(
                    CheckLine(
                        "warning",
                        "access",
                        f"{head} asks for no token: who reaches it runs code as you on every node",
                        "start Ray on every node with RAY_AUTH_MODE=token and one token (docs/cluster.md)",
                    )
                )
            else:
                self._say(CheckLine("ok", "access", f"{head} refuses who has no token"))

    def look_at_nodes(self, nodes: list[Node], ask: Ask) -> None:
        """Ask each node. One that does not answer the first question is not asked again."""
        asking = _Asking(ask, self._say)
        software: list[NodeAnswer] = []
        with self._check("nodes"):
            software = asking.all_of(nodes, software_versions, node_facts, FIRST_S, check="nodes")
        nodes = [answer.node for answer in software]
        workers, here = [node for node in nodes if _has_cores(node)], own_versions()
        with self._check("software"):
            self._all(node_checks.software((each for each in software if each.node in workers), here))
        with self._check("hardware"):
            self._look_at_state(asking, nodes, workers)
        with self._check("GPUs"):
            self._look_at_gpus(asking, workers)
        if self._is_folder_usable:
            with self._check("storage", SHARED_FOLDER):
                folder = self._question.folder
                problems = folder_problems(workers, folder, ask, NEXT_S)
                self._all(node_checks.storage(workers, folder, problems, are_joined=self._question.joins))
        if self._question.joins:
            with self._check("clocks"):
                clock = partial(ask, nodes, node_state.clock, by_value=node_state, patience_s=NEXT_S)
                self._all(node_checks.clocks([clock() for _ in range(_CLOCK_ROUNDS)]))
        with self._check("ports"):
            answers = asking.all_of(nodes, open_ports.open_ports, open_ports, NEXT_S, check="ports")
            self._all(port_checks.ports(answers))
        with self._check("data"):
            self._look_at_inputs(asking, [each.node for each in software if each.value == here])

    def _look_at_inputs(self, asking: _Asking, nodes: list[Node]) -> None:
        """Look at data and task model on nodes with this process's ratefront and with cores."""
        if self._spec is not None:
            arguments = (self._spec.model_dump_json(),)
            workers = filter(_has_cores, nodes)
            look = node_state.look_at_inputs
            answers = asking.all_of(workers, look, node_state, INPUTS_S, lambda node: arguments, check="data")
            self._all(node_checks.inputs(answers))

    def _look_at_gpus(self, asking: _Asking, workers: list[Node]) -> None:
        """Let torch look at the GPUs that Ray counts."""
        with_gpus = [node for node in workers if node["Resources"].get("GPU")]
        answers = asking.all_of(with_gpus, usable_gpus.usable_gpus, usable_gpus, GPUS_S, check="GPUs")
        needs = {} if self._spec is None else needs_by_family(self._spec)
        are_needed = any(each.gpus for each in needs.values())
        self._all(hardware_checks.torch_on_gpus(answers, are_needed=are_needed))

    def _look_at_state(self, asking: _Asking, nodes: list[Node], workers: list[Node]) -> None:
        answers = asking.all_of(
            nodes, node_state.node_state, node_state, NEXT_S + 4, self._folders, check="hardware"
        )
        on_workers = [answer for answer in answers if answer.node in workers]
        self._all(hardware_checks.hardware(on_workers))
        if self._spec is not None and (workers or self._question.is_autoscaling):
            grows = self._question.is_autoscaling
            self._say(node_checks.resources(self._spec, workers, on_workers, may_grow=grows))
        self._all(node_checks.space(on_workers))
        self._all(node_checks.secrets(answers))

    def _folders(self, node: Node) -> tuple[dict[str, str]]:
        """Return the folders of a node whose free space matters."""
        folders = {"folder": str(self._question.folder)} if self._is_folder_usable else {}
        if sockets := node.get("ObjectStoreSocketName"):  # Ray's folder/session_…/sockets/plasma_store
            return (folders | {"ray": str(Path(sockets).parents[2])},)
        ray = os.environ.get("RAY_TMPDIR") or f"{tempfile.gettempdir()}/ray"
        return (folders | {"ray": ray, "shared memory": "/dev/shm"},)  # noqa: S108


class _Asking:
    """Asks nodes, and says which give no answer. These are not asked again."""

    def __init__(self, ask: Ask, say: Say) -> None:
        self._ask, self._say = ask, say
        self._silent: list[Any] = []

    def all_of(
        self,
        nodes: Iterable[Node],
        function: Callable[..., Any],
        by_value: ModuleType,
        patience_s: float,
        arguments: Callable[[Node], tuple[Any, ...]] = lambda node: (),
        *,
        check: str,
    ) -> list[NodeAnswer]:
        """Return the answers; a node without one has a line of its own."""
        asked = [node for node in nodes if node["NodeID"] not in self._silent]
        answers: list[NodeAnswer] = self._ask(
            asked, function, arguments, by_value=by_value, patience_s=patience_s
        )
        for line in node_checks.unanswered(check, answers):
            self._say(line)
        self._silent += [
            answer.node["NodeID"] for answer in answers if answer.problem.startswith("no answer")
        ]
        return [answer for answer in answers if not answer.problem]


def _has_cores(node: Node) -> bool:
    return bool(node["Resources"].get("CPU", 0.0))
