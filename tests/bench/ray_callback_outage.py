"""Ray's callback for MLflow alone, given a trial's results as Tune gives them.

    python ray_callback_outage.py URI RESULTS NAME…

Prints one line of JSON for each result: its number, and how long the callback kept Tune's driver. An error of the
callback ends the program.
"""

from __future__ import annotations

import json
import sys
import time

from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.result import TRAINING_ITERATION


class Trial:
    """The part of a Tune trial that the callback uses."""

    def __init__(self) -> None:
        self.config = {"x": 0.5}

    def __str__(self) -> str:
        return "stock"


def main() -> None:
    uri, results, *metrics = sys.argv[1:]
    callback, trial = MLflowLoggerCallback(tracking_uri=uri, experiment_name="stock"), Trial()
    callback.setup()
    callback.log_trial_start(trial)
    for step in range(1, int(results) + 1):
        began = time.perf_counter()
        result = {name: (1.0 + at) / step for at, name in enumerate(metrics)}
        callback.log_trial_result(step, trial, {**result, TRAINING_ITERATION: step})
        print(json.dumps({"result": step, "seconds": time.perf_counter() - began}), flush=True)
    callback.log_trial_end(trial)


if __name__ == "__main__":
    main()
