"""What a trial is given to run on: CPUs, and one GPU, several GPUs, or a share of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.sweep_spec import Resources

#: Other trials may need a little more than the one that was measured.
MARGIN = 1.25


@dataclass(frozen=True)
class Needs:
    """What one trial is given. A fraction of a GPU is a share of its memory, which the worker enforces."""

    cpus: float
    gpus: float


def needs_of(resources: Resources, history: SweepHistory, trial: TrialHistory) -> Needs:
    """What a trial is given now.

    With ``trials_per_gpu: auto`` that is a whole GPU until one trial was measured, and then the share that was enough
    for it. The share doubles each time that a trial runs out of memory with it.
    """
    family = trial.params.family
    requested, share = resources.for_family(family), history.gpu_memory_share
    if share is None or not resources.has_measured_gpu_share(family):
        return Needs(requested.cpus, requested.gpus)
    return Needs(requested.cpus, min(1.0, trial.batch_divisor / trials_per_gpu(share)))


def trials_per_gpu(share: float) -> int:
    """How many trials fit on a GPU where each holds at most ``share`` of its memory (a fraction)."""
    return max(1, math.floor(1.0 / max(share * MARGIN, 1e-2)))


def is_to_be_measured(resources: Resources, history: SweepHistory, trial: TrialHistory) -> bool:
    """Whether this trial's GPU memory decides how many trials share a GPU. No other such trial may run beside it."""
    return history.gpu_memory_share is None and resources.has_measured_gpu_share(trial.params.family)
