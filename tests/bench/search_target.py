"""Target mode: trials until the fewest bits for an accuracy are known within 2 %, against plain search."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace

from search_runs import LATENCY_S, LEARNED, SLOTS, BenchProblem

from ratefront.simulate.front_gap import ended_trials
from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario
from ratefront.spec.load_spec import load_spec_without_data
from ratefront.spec.sweep_spec import SweepSpec

ACCURACY, WITHIN, SEEDS = 0.96, 1.02, 10
PROBLEM = BenchProblem(None, "codec_families", 150, LEARNED)
HAS_TARGET = "target" in SweepSpec.model_fields


def trials_ratio() -> float:
    """Return the median number of trials with a target, over that of plain TPE."""
    ours, plain = ([_trials(seed, has_target=has) for seed in range(SEEDS)] for has in (True, False))
    return statistics.median_low(ours) / statistics.median_low(plain)


def _trials(seed: int, *, has_target: bool) -> float:
    """Return after how many ended trials the target is reached; one more than all if it is not."""
    loaded = PROBLEM.loaded()
    if has_target:
        loaded = load_spec_without_data(loaded, {"target": {"accuracy": ACCURACY}})
    scenario = make_scenario(
        loaded,
        None,
        problem="codec_families",
        trials=PROBLEM.trials,
        slots=SLOTS,
        sampler=None if has_target else "tpe",
        stopping=has_target,
        latency_s=LATENCY_S,
    )
    sampler = scenario.spec.sampler.model_copy(update={"seed": seed})
    scenario = replace(scenario, spec=scenario.spec.model_copy(update={"sampler": sampler}))
    known = scenario.problem.known_results(scenario.space).all
    least = min(
        (one.validation.rate_bits for one in known if one and one.validation.accuracy >= ACCURACY),
        default=math.inf,
    )
    for number, trial in enumerate(ended_trials(run(scenario)), start=1):
        measured = trial.result.validation
        if measured.accuracy >= ACCURACY and measured.rate_bits <= WITHIN * least:
            return number
    return PROBLEM.trials + 1
