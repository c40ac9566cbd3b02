"""Virtual time, the synthetic front, and what a driver's latency costs the slots."""

from __future__ import annotations

import math
from random import Random
from types import SimpleNamespace

import pytest

from ratefront.engine.search.first_trials import spread
from ratefront.pareto import non_dominated
from ratefront.records import OBJECTIVES, TrialParams, TrialResult
from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.driver_capacity import DriverCapacity, measure_capacity
from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem, best_position, dtlz2
from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario
from ratefront.simulate.virtual_time.memory_ledger import MemoryLedger
from ratefront.simulate.virtual_time.simulated_driver import DriverDied
from ratefront.simulate.virtual_time.virtual_clock import VirtualClock
from ratefront.spec.space.dimensions import Choice, Float, Int, Space
from ratefront.testing.faults.failing_disk import FailingDisk
from ratefront.testing.faults.faulty_sweep import draw_faults_for, run_with_faults


def test_what_is_due_first_happens_first_and_in_the_order_of_asking() -> None:
    clock, seen = VirtualClock(), list[tuple[float, str]]()
    for wait_s, name in ((2.0, "b"), (1.0, "a"), (2.0, "c")):
        clock.after(wait_s, lambda name=name: seen.append((clock.now, name)))  # type: ignore[misc]
    clock.after(2.0, lambda: clock.after(0.0, lambda: seen.append((clock.now, "d"))))
    while clock.step():
        pass
    assert seen == [(1.0, "a"), (2.0, "b"), (2.0, "c"), (2.0, "d")]


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_a_writer_that_dies_leaves_a_part_that_the_next_one_cuts_or_keeps_whole(kept: float) -> None:
    random = SimpleNamespace(randint=lambda low, high: round(low + kept * (high - low)))
    disk = FailingDisk(random)  # type: ignore[arg-type]
    journal = MemoryLedger(disk, lambda: 1.0)
    created, *more = run(make_scenario(None, None, trials=1, latency_s=0.0)).entries
    journal.append(created.event)
    disk.appends_left = 0
    with pytest.raises(DriverDied):
        journal.append(more[0].event)
    disk.appends_left = None
    entries = MemoryLedger(disk, lambda: 1.0).entries
    assert len(entries) == (2 if kept == 1.0 else 1)
    assert disk.content.endswith(b"\n")


SPACE: Space = {
    "t": Float(0, 1),
    "u": Float(1e-3, 1, log=True),
    "v": Float(0, 1),
    "w": Int(1, 9),
    "x": Choice((1, 2, 4)),
}


def test_the_front_of_the_synthetic_problem_is_the_unit_sphere() -> None:
    random = Random(1)
    for _ in range(200):
        values = {"t": random.random(), "u": random.uniform(1e-3, 1), "v": random.random()}
        values |= {"w": random.randint(1, 9), "x": random.choice((1, 2, 4))}
        assert math.hypot(*dtlz2(SPACE, values)) >= 1 - 1e-12
    places = {path: best_position(path) for path in "vwx"}
    best = {"v": places["v"], "w": 1 + round(8 * places["w"]), "x": (1, 2, 4)[round(2 * places["x"])]}
    assert math.hypot(*dtlz2(SPACE, {"t": 0.3, "u": 0.1, **best})) == pytest.approx(1)


def test_the_search_is_worth_it_on_the_synthetic_problem() -> None:
    """There is a front to be found: random trials are far apart, and many are dominated."""
    loaded, values = built_in_sweep(), dict[str, list[float]]()
    for number in range(100):
        params = TrialParams(f"t{number:04d}", number, spread(loaded.space, 0, number))
        result = TrialResult.from_json(SyntheticProblem(loaded.space).course(params).result or {})
        assert all(
            result.objective(name) <= SyntheticProblem(loaded.space).reference[name] or name == "accuracy"
            for name in OBJECTIVES
        )
        values[params.trial_id] = [result.objective(name) for name in loaded.spec.objectives]
    assert 5 < len(non_dominated(values, loaded.spec.directions)) < 60


@pytest.mark.parametrize(("slots", "latency_s", "busy"), [(10, 0.0, 1.0), (10, 0.1, 0.99), (100, 0.5, 0.5)])
def test_what_the_driver_needs_leaves_slots_idle(slots: int, latency_s: float, busy: float) -> None:
    """A driver that needs 22 times 0.5 s for a trial starts one every 11 s, however many slots there are."""
    scenario = make_scenario(
        None, None, trials=20 * slots, slots=slots, sampler="random", trial_s=600, latency_s=latency_s
    )
    found = DriverCapacity.of(run(scenario))
    assert found.busy_share == pytest.approx(busy, abs=0.05)
    assert found.driver_s == pytest.approx(24 * latency_s, rel=0.05)


def test_capacity_prices_each_event_with_what_it_takes_here() -> None:
    found = measure_capacity(slots=20, trials=100, trial_s=60.0, reports=2, sampler="random")
    assert 0.5 < found.busy_share <= 1.0
    assert found.busy_share_whole <= found.busy_share
    assert 1e-5 < found.driver_s < 1.0
    assert found.virtual_s > 5 * 57


def test_samplers_and_slots_can_be_compared() -> None:
    outcomes = [
        outcome_of(run(make_scenario(None, None, trials=40, slots=slots, sampler=sampler, latency_s=0.0)))  # type: ignore[arg-type]
        for sampler, slots in (("random", 2), ("tpe", 2), ("random", 8))
    ]
    volumes = [list(outcome.hypervolume.values()) for outcome in outcomes]
    assert all(volume == sorted(volume) and volume[0] > 0 for volume in volumes)
    assert volumes[0] != volumes[1]
    assert outcomes[0].virtual_seconds == pytest.approx(4 * outcomes[2].virtual_seconds, rel=0.2)


def test_faults_on_a_sweep_of_ones_own_replay_exactly() -> None:
    scenario, plan = draw_faults_for(make_scenario(None, None, trials=20, slots=7, sampler="random"), seed=11)
    assert scenario.nodes == (3, 2, 2)
    first, second = run_with_faults(scenario, plan), run_with_faults(scenario, plan)
    assert first.ledger == second.ledger
    assert outcome_of(first) == outcome_of(second)
