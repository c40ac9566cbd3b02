"""A simulation under a plan of faults, and a plan for any sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from ratefront.engine.search.first_trials import spread_trial
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.run_simulation import FinishedSimulation, run_to_end
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulation import Simulation
from ratefront.testing.faults.fault_injection import FaultInjection
from ratefront.testing.faults.fault_plan import FaultPlan
from ratefront.testing.faults.faulty_conditions import FaultyConditions
from ratefront.testing.faults.ground_truth import GroundTruth
from ratefront.trial_records import TrialParams

#: How long each action of the driver takes, in seconds: fixed, so that a seed replays exactly.
FIXED_LATENCY_S = 0.002

#: The number of nodes of the cluster.
NODES = 3

#: How many trials' durations are looked at before faults are drawn.
SAMPLED = 16


@dataclass(frozen=True)
class FaultySimulation(FinishedSimulation):
    """A finished simulation with faults.

    Attributes:
        plan: The faults.
        fault_counts: By kind, how often a fault struck.
        ground_truth: What was really done.
    """

    plan: FaultPlan
    fault_counts: Counter[str]
    ground_truth: GroundTruth


def run_with_faults(
    scenario: Scenario,
    plan: FaultPlan,
    parts: Parts | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> FaultySimulation:
    """Simulate a sweep with faults; ``on_update`` is called with its history whenever that has changed.

    Raises:
        InvariantBrokenError: The sweep came to no end, or something in it raised an error.
        InputError: The problem does not know the sweep's space.
    """
    conditions, truth = FaultyConditions(plan), GroundTruth()

    def changed(history: SweepHistory) -> None:
        injection.watch(history)
        if on_update is not None:
            on_update(history)

    simulation = Simulation(replace(scenario, is_tracked=True), parts, conditions, truth, changed)
    injection = FaultInjection(simulation, conditions)
    finished = run_to_end(simulation, lambda: injection.schedule(plan))
    return FaultySimulation(
        **vars(finished), plan=plan, fault_counts=conditions.fault_counts, ground_truth=truth
    )


def draw_faults_for(scenario: Scenario, seed: int) -> tuple[Scenario, FaultPlan]:
    """Spread a sweep over a few nodes, and draw the faults of a seed for it."""
    slots, spec = sum(scenario.nodes), scenario.spec
    nodes = [slots // NODES + (node < slots % NODES) for node in range(NODES)]
    durations_s = [_duration_s(scenario, number) for number in range(min(SAMPLED, spec.trials))]
    horizon_s = max(1.0, 1.5 * sum(durations_s) / len(durations_s) * spec.trials / slots)
    on_nodes = replace(
        scenario,
        nodes=tuple(filter(None, nodes)),
        latency_s=FIXED_LATENCY_S if scenario.latency_s is None else scenario.latency_s,
    )
    return on_nodes, FaultPlan.draw(seed, horizon_s, may_hang=spec.trial_hours is not None)


def _duration_s(scenario: Scenario, number: int) -> float:
    values = spread_trial(scenario.space, scenario.spec.sampler.seed, number)
    course = scenario.problem.course(TrialParams(f"t{number:04d}", number, values))
    return sum(step.seconds for step in course.steps) + course.closing_s
