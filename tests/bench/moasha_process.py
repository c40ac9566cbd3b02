"""Syne Tune's MOASHA on given trials, in an environment of its own that has Syne Tune and not ratefront.

    python moasha_process.py < sweeps.json > ends.json

It gets the sweeps as JSON, the trials of each in the order in which they are suggested, all costs to be minimised;
``options`` are MOASHA's own:

    {"slots": 2, "epochs": 12, "options": {…}, "sweeps": [[
        {"seconds": [...], "reports": [[cost, …], …], "closing_s": …, "final": [cost, …]}, …], …]}

It answers with the trials that ended, by sweep, in the order of their ends: ``[[number, busy_s, epochs, is_finished],
…]``, where ``busy_s`` are the slot-seconds that all slots had computed by then.
MOASHA suggests at random; here it draws these trials one after another. It judges every report. A trial that is not
stopped computes to its end.
"""

from __future__ import annotations

import datetime
import heapq
import json
import sys
from typing import Any

from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

EPOCH = "epoch"
Plain = dict[str, Any]


class NextTrial:
    """Stands in MOASHA's space for a parameter: each sample is the number of the next trial."""

    def __init__(self) -> None:
        self.number = -1

    def sample(self) -> int:
        self.number += 1
        return self.number


def sweep(
    trials: list[Plain], slots: int, epochs: int, options: Plain, seed: int
) -> list[tuple[int, float, int, bool]]:
    """Run one sweep in virtual time."""
    costs = [f"cost{place}" for place in range(len(trials[0]["final"]))]
    scheduler = MOASHA(
        {"number": NextTrial()}, metrics=costs, time_attr=EPOCH, max_t=epochs, random_seed=seed, **options
    )
    running: list[
        tuple[float, int, int, Trial, float]
    ] = []  # when, slot, epochs done, trial, busy_s of the step
    ends, busy_s, now, begun = [], 0.0, 0.0, 0

    def begin(slot: int) -> None:
        nonlocal begun
        if begun < len(trials):
            config = scheduler.suggest().config
            begun += 1
            trial = Trial(config["number"], config, datetime.datetime(2026, 1, 1))
            scheduler.on_trial_add(trial)
            step(slot, trial, 0)

    def step(slot: int, trial: Trial, done: int) -> None:
        one = trials[trial.trial_id]
        seconds = one["seconds"][done] if done < len(one["seconds"]) else one["closing_s"]
        heapq.heappush(running, (now + seconds, slot, done, trial, seconds))

    for slot in range(slots):
        begin(slot)
    while running:
        later, slot, done, trial, _ = heapq.heappop(running)
        busy_s += (later - now) * (len(running) + 1)
        now = later
        one = trials[trial.trial_id]
        if done == len(one["seconds"]):
            result = dict(zip(costs, one["final"], strict=True)) | {EPOCH: epochs}
            scheduler.on_trial_complete(trial, result)
            ends.append((trial.trial_id, busy_s, done, True))
            begin(slot)
            continue
        result = dict(zip(costs, one["reports"][done], strict=True)) | {EPOCH: done + 1}
        decision = scheduler.on_trial_result(trial, result)
        if decision == SchedulerDecision.STOP and done + 1 < len(one["seconds"]):
            scheduler.on_trial_remove(trial)
            ends.append((trial.trial_id, busy_s, done + 1, False))
            begin(slot)
        else:
            step(slot, trial, done + 1)
    return ends


def main() -> None:
    given = json.load(sys.stdin)
    sweeps = [
        sweep(trials, given["slots"], given["epochs"], given["options"], seed)
        for seed, trials in enumerate(given["sweeps"])
    ]
    json.dump(sweeps, sys.stdout)


if __name__ == "__main__":
    main()
