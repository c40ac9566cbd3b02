"""The process that runs trials, one after another: a Tune Trainable around the trial's generator.

Tune reuses the actor (``reset_config``), hence data sets, the task model and torch itself stay in the
process. Nothing of a trial does: its generator is closed before the next one starts, and an error inside it
ends that trial only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from ray import tune

from ratefront.engine.messages import Broke, Progressed, Returned
from ratefront.errors import RatefrontError
from ratefront.orchestrate.wire import FACT, encode
from ratefront.records import Progress, TrialParams, TrialResult
from ratefront.registry import load_target
from ratefront.trial.context import TrialContext

Steps = Generator[Progress, None, TrialResult]


@dataclass(frozen=True)
class WorkerSetting:
    """What all trials of a worker share. ``function`` is "package.module:name"."""

    context: TrialContext
    function: str
    threads: int


def limit_threads(threads: int) -> None:
    """Keep to the trial's cores. The variables count where torch is not loaded yet, the call where it is."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    torch = sys.modules.get("torch")  # not imported here: a worker of another trial function may not need it
    if torch is not None:
        torch.set_num_threads(threads)


def config_of(params: TrialParams, attempt: int) -> dict[str, Any]:
    """A trial as Tune's configuration."""
    return {
        "trial_id": params.trial_id,
        "attempt": attempt,
        "seed": params.seed,
        "values": dict(params.values),
    }


class TrialActor(tune.Trainable):
    """Runs trials; one call of ``step`` is one epoch, the last one brings the result."""

    def setup(self, config: dict[str, Any], setting: WorkerSetting | None = None) -> None:
        if setting is None:
            raise ValueError("a TrialActor needs its WorkerSetting (tune.with_parameters)")
        self._setting = setting
        self._steps: Steps | None = None
        self._take(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._close()
        self._take(new_config)
        return True

    def cleanup(self) -> None:
        self._close()

    def step(self) -> dict[str, Any]:
        try:
            progress = next(self._running())
            fact = Progressed(self._trial_id, self._attempt, progress.step, dict(progress.metrics))
            return {FACT: encode(fact)}
        except StopIteration as end:
            return self._end(end.value)
        except Exception as error:  # whatever a trial raises ends that trial, not the worker
            return self._broke(error)

    def _take(self, config: dict[str, Any]) -> None:
        self._trial_id, self._attempt = str(config["trial_id"]), int(config["attempt"])
        self._params = TrialParams(self._trial_id, int(config["seed"]), dict(config["values"]))

    def _running(self) -> Steps:
        """The generator of the trial; imports happen here, so that their errors are the trial's."""
        if self._steps is None:
            limit_threads(self._setting.threads)
            start = load_target(self._setting.function)
            limit_threads(self._setting.threads)
            self._steps = start(self._params, self._setting.context)
        return self._steps

    def _end(self, result: TrialResult) -> dict[str, Any]:
        self._close()
        try:
            return {FACT: encode(Returned(self._trial_id, self._attempt, result.to_json())), "done": True}
        except Exception as error:
            return self._broke(error)

    def _broke(self, error: Exception) -> dict[str, Any]:
        self._close()
        retryable = isinstance(error, RatefrontError) and error.retryable
        reason = str(error) or type(error).__name__
        fact = Broke(self._trial_id, self._attempt, type(error).__name__, reason, retryable)
        return {FACT: encode(fact), "done": True}

    def _close(self) -> None:
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.close()
