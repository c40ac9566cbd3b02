"""A suggestion is a function of (seed, number, history)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.engine.engine import Engine
from ratefront.engine.search import samplers
from ratefront.engine.search.first_trials import INTERVAL_STRATA, spread_trial
from ratefront.engine.search.next_suggestion import Suggester
from ratefront.engine.search.sampler_memory import MAX_ENDED, SLACK, BoundedMemory, GenerationMemory
from ratefront.engine.search.seeds import stable_seed
from ratefront.history.events import Extended, Planned, Reopened
from ratefront.history.sweep_history import TrialHistory
from ratefront.optuna_space import to_optuna
from ratefront.spec.space.dimensions import Constant, Float
from ratefront.trial_records import TrialParams, TrialResult

pytestmark = pytest.mark.medium

_ELSEWHERE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import conftest
from random import Random
from ratefront.history.events import Planned
driver = conftest.VirtualDriver(conftest.make_spec(14, sys.argv[2], 5), Random(2), 2)
driver.run()
print(json.dumps([dict(entry.event.values) for entry in driver.ledger if isinstance(entry.event, Planned)]))
"""


def planned(driver: object) -> list[dict[str, object]]:
    return [dict(entry.event.values) for entry in driver.ledger if isinstance(entry.event, Planned)]


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random"])
def test_suggestions_are_the_same_in_another_process(virtual: SimpleNamespace, sampler: str) -> None:
    here = virtual.Driver(virtual.spec(14, sampler, 5), Random(2), 2)
    here.run()
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-W", "ignore", "-c", _ELSEWHERE, folder, sampler]
    other = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"})
    assert json.loads(other.stdout) == planned(here)


def test_another_seed_gives_another_sweep(virtual: SimpleNamespace) -> None:
    first, second = (virtual.Driver(virtual.spec(6, seed=seed), Random(0)) for seed in (0, 1))
    first.run(), second.run()
    assert planned(first) != planned(second)


def test_nsga2_replays_across_generations(virtual: SimpleNamespace) -> None:
    driver = virtual.Driver(virtual.spec(125, "nsga2", startup=10), Random(4), 4)
    driver.run()
    assert driver.engine._suggester._memory.current >= 1
    for cut in range(1, len(driver.ledger), 97):
        replayed = Engine(driver.spec, virtual.SPACE, driver.ledger[:cut])
        number = len(replayed.history.trials)
        if cut < len(driver.ledger) and isinstance(driver.ledger[cut].event, Planned):
            assert replayed._suggester.suggest(number) == driver.ledger[cut].event.values


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random"])
def test_a_replay_suggests_the_trial_that_was_planned_next(virtual: SimpleNamespace, sampler: str) -> None:
    driver = virtual.Driver(virtual.spec(16, sampler, 9), Random(8), 3)
    driver.run()
    cuts = [entry.seq for entry in driver.ledger if isinstance(entry.event, Planned)][4::3]
    for cut in cuts:
        event = driver.ledger[cut].event
        replayed = Engine(driver.spec, virtual.SPACE, driver.ledger[:cut])
        assert replayed._suggester.suggest(event.number) == event.values


class ShortMemory(BoundedMemory):
    def __init__(self, objectives: tuple[str, ...], **settings: Any) -> None:
        super().__init__(objectives, size=8, most_unfinished=3, slack=3, **settings)


class SmallGenerationMemory(GenerationMemory):
    def __init__(self, objectives: tuple[str, ...], **settings: Any) -> None:
        super().__init__(objectives, population=6, **settings)


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2"])
def test_forgotten_and_reopened_trials_replay_the_same(
    virtual: SimpleNamespace, sampler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplers, "BoundedMemory", ShortMemory)
    monkeypatch.setattr(samplers, "GenerationMemory", SmallGenerationMemory)
    first = virtual.Driver(virtual.spec(40, sampler, 1), Random(6), 5)
    first.run()
    again = virtual.Driver(first.spec, Random(7), 5, ledger=list(first.ledger))
    failed = [trial.params.trial_id for trial in again.engine.history.with_status("failed")]
    assert len(failed) >= 4
    for event in [*map(Reopened, failed), Extended(70)]:
        again.record(event)
    again.run()
    assert any(again.engine.history.trials[name].status == "finished" for name in failed)
    cuts = [
        entry.seq for entry in again.ledger if isinstance(entry.event, Planned) and entry.event.number > 20
    ]
    for cut in cuts:
        event = again.ledger[cut].event
        replayed = Engine(again.spec, virtual.SPACE, again.ledger[:cut])
        assert replayed._suggester.suggest(event.number) == event.values


def test_a_replay_without_a_suggestion_makes_no_study(virtual: SimpleNamespace) -> None:
    driver = virtual.Driver(virtual.spec(20), Random(12), 3)
    driver.run()
    replayed = Engine(driver.spec, virtual.SPACE, driver.ledger)
    assert replayed.done
    assert "_study" in vars(driver.engine._suggester._sampler)
    assert "_study" not in vars(replayed._suggester._sampler)


