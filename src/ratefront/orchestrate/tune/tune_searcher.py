"""Tune asks for a trial, the engine answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from ratefront.engine.messages import Done, Start
from ratefront.orchestrate.tune.live_reference import LiveReference
from ratefront.orchestrate.tune.trial_worker import config_of


class EngineSearcher(Searcher):
    """Hands the engine's next trial to Tune. What becomes of it, Tune's results and callbacks tell, not
    this."""

    def __init__(self, reference: LiveReference) -> None:
        super().__init__()
        self._reference = reference

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        sweep = self._reference.sweep
        with sweep.keeping_failure():
            command = sweep.next_start()
        if isinstance(command, Start):
            return config_of(command)
        return Searcher.FINISHED if isinstance(command, Done) else None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing: the engine has been told."""

    def save(self, checkpoint_path: str) -> None:
        """An empty file: the ledger is what a sweep goes on from."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see ``save``."""
