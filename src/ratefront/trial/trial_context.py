"""What a trial needs besides its parameters: everything that all trials of a sweep share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ratefront.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class TrialContext:
    """The sweep as a trial sees it.

    Attributes:
        spec: The sweep file, resolved.
        folder: The sweep's folder, with the trained task model in it (made by
            ``ratefront.task_models.prepare_task_model`` before the first trial). A trial writes only to its own part.
        device: ``cpu`` or ``cuda``.
        batch_divisor: The batch of a gradient step is computed in so many parts, after memory was full.
        inputs: Digests of data and code that the sweep began with (see ``TaskModelReady``); a trial fails where its own
            differ. Empty where there is nothing to compare with.
    """

    spec: SweepSpec
    folder: Path
    device: str = "cpu"
    batch_divisor: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)
