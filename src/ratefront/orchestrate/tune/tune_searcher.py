"""Gives Tune the engine's next trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from ratefront.engine.messages import Done, Start
from ratefront.orchestrate.tune.live_sweep_reference import LiveSweepReference
from ratefront.orchestrate.tune.trial_worker import config_of


class EngineSearcher(Searcher):
    """Gives the engine's next trial to Tune. The hooks in ``tune_callbacks`` report what happens to it."""

    def __init__(self, reference: LiveSweepReference) -> None:
        super().__init__()
        self._reference = reference
        self._live: set[str] = set()  # by Tune's own trial ids

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next trial's configuration, None to wait, or FINISHED."""
        sweep = self._reference.sweep
        if len(self._live) >= self._reference.slots:
            return None
        with sweep.keeping_failure():
            command = sweep.next_start()
        if isinstance(command, Start):
            self._live.add(trial_id)
            return config_of(command)
        return Searcher.FINISHED if isinstance(command, Done) else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Free the slot. The engine knows already how the trial has ended."""
        self._live.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Write an empty file: a sweep resumes from its ledger."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, see ``save``."""
