"""One simulated sweep of the search benchmark, and how it closed the gap over the slot-seconds that it computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import accumulate
from typing import Any

from ratefront.history.sweep_history import TrialHistory
from ratefront.pareto import ranks
from ratefront.simulate.built_in_sweep import built_in_sweep, codec_families_sweep
from ratefront.simulate.front_gap import (
    EndedTrial,
    FrontGap,
    Volume,
    closing_cost,
    ended_trials,
    gap_of,
    volume_over,
)
from ratefront.simulate.problems.simulated_problem import KnownResults
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulation_input import find_table, make_scenario
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data, to_plain
from ratefront.spec.sweep_spec import Sampler, SweepSpec
from ratefront.trial_records import TrialResult

SLOTS, LATENCY_S = 2, 0.001
HAS_STOPPING = "stopping" in SweepSpec.model_fields
LEARNED = ("split", "student")


@dataclass(frozen=True)
class BenchProblem:
    """A problem, and how many trials a sweep of it has."""

    table: str | None
    synthetic: str
    trials: int
    families: tuple[str, ...] = ()

    def loaded(self) -> LoadedSpec:
        """Return its sweep, with the families that it is about."""
        sweep = find_table(self.table).loaded if self.table else _SYNTHETIC[self.synthetic]()
        if not self.families:
            return sweep
        plain = to_plain(sweep.spec)
        families = plain["space"]["family"]
        plain["space"]["family"] = {name: families[name] for name in self.families}
        return load_spec_without_data(plain)


_SYNTHETIC = {"dtlz2": built_in_sweep, "codec_families": codec_families_sweep}

PROBLEMS: Mapping[str, BenchProblem] = {
    "mnist": BenchProblem("mnist", "", 240),
    "mnist_learned": BenchProblem("mnist", "", 240, LEARNED),
    "dtlz2": BenchProblem(None, "dtlz2", 240),
    "codec_families": BenchProblem(None, "codec_families", 300),
}


@dataclass(frozen=True)
class Method:
    """A search: a sampler, with or without early stopping."""

    sampler: str
    stopping: bool = False


#: What a sweep file gets that says nothing of the search.
DEFAULT = Method(Sampler().name, HAS_STOPPING)
METHODS: Mapping[str, Method] = {
    "random": Method("random"),
    "tpe": Method("tpe"),
    "nsga2": Method("nsga2"),
    "default": DEFAULT,
    "default, no stopping": replace(DEFAULT, stopping=False),
}


@dataclass(frozen=True)
class BenchRun:
    """What one sweep found.

    Attributes:
        busy_s: By share of the gap in per cent: slot-seconds until it was closed.
        total_busy_s: Slot-seconds of the whole sweep.
        volume: The hypervolume in the end, on validation.
        closed: The share of the gap closed in the end.
        curve: (slot-seconds, share of the gap closed) whenever that has grown.
        stopped: Trials stopped early.
        stopped_on_front: Those of them that the final front would not dominate, had they run to their end.
    """

    busy_s: Mapping[str, float | None]
    total_busy_s: float
    volume: float
    closed: float
    curve: Sequence[tuple[float, float]]
    stopped: int = 0
    stopped_on_front: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@cache
def yardstick(name: str) -> tuple[KnownResults, Volume, FrontGap]:
    """Return what is known of a problem, its hypervolume, and the gap."""
    scenario = scenario_of(name, METHODS["random"], 0)
    volume = volume_of(scenario)
    known = scenario.problem.known_results(scenario.space)
    return known, volume, gap_of(known, volume)


def volume_of(scenario: Scenario) -> Volume:
    """Return the hypervolume over a scenario's objectives."""
    return volume_over(scenario.spec.directions, {**scenario.problem.reference, **scenario.spec.reference})


def scenario_of(name: str, method: Method, seed: int, trials: int | None = None) -> Scenario:
    """Return the scenario of one sweep."""
    problem = PROBLEMS[name]
    scenario = make_scenario(
        problem.loaded(),
        find_table(problem.table) if problem.table else None,
        problem=problem.synthetic or "dtlz2",  # type: ignore[arg-type]
        trials=trials or problem.trials,
        slots=SLOTS,
        sampler=method.sampler,  # type: ignore[arg-type]
        stopping=method.stopping,
        latency_s=LATENCY_S,
    )
    sampler = scenario.spec.sampler.model_copy(update={"seed": seed})
    return replace(scenario, spec=scenario.spec.model_copy(update={"sampler": sampler}))


def bench_run(name: str, method: str, seed: int) -> BenchRun:
    """Simulate one sweep."""
    simulation = run(scenario_of(name, METHODS[method], seed))
    stopped = _stopped_results(simulation)
    ended = ended_trials(simulation)
    return replace(
        summed_up(name, ended, simulation.occupancy.slot_seconds),
        stopped=len(stopped),
        stopped_on_front=_on_front(stopped, [trial.result for trial in ended], simulation.scenario),
    )


def summed_up(name: str, ended: Sequence[EndedTrial], total_busy_s: float) -> BenchRun:
    """Return how the ended trials of a sweep closed the gap."""
    known, volume, gap = yardstick(name)
    cost = closing_cost(ended, known, volume)
    final = volume([trial.result for trial in ended])
    curve: list[tuple[float, float]] = []
    results: list[TrialResult | None] = []
    for busy_s, trial in zip(accumulate((one.busy_s for one in ended), max), ended, strict=True):
        results.append(trial.result)
        closed = gap.closed(volume(results)) or 0.0
        if not curve or closed > curve[-1][1]:
            curve.append((busy_s, closed))
    busy = {str(share): seconds for share, seconds in cost.busy_s.items()}
    return BenchRun(busy, total_busy_s, final, cost.closed or 0.0, curve)


def _stopped_results(simulation: FinishedSimulation) -> list[TrialResult]:
    """Return what the trials that the search stopped would have measured."""
    stopped = (trial for trial in simulation.engine.history.trials.values() if trial.status == "pruned")
    return [result for trial in stopped if (result := _full_result(simulation, trial)) is not None]


def _full_result(simulation: FinishedSimulation, trial: TrialHistory) -> TrialResult | None:
    result = simulation.scenario.problem.course(trial.params).result
    return None if result is None else TrialResult.from_json(result)


def _on_front(stopped: Sequence[TrialResult], ended: Sequence[TrialResult], scenario: Scenario) -> int:
    objectives = scenario.spec.directions
    points = {
        str(number): [result.objective(name) for name in objectives]
        for number, result in enumerate(ended)
        if result.status == "finished"
    }
    found = list(points.values())
    count = 0
    for result in stopped:
        point = [result.objective(name) for name in objectives]
        is_point = result.status == "finished" and point not in found
        count += is_point and ranks({**points, "stopped": point}, objectives)["stopped"] == 1
    return count
