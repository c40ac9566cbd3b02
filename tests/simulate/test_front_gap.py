"""What it costs to close the gap: counted again from the ledger, and known for sweeps that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ratefront.history.events import Finished, Pruned, Started, Stopped
from ratefront.pareto import hypervolume
from ratefront.simulate.front_gap import (
    SHARES,
    UNKNOWN_COST,
    EndedTrial,
    FrontGap,
    closing_cost,
    ended_trials,
    gap_of,
    volume_over,
)
from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.problems.recorded_table import SHIPPED, RecordedTable, RecordedTrial
from ratefront.simulate.problems.simulated_problem import KnownResults
from ratefront.simulate.run_simulation import FinishedSimulation, run, run_to_end
from ratefront.simulate.simulation import Simulation
from ratefront.simulate.simulation_input import make_scenario
from ratefront.simulate.virtual_time.simulated_worker import START_S
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data, to_plain
from ratefront.trial_records import Measurement, TrialResult

OBJECTIVES = {"rate_bits": "minimise", "accuracy": "maximise"}
VOLUME = volume_over(OBJECTIVES, {"rate_bits": 1.0, "accuracy": 0.0})  # type: ignore[arg-type]


def result(accuracy: float, status: str = "finished") -> TrialResult:
    """A codec of rate 0, whose volume up to a rate of 1 bit is its accuracy."""
    measured = Measurement(10, 0.0, 0.0, 0.0, 0.0, 0.0, accuracy)
    return TrialResult("t0000", status, "", measured, measured, 1, 1, 1.0, 1.0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mnist() -> RecordedTable:
    return RecordedTable.load(SHIPPED["mnist"])


@pytest.fixture(scope="module")
def simulated(mnist: RecordedTable) -> FinishedSimulation:
    return run(make_scenario(None, mnist, trials=60, slots=3, sampler="random", latency_s=0.0))


def test_the_cost_is_that_of_the_first_trial_that_closes_the_share() -> None:
    known = KnownResults([result(0.2)], [result(1.0)])
    trials = [EndedTrial(10.0, result(0.1)), EndedTrial(20.0, result(0.7)), EndedTrial(30.0, result(0.65))]
    cost = closing_cost([*trials, EndedTrial(40.0, result(0.95))], known, VOLUME)
    assert cost.gap is not None
    assert (cost.gap.random, cost.gap.known) == (pytest.approx(0.2), pytest.approx(1.0))
    assert cost.busy_s == {50: 20.0, 90: 40.0, 95: None, 99: None}  # 0.6, 0.92, 0.96, 0.992
    assert cost.closed == pytest.approx(0.75 / 0.8)


def test_what_collapsed_or_failed_is_drawn_and_is_no_point() -> None:
    known = KnownResults([result(0.4), None, result(1.0, "collapsed"), result(0.4)])
    assert gap_of(known, VOLUME) == FrontGap(pytest.approx(0.4), pytest.approx(0.4))
    many = KnownResults([*[result(0.5)] * 12, *[None] * 36])
    assert gap_of(many, VOLUME).random == pytest.approx(0.5, rel=0.05)
    few = KnownResults([result(0.5), *[result(0.9, "collapsed")] * 47])
    assert gap_of(few, VOLUME).random == pytest.approx(0.25, rel=0.2)  # drawn in half of the draws
    assert closing_cost([EndedTrial(1.0, result(0.4, "collapsed"))], known, VOLUME).busy_s[50] is None


def test_without_known_configurations_nothing_is_claimed() -> None:
    assert closing_cost([EndedTrial(1.0, result(0.4))], KnownResults([None]), VOLUME) is UNKNOWN_COST


def test_busy_seconds_are_the_integral_of_slots_at_work(simulated: FinishedSimulation) -> None:
    """From the ledger: each attempt works from its ``started`` to its ``finished`` or ``pruned``."""
    began = {e.event.trial_id: e.time for e in simulated.entries if isinstance(e.event, Started)}
    ends = {e.event.trial_id: e.time for e in simulated.entries if isinstance(e.event, Finished | Pruned)}
    finished = [e.event.trial_id for e in simulated.entries if isinstance(e.event, Finished)]
    assert len(finished) < len(ends), "some are stopped early"
    for trial_id, ended in zip(finished, ended_trials(simulated), strict=True):
        until = ends[trial_id]
        worked = sum(max(0.0, min(ends[name], until) - began[name]) for name in began)
        assert ended.busy_s == pytest.approx(worked, rel=0.01)


def test_the_outcome_agrees_with_a_count_by_hand(simulated: FinishedSimulation, mnist: RecordedTable) -> None:
    found = outcome_of(simulated)
    objectives = simulated.scenario.spec.directions
    known = mnist.known_results(simulated.scenario.space).all

    def volume(results: list[TrialResult | None]) -> float:
        points = [
            [one.objective(name) for name in objectives]
            for one in results
            if one and one.status == "finished"
        ]
        return hypervolume(points, objectives, mnist.reference)

    assert found.gap is not None
    assert found.gap["known"] == pytest.approx(volume(known))
    assert 70 < found.gap["random"] < 85
    ended = ended_trials(simulated)
    for share in SHARES:
        level = found.gap["random"] + share / 100 * (found.gap["known"] - found.gap["random"])
        first = next(
            (size for size in range(len(ended) + 1) if volume([e.result for e in ended[:size]]) >= level),
            None,
        )
        assert found.busy_s_to_gap[share] == (None if first is None else ended[first - 1].busy_s)
    assert found.busy_s_to_gap[50] is not None
    assert found.to_json()["busy_s_to_gap"].keys() == {"50", "90", "95", "99"}


def test_a_stopped_trial_costs_what_it_computed(mnist: RecordedTable) -> None:
    loaded = learned(mnist)
    scenario = make_scenario(loaded, mnist, trials=2, slots=1, sampler="random", latency_s=0.0)
    whole = run(scenario)
    first = mnist.course(whole.engine.history.trials["t0000"].params)
    second = mnist.course(whole.engine.history.trials["t0001"].params)
    simulation = Simulation(scenario)

    def stop_the_first() -> None:
        assert simulation.cluster.driver is not None
        until = sum(step.seconds for step in first.steps[:3])
        simulation.clock.after(START_S + until + 0.01, lambda: simulation.cluster.driver.stop_trial("t0000"))  # type: ignore[union-attr]

    stopped = run_to_end(simulation, stop_the_first)
    assert any(isinstance(entry.event, Stopped) for entry in stopped.entries)
    (ended,) = ended_trials(stopped)
    full = sum(step.seconds for step in second.steps) + second.closing_s
    assert ended.busy_s == pytest.approx(sum(step.seconds for step in first.steps[:3]) + full, abs=0.05)


def test_the_gap_is_that_of_the_sweeps_own_space(mnist: RecordedTable) -> None:
    found = mnist.known_results(learned(mnist).space)
    rows = {
        frozenset(row.values.items()) for row in mnist.rows if row.values["family"] in ("split", "student")
    }
    assert len(found.random) == len(rows)
    assert len(found.random) < len(mnist.known_results(mnist.loaded.space).random)
    assert found.best == ()


def test_of_repeated_configurations_the_one_that_answers_counts(mnist: RecordedTable) -> None:
    first = mnist.rows[0]
    assert first.course.result is not None
    other = {**first.course.result, "transmitter_bytes": 1}
    repeated = RecordedTrial(first.values, replace(first.course, result=other))
    table = RecordedTable(mnist.sweep, mnist.spec, [first, repeated], mnist.reference)
    (known,) = table.known_results(table.loaded.space).random
    assert known is not None
    assert known.transmitter_bytes == first.course.result["transmitter_bytes"]


def learned(table: RecordedTable) -> LoadedSpec:
    plain = to_plain(table.loaded.spec)
    families = plain["space"]["family"]
    plain["space"]["family"] = {name: families[name] for name in ("split", "student")}
    return load_spec_without_data(plain)
