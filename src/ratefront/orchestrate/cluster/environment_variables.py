"""Sets environment variables for a while, and reads that which names a cluster.

Ray is told most of its settings that way, and passes them on to workers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from ratefront.wording import Argument


class NamedCluster(NamedTuple):
    """A cluster that runs: its address, HOST:PORT or ``auto``, and the setting that names it."""

    address: str
    setting: Argument | str


def named_cluster(address: str | None) -> NamedCluster | None:
    """Return the cluster to join; None where Ray is to start on this machine.

    Args:
        address: HOST:PORT. ``auto`` and None are that in ``RAY_ADDRESS``; without it, ``auto`` is the cluster that runs
            on this machine, and None is no cluster. ``local`` is none either: Ray's word for one that starts here.
    """
    named = os.environ.get("RAY_ADDRESS")
    if named and address in (None, "", "auto"):
        return None if named == "local" else NamedCluster(named, f"RAY_ADDRESS={named}")
    return NamedCluster(address, Argument("address", address)) if address and address != "local" else None


@contextmanager
def environment_with(variables: Mapping[str, str]) -> Iterator[None]:
    """Set these environment variables, and restore what was there at the end."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
