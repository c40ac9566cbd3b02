"""From what a person gives to a scenario: a sweep file, a recorded sweep, or neither."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from ratefront.engine.find_known import find_known
from ratefront.errors import InputError
from ratefront.simulate.built_in_sweep import built_in_sweep, codec_families_sweep
from ratefront.simulate.problems.codec_families import CodecFamilies
from ratefront.simulate.problems.recorded_table import SHIPPED, RecordedTable
from ratefront.simulate.problems.simulated_problem import SimulatedProblem
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.problems.table_from_ledger import table_of_folder
from ratefront.simulate.scenario import Scenario
from ratefront.spec.check_spec import LoadedSpec, grid_problems
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.space.dimensions import Space
from ratefront.spec.sweep_spec import SamplerName, SweepSpec
from ratefront.store.earlier_sweeps import read_earlier_sweeps
from ratefront.store.sweep_folder import SweepFolder

#: What synthetic trials can do.
ProblemName: TypeAlias = Literal["dtlz2", "codec_families"]


def find_table(name: str) -> RecordedTable:
    """Find a table by its name in the package, its file, or the folder of the sweep itself.

    Raises:
        InputError: There is no such table, or it cannot be read; lists those of the package.
    """
    if name in SHIPPED:
        return RecordedTable.load(SHIPPED[name])
    path = Path(name)
    if path.is_dir():
        return table_of_folder(SweepFolder(path))
    if not path.exists():
        known = ", ".join(SHIPPED) or "none"
        raise InputError(
            f"there is no table {name}: give a file, a sweep's folder, or one of the package: {known}"
        )
    return RecordedTable.load(path)


def make_scenario(
    loaded: LoadedSpec | None,
    table: RecordedTable | None,
    *,
    trials: int | None = None,
    slots: int | None = None,
    sampler: SamplerName | None = None,
    stopping: bool = True,
    problem: ProblemName = "dtlz2",
    trial_s: float = 600.0,
    latency_s: float | None = None,
) -> Scenario:
    """Make the scenario, without faults. What is None is the sweep file's, or the recorded sweep's.

    Args:
        loaded: The sweep file; None: the recorded sweep's, or a built-in one.
        table: Trials answer as those of this recorded sweep did; None: they are synthetic.
        trials: How many trials the sweep has.
        slots: How many of them run at the same time.
        sampler: The name of the sampler.
        stopping: False: no trial is stopped early.
        problem: What synthetic trials do; ``codec_families`` has a sweep of its own, where none is given.
        trial_s: How long a synthetic trial takes on average, in seconds.
        latency_s: How long one thing takes that the driver does, in seconds; None: as long as it takes here, now.

    Raises:
        InputError: The sweep file optimises a metric that the recorded sweep did not measure, or names a sweep that
            cannot be used (see ``find_known``).
        LedgerDamagedError: The ledger of a sweep that it names cannot be read.
    """
    sweep = loaded or (_sweep_of(problem) if table is None else table.loaded)
    spec = sweep.spec if loaded else _without_folders(sweep.spec)
    changes: dict[str, object] = {
        "trials": spec.trials if trials is None else trials,
        "sampler": spec.sampler if sampler is None else spec.sampler.model_copy(update={"name": sampler}),
        # Most problems give one result for each configuration, whatever the seed: a repeat would show nothing.
        "repeats": Repeats.model_validate(1),
    }
    if not stopping:
        changes["stopping"] = Stopping(rule="none")
    simulated = spec.model_copy(update=changes)
    if problems := grid_problems(simulated.sampler.name, sweep.space):
        raise InputError(problems[0])
    answers = _problem(simulated, sweep.space, table, problem, trial_s)
    _check_objectives(simulated, answers)
    found = find_known(simulated, sweep.space, read_earlier_sweeps(simulated))
    return Scenario(
        simulated,
        sweep.space,
        answers,
        (slots or spec.resources.concurrent,),
        latency_s,
        is_tracked=False,
        known=None if found is None else found.event,
    )


def _problem(
    spec: SweepSpec, space: Space, table: RecordedTable | None, problem: ProblemName, trial_s: float
) -> SimulatedProblem:
    metrics = {metric.name: metric.direction for metric in spec.metrics}
    if table is not None:
        return table
    if problem == "codec_families":
        return CodecFamilies(trial_s, metrics=metrics)
    return SyntheticProblem(space, trial_s, metrics=metrics)


def _sweep_of(problem: ProblemName) -> LoadedSpec:
    return codec_families_sweep() if problem == "codec_families" else built_in_sweep()


def _without_folders(spec: SweepSpec) -> SweepSpec:
    """Return the settings of a recorded sweep without the folders that they name: those are of another machine."""
    points = tuple(point for point in spec.start_with if not isinstance(point, str))
    return spec.model_copy(update={"start_with": points, "learn_from": ()})


def _check_objectives(spec: SweepSpec, problem: SimulatedProblem) -> None:
    if missing := [name for name in spec.objectives if name not in problem.reference]:
        raise InputError(
            f"objectives: the recorded trials have no {', '.join(missing)}; they have {', '.join(problem.reference)}"
        )
