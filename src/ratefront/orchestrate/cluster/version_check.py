"""Compares the software of a node with that of the process that drives the sweep."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from functools import cache

from ratefront.errors import SweepMismatchError
from ratefront.orchestrate.cluster.node_facts import NOT_INSTALLED, software_versions


@cache
def own_versions() -> Mapping[str, str]:
    """Return the software of this process (see ``software_versions``): its code is read once."""
    return software_versions()


def version_problems(here: Mapping[str, str], there: Mapping[str, str], node: str) -> Iterator[str]:
    """Yield a line for each software of which the node has another version (see ``software_versions``)."""
    for name, own in here.items():
        other = there.get(name, NOT_INSTALLED)
        if other != own:
            yield f"node {node}: {name} is {other} there, and {own} where the sweep is driven; install the same"


def check_versions(driver: Mapping[str, str]) -> None:
    """Check in a worker that it has the driver's software: its node may have joined the cluster after the start.

    Raises:
        SweepMismatchError: It has not. Trials here would not compare with those of other nodes, so the sweep ends.
    """
    problems = [*version_problems(driver, own_versions(), platform.node())]
    if problems:
        raise SweepMismatchError("; ".join(problems))
