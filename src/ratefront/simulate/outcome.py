"""What a person learns from a simulated sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ratefront.pareto import hypervolume
from ratefront.simulate.driver_capacity import DriverCapacity
from ratefront.simulate.front_gap import UNKNOWN_COST, closing_cost, ended_trials, volume_over
from ratefront.simulate.run_simulation import FinishedSimulation
from ratefront.store.views.front_trials import pareto_front, result_of

#: The front is computed after these parts of the trials, in per cent, in the order in which they ended.
MILESTONES = (25, 50, 75, 100)


@dataclass(frozen=True)
class Outcome:
    """What a simulated sweep took and found. Shares are fractions of the slots' or the driver's time.

    Attributes:
        hypervolume: That of the front's test values, after each of ``MILESTONES`` per cent of the trials.
        gap: From the mean hypervolume of a few random trials (``random``) to that of all known configurations
            (``known``), on validation; None where no known configuration lies in the space, and with faults.
        gap_closed: The share of the gap that the sweep has closed; None where it is not defined.
        busy_s_to_gap: By share of the gap in per cent: the slot-seconds computed until it was closed; None where it
            was not.
        faults_seed: The seed that the faults were drawn from; None: there were none.
        faults: By kind, how often something went wrong.
    """

    sweep: str
    sampler: str
    slots: int
    virtual_seconds: float
    slots_busy: float
    slots_busy_until_last_start: float
    driver_busy: float
    driver_seconds_per_trial: float
    trials_requested: int
    trials_finished: int
    trials_collapsed: int
    trials_pruned: int
    trials_stopped: int
    trials_failed: int
    objectives: tuple[str, ...]
    reference: Mapping[str, float]
    hypervolume: Mapping[int, float]
    gap: Mapping[str, float] | None
    gap_closed: float | None
    busy_s_to_gap: Mapping[int, float | None]
    faults_seed: int | None
    faults: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        volumes = {str(part): volume for part, volume in self.hypervolume.items()}
        busy_s = {str(share): seconds for share, seconds in self.busy_s_to_gap.items()}
        return asdict(self) | {
            "objectives": list(self.objectives),
            "hypervolume": volumes,
            "busy_s_to_gap": busy_s,
        }


def outcome_of(
    simulation: FinishedSimulation, faults_seed: int | None = None, faults: Mapping[str, int] | None = None
) -> Outcome:
    """Sum up a finished simulation.

    Args:
        simulation: The finished simulation.
        faults_seed: The seed that its faults were drawn from; None: it had none.
        faults: How often each kind of fault struck.
    """
    spec, history, capacity = (
        simulation.scenario.spec,
        simulation.engine.history,
        DriverCapacity.of(simulation),
    )
    reference = dict(simulation.scenario.problem.reference) | {
        str(name): value for name, value in spec.reference.items()
    }
    cost = UNKNOWN_COST
    if faults_seed is None:
        known = simulation.scenario.problem.known_results(simulation.scenario.space)
        cost = closing_cost(ended_trials(simulation), known, volume_over(spec.directions, reference))
    return Outcome(
        sweep=spec.name,
        sampler=spec.sampler.name,
        slots=sum(simulation.scenario.nodes),
        virtual_seconds=capacity.virtual_s,
        slots_busy=capacity.busy_share_whole,
        slots_busy_until_last_start=capacity.busy_share,
        driver_busy=capacity.driver_share,
        driver_seconds_per_trial=capacity.driver_s,
        trials_requested=history.trials_requested,
        trials_finished=history.counts["finished"],
        trials_collapsed=history.counts["collapsed"],
        trials_pruned=history.counts["pruned"],
        trials_stopped=history.counts["stopped"],
        trials_failed=history.counts["failed"],
        objectives=tuple(spec.objectives),
        reference={name: reference[name] for name in spec.objectives},
        hypervolume={part: _volume(simulation, part, reference) for part in MILESTONES},
        gap=None if cost.gap is None else asdict(cost.gap),
        gap_closed=cost.closed,
        busy_s_to_gap=cost.busy_s,
        faults_seed=faults_seed,
        faults=dict(sorted((faults or {}).items())),
    )


def _volume(simulation: FinishedSimulation, percent: int, reference: dict[str, float]) -> float:
    """Return the hypervolume of the front (chosen on validation, measured on test) of the trials ended by then."""
    history, objectives = simulation.engine.history, simulation.scenario.spec.directions
    ended = history.ended_order[: math.ceil(len(history.ended_order) * percent / 100)]
    front = pareto_front((history.trials[trial_id] for trial_id in ended), objectives)
    values = [[result_of(trial).test_objective(name) for name in objectives] for trial in front]
    return hypervolume(values, objectives, reference)
