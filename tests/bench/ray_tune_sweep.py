"""A sweep of empty trials with Ray Tune's own parts: python ray_tune_sweep.py TRIALS [URI], in a process of its own.

Default actors (a new process for every trial), OptunaSearch on two metrics, and Ray's callback for MLflow, on SQLite or
at the URI. Prints JSON as ratefront_sweep.py does; the driver's seconds per result are those inside the callback's
``log_trial_result`` alone.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # only what was asked for

import ray
from empty_trial import REPORTS, SLOTS, metrics
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.experiment import Trial
from ray.tune.search.optuna import OptunaSearch
from stopwatch import Stopwatch, SweepSpeed, seconds_per_trial


class WatchedCallback(MLflowLoggerCallback):
    """The callback as it is, timed."""

    def __init__(self, uri: str) -> None:
        super().__init__(tracking_uri=uri, experiment_name="stock")
        self.watch, self.ends = Stopwatch(), list[float]()

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        with self.watch.running(is_result=True):
            super().log_trial_result(iteration, trial, result)

    def log_trial_end(self, trial: Trial, failed: bool = False) -> None:
        super().log_trial_end(trial, failed)
        if not failed:
            self.ends.append(time.time())


def empty_trial(config: dict[str, Any]) -> None:
    import torch  # noqa: F401

    for step in range(1, REPORTS + 1):
        tune.report(metrics(step))


def space(trial: Any) -> None:
    trial.suggest_float("x", 0.0, 1.0)
    trial.suggest_float("y", 0.0, 1.0)


def main() -> None:
    trials, uri = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    ray.init(
        address="local",
        num_cpus=SLOTS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    with tempfile.TemporaryDirectory(prefix="ratefront-bench-") as folder:
        callback = WatchedCallback(uri or f"sqlite:///{folder}/mlflow.db")
        tune.Tuner(
            empty_trial,
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(space, metric=["rate_bits", "accuracy"], mode=["min", "max"]),
                num_samples=trials,
                max_concurrent_trials=SLOTS,
            ),
            run_config=tune.RunConfig(
                name="stock", storage_path=str(Path(folder)), callbacks=[callback], verbose=0
            ),
        ).fit()
        ray.shutdown()
    if len(callback.ends) != trials:
        raise SystemExit("not every empty trial has finished")
    per_result = callback.watch.seconds / callback.watch.results
    print(SweepSpeed(seconds_per_trial(callback.ends, SLOTS), per_result, per_result).to_json())


if __name__ == "__main__":
    main()