def test_the_sampler_sees_a_bounded_part_of_a_long_history(virtual: SimpleNamespace) -> None:
    suggester: Suggester = virtual.Driver(virtual.spec(100), Random(1)).engine._suggester
    for number in range(3 * MAX_ENDED):
        values = spread_trial(virtual.SPACE, 0, number)
        trial = TrialHistory(number, TrialParams(f"t{number:04d}", 0, values), 0.0, "finished")
        suggester.planned(trial)
        trial.result = TrialResult.from_json(virtual.result(trial.params.trial_id, values))
        suggester.ended(trial)
        if number % 100 == 50:
            suggester.suggest(number)
    suggester.suggest(3 * MAX_ENDED)
    seen = suggester._sampler._study.study.get_trials(deepcopy=False)
    assert MAX_ENDED <= sum(trial.state.name == "COMPLETE" for trial in seen) < MAX_ENDED + SLACK


def test_tpe_learns(virtual: SimpleNamespace) -> None:
    """Where a small β is best, it is suggested more often than at random, which is half of the time (30 ± 3.9)."""
    small = 0
    for seed in range(6):
        spec = virtual.spec(40, "tpe", seed, 8).model_copy(update={"objectives": ("accuracy",)})
        driver = virtual.Driver(spec, Random(0), 1, outcome=virtual.good)
        driver.run()
        betas = [values["beta"] for values in planned(driver) if "beta" in values]
        small += sum(beta < 1e-2 for beta in betas[-10:])
    assert small >= 42


def test_values_map_to_parameters_and_distributions_by_path(virtual: SimpleNamespace) -> None:
    values = {
        "family": "split", "split": "conv2", "beta": 0.01, "width": 8, "bits": 2,
        "refine": "sga", "refine_steps": 50, "epochs": 3,
    }  # fmt: skip
    params, distributions = to_optuna(virtual.SPACE, values)
    assert params == {
        "family": "split", "split/split": "conv2", "split/beta": 0.01, "split/width": 8, "split/bits": 2,
        "split/refine": "sga", "split/refine/sga/refine_steps": 50,
    }  # fmt: skip
    assert distributions.keys() == params.keys()
    assert distributions["split/beta"] == optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), start=st.integers(0, 5))
def test_the_first_trials_are_spread_over_the_space(virtual: SimpleNamespace, seed: int, start: int) -> None:
    numbers = range(2 * start, 2 * start + 12)
    trials = [spread_trial(virtual.SPACE, seed, number) for number in numbers]
    assert Counter(values["family"] for values in trials) == {"label": 6, "split": 6}
    split = [values for values in trials if values["family"] == "split"]
    if (2 * start) % 6 == 0:  # whole cycles of three
        assert Counter(values["split"] for values in split) == {"conv1": 2, "conv2": 2, "linear": 2}
    assert {values["refine"] for values in split} == {"none", "sga"}


@given(seed=st.integers(0, 10**6), cycle=st.integers(0, 20))
def test_each_part_of_an_interval_comes_up_once_a_cycle(seed: int, cycle: int) -> None:
    numbers = range(cycle * INTERVAL_STRATA, (cycle + 1) * INTERVAL_STRATA)
    parts = [
        int(spread_trial({"family": Constant("only"), "x": Float(0, 4)}, seed, number)["x"])
        for number in numbers
    ]
    assert sorted(parts) == list(range(INTERVAL_STRATA))


def test_suggestions_lie_in_the_space(virtual: SimpleNamespace) -> None:
    driver = virtual.Driver(virtual.spec(30, "tpe", 3), Random(3), 2)
    driver.run()
    for values in planned(driver):
        to_optuna(virtual.SPACE, values)
        if values["family"] == "split":
            assert 1e-4 <= values["beta"] <= 1.0
            assert isinstance(values["width"], int)
            assert values["epochs"] == 3
            assert ("refine_steps" in values) == (values["refine"] == "sga")


def test_a_suggestion_does_not_change_a_later_one(virtual: SimpleNamespace) -> None:
    spec = virtual.spec(20, "tpe", 3)
    driver = virtual.Driver(spec, Random(3), 2)
    driver.run()
    suggester: Suggester = driver.engine._suggester
    first = suggester.suggest(20)
    suggester.suggest(21)
    assert suggester.suggest(20) == first


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random"])
def test_no_trial_repeats_an_earlier_one(virtual: SimpleNamespace, sampler: str) -> None:
    """The label family of the space has nine points only, and they are good: samplers would come back to them."""
    driver = virtual.Driver(virtual.spec(40, sampler), Random(3), 2)
    driver.run()
    tried = Counter(json.dumps(values, sort_keys=True) for values in planned(driver))
    assert tried.most_common(1)[0][1] == 1


def test_stable_seeds_never_change() -> None:
    assert stable_seed("trial", 0, 0) == 235378312
    assert stable_seed("a", "b") != stable_seed("ab")
