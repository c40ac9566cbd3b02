"""What Tune's trials say, told to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray.exceptions import RayTaskError
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from ratefront.engine.messages import Began, Broke, Fact
from ratefront.orchestrate.reference import LiveReference
from ratefront.orchestrate.wire import FACT, decode


class ResultListener(Stopper):
    """Hears every result before anybody else does, and ends the Tune trial that the engine has stopped."""

    def __init__(self, reference: LiveReference) -> None:
        self._reference = reference

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        sweep = self._reference.sweep
        with sweep.keeping_failure():
            fact = decode(result[FACT])
            sweep.tell(fact)
            return not sweep.is_running(fact.trial_id, fact.attempt)

    def stop_all(self) -> bool:
        return False


class LifeListener(Callback):
    """Hears of workers that take a trial, and of those that are lost with one.

    ``on_turn`` is called at each turn of Tune's loop (several times a second); what it raises ends the loop.
    """

    def __init__(self, reference: LiveReference, on_turn: Callable[[], None]) -> None:
        self._reference, self._on_turn = reference, on_turn

    def __getstate__(self) -> dict[str, Any]:
        return {"_reference": self._reference, "_on_turn": _nothing}

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._on_turn()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        trial_id, attempt = _identity(trial)
        self._tell(Began(trial_id, attempt, _worker_name(trial)))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        trial_id, attempt = _identity(trial)
        self._tell(_broke(trial_id, attempt, trial))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial that Tune holds for complete has told its end, or it is lost."""
        trial_id, attempt = _identity(trial)
        if self._reference.sweep.is_running(trial_id, attempt):
            self._tell(Broke(trial_id, attempt, "WorkerLostError", "the worker ended without a result", True))

    def _tell(self, fact: Fact) -> None:
        with self._reference.sweep.keeping_failure():
            self._reference.sweep.tell(fact)


def _nothing() -> None:
    pass


def _identity(trial: Trial) -> tuple[str, int]:
    return str(trial.config["trial_id"]), int(trial.config["attempt"])


def _worker_name(trial: Trial) -> str:
    actor = trial.temporary_state.ray_actor
    return f"actor {actor._actor_id.hex()[:12]}" if actor is not None else ""


def _broke(trial_id: str, attempt: int, trial: Trial) -> Broke:
    """An error that reached Tune. The trial's own were caught in the worker, so a process or a node died."""
    error = trial.get_pickled_error()
    if isinstance(error, RayTaskError):
        cause = error.cause
        retryable = bool(getattr(cause, "retryable", False))
        return Broke(trial_id, attempt, type(cause).__name__, _first_line(cause), retryable)
    return Broke(trial_id, attempt, "WorkerLostError", f"the worker died: {_first_line(error)}", True)


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0] if error else "no reason given"
