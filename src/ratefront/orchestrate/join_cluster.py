"""Joins the cluster that runs a sweep's trials, or starts one here, and checks that its nodes fit the sweep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ratefront.errors import EngineError
from ratefront.orchestrate.interrupts import Interrupts
from ratefront.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class ClusterOptions:
    """Which machines run the trials.

    Attributes:
        address: As ``named_cluster`` takes it.
        is_autoscaling: The cluster starts nodes as trials wait for them: what no node has now is not refused.
    """

    address: str | None = None
    is_autoscaling: bool = False

    def slots(self, spec: SweepSpec) -> int:
        """Return how many trials may run at the same time now; the cluster must have been joined."""
        from ratefront.orchestrate.cluster.slots import count_slots

        return spec.resources.concurrent if self.is_autoscaling else count_slots(spec)


@contextmanager
def joined_cluster(
    spec: SweepSpec, folder: Path, cluster: ClusterOptions, caught: Interrupts
) -> Iterator[None]:
    """Connect to the cluster inside the block. ``folder`` is the sweep's; each node must see it.

    All that uses Ray is imported here, before anything starts: some of Ray's names that we use are private.

    Raises:
        InputError: The cluster cannot be joined, has too little, or has nodes that do not fit.
        EngineError: The installed Ray has no such name, or does not start.
        Interrupted: A signal came meanwhile.
    """
    with ExitStack() as stack:
        try:
            with caught.at_once():
                import ratefront.orchestrate.tune.tune_driver  # noqa: F401  (it is needed later)
                from ratefront.orchestrate.cluster.check_nodes import check_nodes
                from ratefront.orchestrate.cluster.ray_cluster import connected
                from ratefront.orchestrate.cluster.shipped_modules import own_code
                from ratefront.orchestrate.cluster.slots import check_capacity_of_nodes
            has_other_machines = stack.enter_context(connected(caught, cluster.address, own_code(spec)))
        except ImportError as error:
            raise EngineError(
                f"no sweep can run with the installed Ray {version('ray')}: {error}; ratefront was tried with Ray 2.60 "
                "(pip install 'ray[default,tune]==2.60.*')"
            ) from error
        if not cluster.is_autoscaling:
            check_capacity_of_nodes(spec)
        if has_other_machines:
            with caught.at_once():
                check_nodes(folder)
        yield
