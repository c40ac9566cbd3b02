"""A plan's faults that strike by chance: what is drawn on each occasion, and how often it came."""

from __future__ import annotations

from collections import Counter, deque

from ratefront.catalogue.number_limits import LEAST_HOURS
from ratefront.engine.messages import Start
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.problems.simulated_problem import TrialCourse
from ratefront.simulate.virtual_time.ideal_conditions import Continuation, IdealConditions
from ratefront.spec.sweep_spec import Budget, SweepSpec
from ratefront.testing.faults.failing_disk import FailingDisk
from ratefront.testing.faults.fault_plan import FaultKind, FaultPlan
from ratefront.testing.faults.unreliable_tracker import UnreliableTracker

#: How much longer a late or repeated message takes on average, in seconds.
LATE_S = 60.0

#: How many times as long a straggler takes.
STRAGGLER = 10.0


#: A budget is raised to so many times what was spent by then, and after so many times lifted.
RAISE, RAISES = 2.0, 8


class FaultyConditions(IdealConditions):
    """The conditions of a plan.

    Attributes:
        failing_disk: The disk, which ``FaultInjection`` fills.
        unreliable_tracker: The tracker, which ``FaultInjection`` takes away.
        fault_counts: By kind, how often a fault struck.
    """

    def __init__(self, plan: FaultPlan) -> None:
        super().__init__(plan.seed)
        self.disk = self.failing_disk = FailingDisk(self.random)
        self.tracker = self.unreliable_tracker = UnreliableTracker(self.memory_tracker, self.random)
        self.fault_counts: Counter[str] = Counter()
        self._plan, self._odds = plan, plan.odds
        self._continuations = deque(plan.continuations)

    def driver_starts(self) -> None:
        """Let the next driver live: a death within a write was meant for the one before it."""
        self.failing_disk.appends_left = None

    def restore_tracker(self) -> None:
        """Bring the tracking server back."""
        self.unreliable_tracker.is_away = False

    def checkpoint_is_corrupt(self) -> bool:
        """Draw whether a worker cannot use the checkpoint that an earlier attempt left."""
        return self._strikes("corrupt_checkpoint", self._odds.corrupt_checkpoint)

    def slowness(self) -> float:
        """Draw whether an attempt is a straggler."""
        return STRAGGLER if self._strikes("straggler", self._odds.straggler) else 1.0

    def hangs_after(self, steps: int) -> int | None:
        """Draw whether an attempt hangs, and after which report."""
        return self.random.randint(0, steps) if self._strikes("hung", self._odds.hung) else None

    def changed_course(self, course: TrialCourse, start: Start, times_reopened: int) -> TrialCourse:
        """Return what the trial does, with its defect if it has one."""
        defect = self._plan.defect(start.params.trial_id, times_reopened)
        if defect is None:
            return course
        self.fault_counts["ill"] += 1
        return defect(course, start.batch_divisor)

    def extra_delay_s(self) -> float:
        """Draw how many seconds longer than usual a message takes."""
        return self._delay_s() if self._strikes("late", self._odds.late) else 0.0

    def repeated_after_s(self) -> float | None:
        """Draw whether a message arrives again, and how much later."""
        return self._delay_s() if self._strikes("twice", self._odds.twice) else None

    def worker_survives_driver(self) -> bool:
        """Draw whether a worker goes on when its driver is lost."""
        return self._strikes("orphan", self._odds.orphan)

    def continuation(self, history: SweepHistory) -> Continuation | None:
        """Return the plan's next request that asks for something.

        Before that, a sweep gets a larger budget where it was spent, and no ``end_when`` where the plan drops it.
        """
        is_rule_dropped = history.ended_by_rule and history.end_rule_met is None
        if history.ended_by_budget or is_rule_dropped:  # the budget was spent, too
            if not self._plan.raises_budget:
                return None
            self.fault_counts["budget_raised"] += 1
            is_lifted = self.fault_counts["budget_raised"] > RAISES
            return Continuation(spec=_with_budget(history, Budget() if is_lifted else _larger(history)))
        if history.ended_by_rule and self._plan.drops_rule:
            self.fault_counts["rule_changed"] += 1
            return Continuation(spec=_spec_of(history).model_copy(update={"end_when": None}))
        while self._continuations:
            planned = self._continuations.popleft()
            retry_failed = planned.retry_failed and history.counts["failed"] > 0
            if planned.more_trials or retry_failed:
                self.fault_counts["extended"] += planned.more_trials > 0
                self.fault_counts["reopened"] += retry_failed
                return Continuation(planned.more_trials, retry_failed)
        return None

    def _strikes(self, kind: FaultKind, odds: float) -> bool:
        """Draw whether a fault strikes, and count it."""
        strikes = odds > 0 and self.random.random() < odds
        if strikes:
            self.fault_counts[kind] += 1
        return strikes

    def _delay_s(self) -> float:
        return self.random.expovariate(1 / LATE_S)


def _larger(history: SweepHistory) -> Budget:
    """Return a budget larger than what was spent."""
    before = _spec_of(history).budget
    spent = {"hours": history.speed.worked_s / 3600, "gpu_hours": history.speed.gpu_s / 3600}
    larger = {key: max(LEAST_HOURS, RAISE * spent[key]) for key in spent if getattr(before, key) is not None}
    return before.model_copy(update=larger)


def _with_budget(history: SweepHistory, budget: Budget) -> SweepSpec:
    return _spec_of(history).model_copy(update={"budget": budget})


def _spec_of(history: SweepHistory) -> SweepSpec:
    return SweepSpec.model_validate(history.spec)
