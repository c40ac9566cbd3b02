"""Sweeps in virtual time, run with the engine of real sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ratefront.argument_checks import check_count, check_seconds
from ratefront.catalogue.number_limits import MOST_CORES, MOST_TRIALS
from ratefront.errors import InputError, UnknownNameError
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data
from ratefront.spec.sweep_spec import SamplerName
from ratefront.wording import Argument, Message

if TYPE_CHECKING:
    from ratefront.simulate.outcome import Outcome
    from ratefront.simulate.simulation_input import ProblemName


def simulate_sweep(
    spec: Path | str | Mapping[str, Any] | LoadedSpec | None = None,
    *,
    table: str | Path | None = None,
    problem: ProblemName | None = None,
    trials: int | None = None,
    slots: int | None = None,
    sampler: SamplerName | None = None,
    stopping: bool = True,
    trial_s: float = 600.0,
    latency_s: float | None = None,
    faults: int | None = None,
    on_update: Callable[[SweepHistory], None] | None = None,
) -> Outcome:
    """Run a sweep in virtual time, with the engine of a real sweep.

    Args:
        spec: What ``load_spec`` takes; its data set and task model need not be there. None: the recorded sweep's
            settings, or a built-in sweep.
        table: A recorded sweep whose results the simulated trials have: a name in the package, a file, or a sweep's
            folder; None: the trials are synthetic.
        problem: What synthetic trials do: ``dtlz2`` (the default), for any sweep; or ``codec_families``, for its own
            sweep or part of it, whose trials differ in cost and report noisy curves.
        trials: The number of trials, instead of the spec's.
        slots: How many trials run at the same time, instead of the spec's.
        sampler: The name of a sampler, as in a sweep file, instead of the spec's.
        stopping: False: no trial is stopped early, whatever the spec says.
        trial_s: How long a synthetic trial takes, in seconds.
        latency_s: How long the driver takes for each action, in seconds; None: as long as it takes on this machine.
        faults: The seed of random faults. The invariants of a sweep are then checked.
        on_update: Called with the history whenever it has changed.

    Returns:
        The outcome, among it ``outcome.hypervolume`` after each quarter of the trials, ``outcome.busy_s_to_gap`` (what
        it took to find most of the front that is known), ``outcome.virtual_seconds`` and ``outcome.slots_busy``.

    Raises:
        InputError: The spec or the table cannot be used.
        InvariantBrokenError: An invariant of a sweep did not hold.

    Example:
        >>> import ratefront as rf
        >>> rf.simulate_sweep(table="digits", trials=20, slots=4, sampler="random", latency_s=0.01).slots
        4
    """
    from ratefront.simulate.driver_capacity import parts_with_real_ledger
    from ratefront.simulate.outcome import outcome_of
    from ratefront.simulate.run_simulation import run
    from ratefront.simulate.simulation_input import ProblemName, find_table, make_scenario
    from ratefront.testing.faults.faulty_sweep import draw_faults_for, run_with_faults
    from ratefront.testing.faults.invariants import check_invariants

    for argument, count, most in (("trials", trials, MOST_TRIALS), ("slots", slots, MOST_CORES)):
        if count is not None:
            check_count(argument, count, most=most)
    if sampler not in (None, *get_args(SamplerName)):
        raise UnknownNameError("sampler", str(sampler), get_args(SamplerName))
    if problem not in (None, *get_args(ProblemName)):
        raise UnknownNameError("problem", str(problem), get_args(ProblemName))
    if problem is not None and table is not None:
        raise InputError(Message("give either ", Argument("table"), " or ", Argument("problem")))
    check_seconds("trial_s", trial_s)
    check_seconds("latency_s", latency_s or 0.0)
    if faults is not None:
        check_count("faults", faults, least=0)
    loaded = None if spec is None else load_spec_without_data(spec)
    recorded = None if table is None else find_table(str(table))
    scenario = make_scenario(
        loaded,
        recorded,
        problem=problem or "dtlz2",
        trials=trials,
        slots=slots,
        sampler=sampler,
        stopping=stopping,
        trial_s=trial_s,
        latency_s=latency_s,
    )
    if faults is not None:
        simulation = run_with_faults(*draw_faults_for(scenario, faults), on_update=on_update)
        check_invariants(simulation)
        return outcome_of(simulation, faults, simulation.fault_counts)
    if latency_s is not None:
        return outcome_of(run(scenario, on_update=on_update))
    with parts_with_real_ledger() as parts:
        return outcome_of(run(scenario, parts, on_update))


def simulate_seed(seed: int) -> Outcome:
    """Simulate a small sweep that is drawn from a seed, with its faults, and check its invariants.

    Args:
        seed: The sweep, its cluster and its faults are drawn from it.

    Returns:
        What ``simulate_sweep`` returns.

    Raises:
        InputError: The seed is not a whole number ≥ 0.
        InvariantBrokenError: An invariant of a sweep did not hold.

    Example:
        >>> import ratefront as rf
        >>> rf.simulate_seed(3).faults_seed
        3
    """
    from ratefront.simulate.outcome import outcome_of
    from ratefront.testing.faults.seeded_sweeps import try_seed

    simulation = try_seed(check_count("seed", seed, least=0))
    return outcome_of(simulation, simulation.plan.seed, simulation.fault_counts)
