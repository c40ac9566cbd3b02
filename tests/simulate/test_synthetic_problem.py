"""The front of the synthetic problem is known."""

from __future__ import annotations

import math
from random import Random

import pytest

from ratefront.engine.search.first_trials import spread_trial
from ratefront.pareto import non_dominated
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem, best_position, dtlz2
from ratefront.spec.space.dimensions import Choice, Float, Int, Space
from ratefront.trial_records import OBJECTIVES, TrialParams, TrialResult

SPACE: Space = {
    "t": Float(0, 1),
    "u": Float(1e-3, 1, log=True),
    "v": Float(0, 1),
    "w": Int(1, 9),
    "x": Choice((1, 2, 4)),
}


def test_the_front_is_the_unit_sphere() -> None:
    random = Random(1)
    for _ in range(200):
        values = {"t": random.random(), "u": random.uniform(1e-3, 1), "v": random.random()}
        values |= {"w": random.randint(1, 9), "x": random.choice((1, 2, 4))}
        assert math.hypot(*dtlz2(SPACE, values)) >= 1 - 1e-12
    places = {path: best_position(path) for path in "vwx"}
    best = {"v": places["v"], "w": 1 + round(8 * places["w"]), "x": (1, 2, 4)[round(2 * places["x"])]}
    assert math.hypot(*dtlz2(SPACE, {"t": 0.3, "u": 0.1, **best})) == pytest.approx(1)


def test_random_trials_are_far_from_the_front() -> None:
    """There is a front to be found: random trials are far apart, and many are dominated."""
    loaded, values = built_in_sweep(), dict[str, list[float]]()
    for number in range(100):
        params = TrialParams(f"t{number:04d}", number, spread_trial(loaded.space, 0, number))
        result = TrialResult.from_json(SyntheticProblem(loaded.space).course(params).result or {})
        assert all(
            result.objective(name) <= SyntheticProblem(loaded.space).reference[name] or name == "accuracy"
            for name in OBJECTIVES
        )
        values[params.trial_id] = [result.objective(name) for name in loaded.spec.objectives]
    assert 5 < len(non_dominated(values, loaded.spec.directions)) < 60
