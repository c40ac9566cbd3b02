"""What a person asks to be simulated: a sweep file, a recorded sweep, or neither."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ratefront.engine.search.first_trials import spread_trial
from ratefront.errors import InputError
from ratefront.records import TrialParams
from ratefront.simulate.built_in_sweep import built_in
from ratefront.simulate.driver_capacity import SamplerName
from ratefront.simulate.fault_plan import FaultPlan
from ratefront.simulate.record_table import table_of_folder
from ratefront.simulate.recorded_tables import SHIPPED, Table
from ratefront.simulate.scenario import Scenario
from ratefront.simulate.simulated_problem import Problem, Synthetic
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.schema import SweepSpec
from ratefront.store.sweep_folder import SweepFolder

#: With faults: what a thing takes that the driver does, so that a seed replays exactly; and the nodes of the cluster.
FIXED_LATENCY_S, NODES = 0.002, 3

#: Trials whose duration is looked at before faults are drawn.
SAMPLED = 16


def find_table(name: str) -> Table:
    """A table by its name in the package, its file, or the folder of the sweep itself.

    Raises:
        InputError: There is none; lists those of the package.
    """
    if name in SHIPPED:
        return Table.load(SHIPPED[name])
    path = Path(name)
    if path.is_dir():
        return table_of_folder(SweepFolder(path))
    if not path.exists():
        known = ", ".join(SHIPPED) or "none"
        raise InputError(
            f"there is no table {name}: give a file, a sweep's folder, or one of the package: {known}"
        )
    return Table.load(path)


def asked_for(
    loaded: LoadedSpec | None,
    table: Table | None,
    *,
    trials: int | None = None,
    slots: int | None = None,
    sampler: SamplerName | None = None,
    trial_s: float = 600.0,
    latency_s: float | None = None,
) -> Scenario:
    """The scenario without faults; what is not said is the sweep file's, or the recorded sweep's.

    Without a table trials are synthetic and take about ``trial_s`` seconds. ``latency_s`` None: as measured.

    Raises:
        InputError: The sweep file optimises a metric that the recorded sweep did not measure.
    """
    chosen = loaded or (built_in() if table is None else table.loaded)
    spec = chosen.spec
    changes = {
        "trials": spec.trials if trials is None else trials,
        "sampler": spec.sampler if sampler is None else spec.sampler.model_copy(update={"name": sampler}),
    }
    metrics = {metric.name: metric.direction for metric in spec.metrics}
    problem: Problem = Synthetic(chosen.space, trial_s, metrics=metrics) if table is None else table
    _check_objectives(spec, problem)
    return Scenario(
        spec.model_copy(update=changes),
        chosen.space,
        problem,
        (slots or spec.resources.concurrent,),
        latency_s,
        is_watched=False,
    )


def _check_objectives(spec: SweepSpec, problem: Problem) -> None:
    if missing := [name for name in spec.objectives if name not in problem.reference]:
        raise InputError(
            f"objectives: the recorded trials have no {', '.join(missing)}; they have {', '.join(problem.reference)}"
        )


def with_faults(scenario: Scenario, seed: int) -> Scenario:
    """The same sweep on a few nodes, with the faults of a seed."""
    slots, spec = sum(scenario.nodes), scenario.spec
    nodes = [slots // NODES + (node < slots % NODES) for node in range(NODES)]
    lasts_s = [_duration_s(scenario, number) for number in range(min(SAMPLED, spec.trials))]
    horizon_s = max(1.0, 1.5 * sum(lasts_s) / len(lasts_s) * spec.trials / slots)
    return replace(
        scenario,
        nodes=tuple(filter(None, nodes)),
        latency_s=FIXED_LATENCY_S if scenario.latency_s is None else scenario.latency_s,
        plan=FaultPlan.draw(seed, horizon_s),
        is_watched=True,
    )


def _duration_s(scenario: Scenario, number: int) -> float:
    values = spread_trial(scenario.space, scenario.spec.sampler.seed, number)
    course = scenario.problem.course(TrialParams(f"t{number:04d}", number, values))
    return sum(step.seconds for step in course.steps) + course.closing_s
