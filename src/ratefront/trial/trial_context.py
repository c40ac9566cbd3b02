"""What a trial works with besides its parameters: everything that all trials of a sweep share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ratefront.spec.schema import SweepSpec


@dataclass(frozen=True)
class TrialContext:
    """The sweep as a trial sees it. ``folder`` is the sweep's folder; a trial writes only to its own part of it.

    ``batch_divisor``: gradient steps are computed in so many parts of a batch, after a memory that was full.
    ``task_model`` holds the trained task model (made by ``ratefront.tasks.prepare_task_model`` before the first trial).
    ``inputs`` are the digests of data and code that the sweep began with (``TaskModelReady``), which a trial is held
    to; empty where there is nothing to compare with.
    """

    spec: SweepSpec
    folder: Path
    device: str = "cpu"
    batch_divisor: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
