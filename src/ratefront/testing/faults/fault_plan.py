"""What goes wrong in a simulation, drawn from a seed before it begins: the same seed gives the same faults.

A plan draws which kinds of fault there are at all, then how many of each. This is swarm testing: a sweep that has only
lost nodes and doubled results finds what one with a little of everything does not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Literal, TypeAlias, get_args

from ratefront.simulate.virtual_time.ideal_conditions import Continuation
from ratefront.testing.faults.trial_defects import DEFECTS, TrialDefect

TimedKind: TypeAlias = Literal[
    "worker_lost", "node_lost", "driver_lost", "driver_ended", "tracking_away", "disk_full", "trial_stopped"
]
ChanceKind: TypeAlias = Literal["twice", "late", "straggler", "corrupt_checkpoint", "orphan", "hung", "ill"]
ContinuationKind: TypeAlias = Literal["extended", "reopened", "budget_raised", "rule_changed"]

#: All that is counted, under the names that outcomes and the command print.
FaultKind: TypeAlias = TimedKind | ChanceKind | ContinuationKind
FAULT_KINDS: tuple[FaultKind, ...] = (
    *get_args(TimedKind),
    *get_args(ChanceKind),
    *get_args(ContinuationKind),
)

#: Kinds that must change nothing but the time: results and front stay those of a sweep without them.
HARMLESS: tuple[TimedKind, ...] = (
    "worker_lost",
    "node_lost",
    "driver_lost",
    "driver_ended",
    "tracking_away",
    "disk_full",
)

#: How often a fault of one kind may strike in a sweep.
TIMES = (0, 0, 0, 1, 2, 4, 8)


@dataclass(frozen=True)
class TimedFault:
    """A fault that strikes at a moment; nodes, trackers and disks are back after ``lasts_s`` seconds."""

    time_s: float
    kind: TimedKind
    lasts_s: float


@dataclass(frozen=True)
class FaultOdds:
    """The probability of each fault on each occasion.

    Attributes:
        twice: A message arrives a second time, later.
        late: A message takes up to minutes, so that others overtake it.
        straggler: An attempt takes ten times as long.
        corrupt_checkpoint: An attempt begins at its first step, although an earlier one got further.
        orphan: A worker outlives its driver, and speaks to the next one.
        hung: An attempt does nothing any more, for ever. Only a sweep with ``trial_hours`` survives it.
        defective_trial: A trial cannot end well: NaN, a bad configuration, a full memory … (counted as ``ill``).
    """

    twice: float = 0.0
    late: float = 0.0
    straggler: float = 0.0
    corrupt_checkpoint: float = 0.0
    orphan: float = 0.0
    defective_trial: float = 0.0
    hung: float = 0.0


@dataclass(frozen=True)
class FaultPlan:
    """All faults of one simulation.

    Attributes:
        seed: What the plan was drawn from; seeds the rest of the simulation, too.
        faults: The faults that strike at a moment, in their order.
        odds: The probabilities of the others.
        continuations: What a person asks of the sweep, one after another, each when the sweep has ended.
        at_budget_end: The faults that strike each time that the budget is spent, so many seconds later.
        raises_budget: Whether a person gives a larger budget to a sweep that has spent its own.
        drops_rule: Whether a person lets a sweep go on without ``end_when`` that has ended because it held.
    """

    seed: int = 0
    faults: tuple[TimedFault, ...] = ()
    odds: FaultOdds = FaultOdds()
    continuations: tuple[Continuation, ...] = ()
    at_budget_end: tuple[TimedFault, ...] = ()
    raises_budget: bool = True
    drops_rule: bool = False

    @classmethod
    def draw(
        cls, seed: int, horizon_s: float, *, harmless: bool = False, may_hang: bool = False
    ) -> FaultPlan:
        """Draw faults within the first ``horizon_s`` seconds.

        Args:
            seed: What the plan is drawn from.
            horizon_s: When the last fault may strike.
            harmless: Draw only such timed faults as change nothing but the time.
            may_hang: Attempts may hang, too.
        """
        random = Random(f"faults {seed}")  # noqa: S311
        kinds = HARMLESS if harmless else get_args(TimedKind)
        faults = [
            TimedFault(random.uniform(0, horizon_s), kind, random.expovariate(8 / horizon_s))
            for kind in kinds
            for _ in range(random.choice(TIMES))
        ]
        drawn = [odd.name for odd in fields(FaultOdds) if odd.name != "hung"]
        odds = FaultOdds(**{name: random.choice((0.0, 0.05, 0.3)) for name in drawn})
        continuations = [
            Continuation(random.randint(0, 3), random.random() < 0.5)
            for _ in range(random.choice((0, 0, 1, 2)))
        ]
        if may_hang:  # drawn last: the other faults of a seed are the same with and without it
            odds = replace(odds, hung=random.choice((0.0, 0.05, 0.3)))
        return cls(seed, tuple(sorted(faults, key=lambda fault: fault.time_s)), odds, tuple(continuations))

    def with_budget(self, grace_s: float, *, harmless: bool) -> FaultPlan:
        """Return the plan with faults within the grace period of a budget, and shortly after it."""
        random = Random(f"budget faults {self.seed}")  # noqa: S311
        kinds = ("driver_lost", "driver_ended", "worker_lost", *(() if harmless else ("trial_stopped",)))
        struck = random.choices(kinds, k=random.randint(0, 2))
        faults = [TimedFault(random.uniform(0, grace_s + 3.0), kind, 0.0) for kind in struck]
        return replace(self, at_budget_end=tuple(faults), raises_budget=harmless or random.random() < 0.8)

    def losing_no_report(self) -> FaultPlan:
        """Return the plan with reports in their order, and each attempt from the first step.

        Else a report of a rung may be overtaken, or lost with the driver while its checkpoint stays; the ledger then
        lacks that rung, and the search rightly stops other trials than in the undisturbed sweep.
        """
        return replace(self, odds=replace(self.odds, late=0.0, corrupt_checkpoint=1.0))

    def undisturbed(self) -> FaultPlan:
        """Return the plan without what only takes time: trials have the same defects, the person asks for the same."""
        from_first_step = float(self.odds.corrupt_checkpoint == 1.0)  # see losing_no_report
        odds = FaultOdds(defective_trial=self.odds.defective_trial, corrupt_checkpoint=from_first_step)
        return replace(self, faults=(), at_budget_end=(), odds=odds)

    def defect(self, trial_id: str, times_reopened: int) -> TrialDefect | None:
        """Return what is wrong with a trial; it may pass when a person has the trial tried again."""
        random = Random(f"illness {self.seed} {trial_id} {times_reopened}")  # noqa: S311
        return random.choice(DEFECTS) if random.random() < self.odds.defective_trial else None
