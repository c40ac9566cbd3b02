"""Another sweep, as one that is about to begin looks at it: for points to try first, and for trials to learn from."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.history.sweep_history import SweepHistory, TrialHistory


@dataclass(frozen=True)
class EarlierSweep:
    """An earlier sweep.

    Attributes:
        source: Its folder, as the sweep file names it.
        history: The sweep as its ledger records it.
        front: Its Pareto front, where that was asked for.
    """

    source: str
    history: SweepHistory
    front: tuple[TrialHistory, ...] = ()
