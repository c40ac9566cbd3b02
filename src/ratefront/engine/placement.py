"""What a trial gets: CPUs, and a GPU, several, or a share of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ratefront.history import SweepHistory
from ratefront.spec.schema import Resources

#: Other trials need a little more than the one that was measured.
MARGIN = 1.25


@dataclass(frozen=True)
class Needs:
    """What one trial is given. A fraction of a GPU is a share of its memory, which the worker enforces."""

    cpus: float
    gpus: float


def needs_of(resources: Resources, history: SweepHistory, family: str) -> Needs:
    """What a trial of this family gets now; with ``trials_per_gpu: auto`` a whole GPU until one was measured."""
    asked = resources.of(family)
    if resources.trials_per_gpu != "auto" or asked.gpus == 0:
        return Needs(asked.cpus, asked.gpus)
    share = history.gpu_memory_share
    return Needs(asked.cpus, 1.0 if share is None else 1.0 / trials_per_gpu(share))


def trials_per_gpu(share: float) -> int:
    """How many trials fit on a GPU, each holding at most ``share`` of its memory."""
    return max(1, math.floor(1.0 / max(share * MARGIN, 1e-2)))


def must_measure_first(resources: Resources, history: SweepHistory) -> bool:
    """True where one trial has to run alone before any other may start."""
    return resources.trials_per_gpu == "auto" and history.gpu_memory_share is None
