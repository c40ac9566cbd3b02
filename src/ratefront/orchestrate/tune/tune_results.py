"""What Tune's trials say, told to the engine."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayError
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from ratefront.engine.messages import Fact
from ratefront.history.events import Failed, Started
from ratefront.orchestrate.driver_loop import Turns
from ratefront.orchestrate.tune.live_reference import LiveReference
from ratefront.orchestrate.tune.lost_workers import WorkerErrors
from ratefront.orchestrate.tune.worker_errors import summarise_worker_error
from ratefront.orchestrate.tune.worker_messages import FACT, decode


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
        """A trial that was stopped may still be in a long epoch when all others have ended: nobody waits for it."""
        return self._reference.sweep.done


#: How long a worker may go on with a trial that has been stopped. At a report it would go over to the next trial by
#: itself, and keep what it has loaded.
STOP_PATIENCE_S = 10.0


class LifeListener(Callback):
    """Hears of workers that take a trial, and of those that are lost with one; turns with each turn of Tune's loop."""

    def __init__(self, reference: LiveReference, turns: Turns, errors: WorkerErrors) -> None:
        self._reference, self._turns, self._errors = reference, turns, errors
        self._at_work: dict[str, Trial] = {}  # by Tune's own names
        self._in_vain_since: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_reference": self._reference}

    def setup(self, *args: Any, **info: Any) -> None:
        self._turns.begin()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        try:
            self._turns.turn()
        except BaseException:
            _end_workers(trials)
            raise
        self._end_idle_work()

    def _end_idle_work(self) -> None:
        """A trial that was stopped in a long epoch, or that hangs, does not keep its slot."""
        now, trials = time.monotonic(), self._reference.sweep.history.trials
        works_in_vain = [its for its in self._at_work.values() if trials[_identity(its)[0]].ended]
        for trial in works_in_vain:
            if now - self._in_vain_since.setdefault(trial.trial_id, now) > STOP_PATIENCE_S:
                self._leaves(trial)
                _end_workers([trial])

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        trial_id, attempt = _identity(trial)
        self._at_work[trial.trial_id] = trial
        self._tell(Started(trial_id, attempt, _worker_name(trial)))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._leaves(trial)
        summary = summarise_worker_error(self._errors.now)
        self._tell(Failed(*_identity(trial), summary.error, summary.reason, retryable=summary.retryable))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """A trial that Tune holds for complete has told its end, or it is lost."""
        self._leaves(trial)
        trial_id, attempt = _identity(trial)
        if self._reference.sweep.is_running(trial_id, attempt):
            self._tell(
                Failed(
                    trial_id, attempt, "WorkerLostError", "the worker ended without a result", retryable=True
                )
            )

    def _leaves(self, trial: Trial) -> None:
        self._at_work.pop(trial.trial_id, None)
        self._in_vain_since.pop(trial.trial_id, None)

    def _tell(self, fact: Fact) -> None:
        with self._reference.sweep.keeping_failure():
            self._reference.sweep.tell(fact)


def _identity(trial: Trial) -> tuple[str, int]:
    return str(trial.config["trial_id"]), int(trial.config["attempt"])


def _worker_name(trial: Trial) -> str:
    actor = trial.temporary_state.ray_actor
    return f"actor {actor._actor_id.hex()[:12]}" if actor is not None else ""


def _end_workers(trials: list[Trial]) -> None:
    """In the middle of an epoch, if need be: on a cluster that outlives the sweep, nobody else ends them so soon."""
    for trial in trials:
        actor = trial.temporary_state.ray_actor
        if actor is not None:
            with suppress(RayError):
                ray.kill(actor)
