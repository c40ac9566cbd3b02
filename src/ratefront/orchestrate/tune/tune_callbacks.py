"""Hooks of Tune that tell the engine what happens: reports of trials, starts of trials, lost workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import ray
from ray._private import state as ray_state
from ray.exceptions import RayError
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial

from ratefront.engine.messages import EngineMessage, TimedOut
from ratefront.history.events import Failed, Started
from ratefront.orchestrate.driver_loop import DriverLoop
from ratefront.orchestrate.tune.live_sweep_reference import LiveSweepReference
from ratefront.orchestrate.tune.lost_workers import ReportedWorkerError, summarise_worker_error
from ratefront.orchestrate.tune.trial_worker import needs_of
from ratefront.orchestrate.tune.worker_messages import MESSAGE, decode_message


class ResultListener(Stopper):
    """Gets each result of a worker first, and ends the Tune trial that the engine has stopped."""

    def __init__(self, reference: LiveSweepReference) -> None:
        self._reference = reference

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Tell the engine the result; return whether the trial is to end."""
        sweep = self._reference.sweep
        with sweep.keeping_failure():
            message = decode_message(result[MESSAGE])
            sweep.tell(message)
            return not sweep.is_running(message.trial_id, message.attempt)

    def stop_all(self) -> bool:
        """Return whether the sweep is done. A stopped trial may be in a long epoch then: Tune does not wait for it."""
        return self._reference.sweep.done


#: How long a worker may go on with a trial that was stopped. At its next report it takes the next trial by itself, and
#: keeps what it has loaded.
STOP_PATIENCE_S = 10.0

#: Seconds between two looks at the nodes.
_COUNT_INTERVAL_S = 5.0


class WorkerListener(Callback):
    """Tells the engine of workers that start a trial, are lost with one, or take too long; calls the driver's ``tick``.

    The time of an attempt is measured with this process's own clock: the time of day may be set while a trial runs.
    """

    def __init__(
        self,
        reference: LiveSweepReference,
        loop: DriverLoop,
        error: ReportedWorkerError,
        trial_hours: float | None,
        slots_now: Callable[[], int],
    ) -> None:
        """Listen for ``reference``'s sweep. ``slots_now`` counts the slots: nodes come and go."""
        self._reference, self._loop, self._error = reference, loop, error
        self._trial_hours, self._slots_now, self._next_count = trial_hours, slots_now, 0.0
        self._running: dict[str, Trial] = {}  # by Tune's own trial ids, as the next two
        self._started: dict[str, float] = {}
        self._ended_since: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be pickled: Tune saves its callbacks."""
        return {"_reference": self._reference}

    def setup(self, *args: Any, **info: Any) -> None:
        """Take the signal handlers back from Tune, which has just replaced one."""
        self._loop.begin()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Call ``tick``; if it ends the sweep, end the workers: they go on from their checkpoints when it goes on."""
        try:
            with self._reference.sweep.keeping_failure():
                self._loop.tick()
        except BaseException:
            _end_workers(trials)
            raise
        if self._reference.sweep.history.ended:  # the budget is spent
            _end_workers(trials)
        self._fail_overdue_trials()
        self._free_slots_of_ended_trials()
        self._count_slots()

    def _count_slots(self) -> None:
        """Let the trials that run be as many as the nodes hold now."""
        now = time.monotonic()
        if now >= self._next_count:
            self._next_count = now + _COUNT_INTERVAL_S
            self._reference.slots = max(1, self._slots_now())

    def _fail_overdue_trials(self) -> None:
        """Tell the engine of attempts that have run for too long. Their slots are freed as those of any ended trial."""
        if self._trial_hours is None:
            return
        latest_start = time.monotonic() - 3600.0 * self._trial_hours
        for tune_id, trial in self._running.items():
            if self._started[tune_id] < latest_start:
                self._tell(TimedOut(*_identity(trial), self._trial_hours))

    def _free_slots_of_ended_trials(self) -> None:
        """End the workers that go on with an ended trial: a long epoch, or one that hangs, must not keep its slot."""
        now, trials = time.monotonic(), self._reference.sweep.history.trials
        overdue = [trial for trial in self._running.values() if trials[_identity(trial)[0]].ended]
        for trial in overdue:
            if now - self._ended_since.setdefault(trial.trial_id, now) > STOP_PATIENCE_S:
                self._forget(trial)
                _end_workers([trial])

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tell the engine which worker runs the trial."""
        trial_id, attempt = _identity(trial)
        self._running[trial.trial_id], self._started[trial.trial_id] = trial, time.monotonic()
        self._tell(Started(trial_id, attempt, _worker_name(trial), needs_of(trial.config).gpus))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tell the engine why the worker was lost."""
        self._forget(trial)
        summary = summarise_worker_error(self._error.current)
        self._tell(Failed(*_identity(trial), summary.error, summary.reason, retryable=summary.retryable))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Report the worker as lost if the trial has not sent its end."""
        self._forget(trial)
        trial_id, attempt = _identity(trial)
        if self._reference.sweep.is_running(trial_id, attempt):
            reason = "the worker ended without a result"
            self._tell(Failed(trial_id, attempt, "WorkerLostError", reason, retryable=True))

    def _forget(self, trial: Trial) -> None:
        self._running.pop(trial.trial_id, None)
        self._started.pop(trial.trial_id, None)
        self._ended_since.pop(trial.trial_id, None)

    def _tell(self, message: EngineMessage) -> None:
        with self._reference.sweep.keeping_failure():
            self._reference.sweep.tell(message)


def _identity(trial: Trial) -> tuple[str, int]:
    return str(trial.config["trial_id"]), int(trial.config["attempt"])


def _worker_name(trial: Trial) -> str:
    """Name the actor and its node, so that a node that fails its trials can be found."""
    actor = trial.temporary_state.ray_actor
    if actor is None:
        return ""
    actor_id = actor._actor_id.hex()
    name = f"actor {actor_id[:12]}"
    with suppress(Exception):  # Ray promises nothing of this table
        name += f" at {ray_state.actors(actor_id)['Address']['IPAddress']}"
    return name


def _end_workers(trials: list[Trial]) -> None:
    """Kill the workers, also during an epoch: a cluster that outlives the sweep would not end them so soon."""
    for trial in trials:
        actor = trial.temporary_state.ray_actor
        if actor is not None:
            with suppress(RayError):
                ray.kill(actor)
