"""How much parameters decide: what is known to decide comes first, what does nothing comes last."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from random import Random

import pytest

from ratefront.engine.search.first_trials import random_choice
from ratefront.history.events import Created, Entry, Finished, Planned, Started
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.spec.space.dimensions import Branch, Float, Space, assign
from ratefront.store.views.parameter_importance import LEAST_TRIALS, Importance, importance_of
from ratefront.trial_records import Measurement, Scalar, TrialParams, TrialResult

pytestmark = pytest.mark.medium

#: By path, ``angle`` is the first number: it alone decides the accuracy at a given distance from the front. The second,
#: ``edge``, trades size for rate.
SPACE: Space = {
    "family": Branch(
        {"split": {"angle": Float(0.0, 1.0), "edge": Float(0.0, 1.0)}, "label": {"angle": Float(0.0, 1.0)}}
    )
}


def history_of(values: list[dict[str, Scalar]], results: list[TrialResult]) -> SweepHistory:
    events: list[object] = [Created("s", {"name": "s"}, "0")]
    for number, (taken, result) in enumerate(zip(values, results, strict=True)):
        name = f"t{number:04d}"
        events += [
            Planned(name, number, 0, taken),
            Started(name, 1, "w"),
            Finished(name, 1, result.to_json()),
        ]
    return SweepHistory.of(Entry(seq, 0.0, event) for seq, event in enumerate(events))  # type: ignore[arg-type]


def synthetic_history(trials: int, seed: int) -> SweepHistory:
    """Random trials of the synthetic problem, each with a parameter ``idle`` that the problem does not see."""
    random, problem = Random(seed), SyntheticProblem(SPACE)
    drawn = [assign(SPACE, random_choice(random)) for _ in range(trials)]
    plain = [problem.course(TrialParams(f"t{n:04d}", 0, values)).result for n, values in enumerate(drawn)]
    results = [TrialResult.from_json(result) for result in plain if result is not None]
    noise = [{"idle": random.random(), "colour": random.choice("abc")} for _ in drawn]
    return history_of([{**values, **more} for values, more in zip(drawn, noise, strict=True)], results)


def parameters_of(found: Importance, objective: str, family: str = "split") -> list[str]:
    parameters = found.objectives[objective].families[family].parameters
    assert parameters is not None
    assert sum(parameters.values()) == pytest.approx(1.0)
    assert all(0.0 <= value <= 1.0 for value in parameters.values())
    assert list(parameters.values()) == sorted(parameters.values(), reverse=True)
    return list(parameters)


@pytest.mark.parametrize("seed", range(3))
def test_what_decides_comes_first_and_what_does_nothing_last(seed: int) -> None:
    found = importance_of(synthetic_history(200, seed))
    assert parameters_of(found, "accuracy")[0] == "angle"
    assert parameters_of(found, "accuracy", "label")[0] == "angle"
    for objective in ("rate_bits", "transmitter_bytes"):
        assert set(parameters_of(found, objective)[:2]) == {"angle", "edge"}
        assert set(parameters_of(found, objective)[2:]) == {"idle", "colour"}


def made(name: int, rate: float, status: str = "finished") -> TrialResult:
    measured = Measurement(10, rate, rate, rate, 0.0, rate, 0.5)
    return TrialResult(
        f"t{name:04d}", status, "", measured, measured, 10, None, 0.1, 1.0, transmitter_macs_unknown="?"
    )  # type: ignore[arg-type]


def test_the_family_itself_is_judged_beside_the_parameters() -> None:
    """One family is always cheaper: nothing else decides the rate."""
    random = Random(3)
    values = [{"family": random.choice(("a", "b")), "x": random.random()} for _ in range(200)]
    rates = [random.random() + 10.0 * (each["family"] == "b") for each in values]
    found = importance_of(history_of(values, [made(n, rate) for n, rate in enumerate(rates)]))
    rate = found.objectives["rate_bits"]
    assert rate.family is not None
    assert rate.family > 0.5
    ones = [(value, rate) for value, rate in zip(values, rates, strict=True) if value["family"] == "a"]
    results = [made(n, rate) for n, (_, rate) in enumerate(ones)]
    alone = importance_of(history_of([value for value, _ in ones], results))
    assert (alone.objectives["rate_bits"].family, alone.objectives["rate_bits"].reason) == (
        None,
        "no two families have finished trials",
    )


def reason_of(values: Mapping[str, list[Scalar]], rates: list[float]) -> tuple[int, str]:
    rows = [
        {"family": "a", **{name: column[n] for name, column in values.items()}} for n in range(len(rates))
    ]
    found = importance_of(history_of(rows, [made(n, rate) for n, rate in enumerate(rates)]))
    family = found.objectives["rate_bits"].families["a"]
    assert family.parameters is None
    return family.trials, family.reason


def test_where_nothing_can_be_said_there_is_a_reason() -> None:
    few = LEAST_TRIALS - 1
    varied: list[Scalar] = [n / 20 for n in range(20)]
    assert reason_of({"x": varied}, list(map(float, range(few)))) == (few, "9 trials have finished, under 10")
    assert reason_of({"x": varied}, [1.0] * 20) == (20, "every trial has the same value")
    assert reason_of({"x": [1] * 20}, list(map(float, range(20)))) == (20, "no parameter was varied")


@pytest.mark.parametrize(
    "column",
    [
        [1e308, -1e308, 0.0, 5e-324],
        [2**62, 2**62 + 1, 0, -5],
        [True, "True", 1, 0.5],
        ["", "a" * 500, "\n", "é"],
        [0.0, 1e-300, 1e300, 1.0],
    ],
)
def test_any_values_that_a_ledger_may_hold_are_taken(column: list[Scalar]) -> None:
    random = Random(0)
    rows = [{"family": "a", "x": random.choice(column), "y": random.random()} for _ in range(30)]
    history = history_of(
        rows, [made(n, random.choice((0.0, 1e300, 2.0, random.random()))) for n in range(30)]
    )
    text = json.dumps(importance_of(history).to_json(), allow_nan=False)
    assert json.loads(text)["objectives"]["rate_bits"]["families"]["a"]["trials"] == 30


def test_a_thousand_trials_take_little_time() -> None:
    history = synthetic_history(1000, 0)
    importance_of(history)  # the forest's library is loaded once
    start = time.process_time()
    importance_of(history)
    assert time.process_time() - start < 2.0
