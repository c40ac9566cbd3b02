"""Syne Tune's MOASHA on the problems of the search benchmark, in an environment of its own:

    python3.11 -m venv VENV && VENV/bin/pip install syne-tune
    SYNE_TUNE_PYTHON=VENV/bin/python make bench

MOASHA gets the configurations that our random search draws, in the same order (none is repeated before all were drawn),
the reports of each epoch, and the same two slots. Finished trials are points. In the second, generous variant a stopped
trial is one too: its last epoch's accuracy and estimated rate, as if its codec had been kept.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from search_runs import METHODS, SLOTS, BenchRun, scenario_of, summed_up

from ratefront.pareto import as_costs
from ratefront.simulate.front_gap import EndedTrial
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.run_simulation import run
from ratefront.simulate.scenario import Scenario
from ratefront.trial_records import TrialResult

#: MOASHA's options: its defaults, and, of four others that stop fewer trials, those that closed most of the gap.
OPTIONS: Mapping[str, Mapping[str, float]] = {
    "moasha": {"reduction_factor": 3, "grace_period": 1},
    "moasha, gentle": {"reduction_factor": 1.2, "grace_period": 3},
}


def python() -> str | None:
    """Return the interpreter that has Syne Tune; None: there is none."""
    given = os.environ.get("SYNE_TUNE_PYTHON", "")
    return given if given and Path(given).exists() else None


def moasha_runs(
    name: str, options: Mapping[str, float], seeds: Iterable[int]
) -> tuple[list[BenchRun], list[BenchRun]]:
    """Return MOASHA's sweeps of a problem: finished trials as points, and stopped ones too."""
    sweeps = [_courses(name, seed) for seed in seeds]
    epochs = max(len(course.steps) for courses in sweeps for course in courses)
    scenario = scenario_of(name, METHODS["random"], 0)
    given = {
        "slots": SLOTS,
        "epochs": epochs,
        "options": dict(options),
        "sweeps": [[_plain(course, scenario) for course in courses] for courses in sweeps],
    }
    script = Path(__file__).with_name("moasha_process.py")
    done = subprocess.run(
        [str(python()), str(script)], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    strict, generous = [], []
    for courses, ends in zip(sweeps, json.loads(done.stdout), strict=True):
        total = max(busy_s for _, busy_s, _, _ in ends)
        trials = [(_ended(courses[number], busy_s, epoch, end), end) for number, busy_s, epoch, end in ends]
        strict.append(summed_up(name, [trial for trial, is_finished in trials if is_finished], total))
        generous.append(summed_up(name, [trial for trial, _ in trials], total))
    return strict, generous


def _courses(name: str, seed: int) -> list[TrialCourse]:
    """Return what our random search's trials do, in their order."""
    scenario = scenario_of(name, METHODS["random"], seed)
    trials = run(scenario).engine.history.trials.values()
    return [scenario.problem.course(trial.params) for trial in trials]


def _plain(course: TrialCourse, scenario: Scenario) -> dict[str, Any]:
    result = TrialResult.from_json(course.result or {})
    objectives = scenario.spec.directions
    costs = as_costs([[result.objective(name) for name in objectives]], objectives)[0]
    reported = [
        [
            step.metrics[_reported(name)] if _reported(name) in step.metrics else result.objective(name)
            for name in objectives
        ]
        for step in course.steps
    ]
    return {
        "seconds": [step.seconds for step in course.steps],
        "reports": as_costs(reported, objectives).tolist(),
        "closing_s": course.closing_s,
        "final": costs.tolist(),
    }


def _reported(objective: str) -> str:
    """Return the name under which a trial reports an objective at each epoch; others are known from the result."""
    return "rate_bits_estimated" if objective == "rate_bits" else objective


def _ended(course: TrialCourse, busy_s: float, epoch: int, is_finished: bool) -> EndedTrial:
    result = TrialResult.from_json(course.result or {})
    if is_finished:
        return EndedTrial(busy_s, result)
    reported = course.steps[epoch - 1].metrics
    rate_bits = reported.get("rate_bits_estimated", result.validation.rate_bits)
    validation = replace(result.validation, rate_bits=rate_bits, accuracy=reported["accuracy"])
    return EndedTrial(busy_s, replace(result, validation=validation))
