"""A simulated sweep while it runs: its cluster, its disk and tracker, and the person who starts its drivers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

from ratefront.engine.engine import Engine
from ratefront.engine.opening_events import DriverIdentity, ResumeOptions, opening_events
from ratefront.errors import EngineError
from ratefront.history.events import BoundsReady, Event, Halted, Reopened, TaskModelReady
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.virtual_time.ideal_conditions import IdealConditions, SimulationObserver
from ratefront.simulate.virtual_time.simulated_cluster import SimulatedCluster
from ratefront.simulate.virtual_time.simulated_driver import DriverDied, SimulatedDriver
from ratefront.simulate.virtual_time.simulated_follower import SimulatedFollower
from ratefront.simulate.virtual_time.virtual_clock import VirtualClock
from ratefront.spec.changeable_settings import settings_change
from ratefront.spec.sweep_spec import Budget
from ratefront.tracking.tracker_protocol import TrackedEnding

#: How long it takes on average until a person starts the driver again, in seconds.
RESTART_S = 60.0

#: How often a driver tells the engine the time, where there is a budget: in parts of it, and at most every second.
TICKS, LEAST_TICK_S = 1000, 1.0

#: The same in every process, so that a seed's ledger is the same.
DRIVER = DriverIdentity("simulated driver", "simulated")


class Simulation:
    """Has one driver after another, until the sweep has ended and the person asks for nothing more.

    Attributes:
        scenario: What is simulated.
        conditions: What is left to chance, with the disk and the tracker.
        clock: Virtual time.
        cluster: The nodes and their workers.
        engine: The last driver's engine.
        ledger_length: How many entries the ledger has.
        is_over: Whether the sweep has ended and the person asks for nothing more.
        is_tracked: Whether the tracker knows all of it.
        driver_busy_s: How long the drivers that have left were at work, in seconds.
    """

    engine: Engine

    def __init__(
        self,
        scenario: Scenario,
        parts: Parts | None = None,
        conditions: IdealConditions | None = None,
        observer: SimulationObserver | None = None,
        on_update: Callable[[SweepHistory], None] | None = None,
    ) -> None:
        self.scenario, self._parts, self._on_update = scenario, parts or Parts(), on_update
        self.conditions = conditions or IdealConditions()
        self._observer = observer or SimulationObserver()
        self.clock = VirtualClock()
        self.cluster = SimulatedCluster(
            scenario.nodes, scenario.problem, self.conditions, self._observer, self.clock
        )
        self.is_over = self.is_tracked = False
        self.driver_busy_s, self.ledger_length = 0.0, 0
        self._requested_trials, self._retries_failed, self._spec = 0, False, scenario.spec

    def start_driver(self) -> None:
        """Start the command, as a person does, for the first time or again."""
        scenario, parts, disk = self.scenario, self._parts, self.conditions.disk
        self.conditions.driver_starts()
        ledger = parts.ledger(disk, self.clock.time)
        entries = list(ledger.entries())
        self.ledger_length = len(entries)
        self.cluster.times_reopened = Counter(
            entry.event.trial_id for entry in entries if isinstance(entry.event, Reopened)
        )
        self.engine = parts.engine(self._spec, scenario.space, entries)
        self._follower = SimulatedFollower(disk.reader(), self.conditions.tracker, self.clock)
        live = parts.live(self.engine, ledger, self._ledger_grew)
        driver = SimulatedDriver(
            live,
            self.cluster,
            self,
            self._observer,
            self.clock,
            scenario.latency_s,
            self._spec.trial_hours,
            _tick_s(self._spec.budget),
        )
        self.cluster.driver = driver
        driver.begin(self._opening(self.engine.history))

    def _ledger_grew(self, history: SweepHistory) -> None:
        self.ledger_length += 1
        if self.scenario.is_tracked:
            self._follower.ledger_grew()
        if self._on_update is not None:
            self._on_update(history)

    def _opening(self, history: SweepHistory) -> Iterator[Event]:
        """Yield what a driver writes first, the task model with it.

        If a driver ends before it has written all that the person asked for, the next driver tries again.
        """
        more = self._requested_trials - history.trials_requested
        options = ResumeOptions(extend=more if more > 0 else None, retry_failed=self._retries_failed)
        change = settings_change(history.spec, self._spec)
        for event in opening_events(self._spec, history, options, DRIVER, change, self.scenario.known):
            yield event
            if isinstance(event, Reopened):
                self.cluster.times_reopened[event.trial_id] += 1
        if history.task_model is None:
            yield TaskModelReady("simulated", 0.98, 0.98, 50_000)
        if history.bounds_ready is None:
            problem, given = self.scenario.problem, self._spec.reference
            corner = {name: {**problem.reference, **given}[name] for name in self._spec.objectives}
            yield BoundsReady("validation", 1000, problem.bounds, reference=corner)
        self._retries_failed = False

    def sweep_ended(self) -> None:
        """The sweep has ended, and the ledger says so: close, and go on if the person asks for more."""
        self._close(TrackedEnding("finished"))
        self.is_over = not self._goes_on(self.engine.history)
        if not self.is_over:
            self.clock.after(RESTART_S, self.start_driver)

    def _goes_on(self, history: SweepHistory) -> bool:
        continuation = self.conditions.continuation(history)
        if continuation is None:
            return False
        self._spec = continuation.spec or self._spec
        self._requested_trials = history.trials_requested + continuation.more_trials
        self._retries_failed = continuation.retry_failed
        return True

    def driver_failed(self, error: BaseException) -> None:
        """The driver died within a write, or cannot write."""
        if isinstance(error, DriverDied):
            self.lose_driver()
        elif self.conditions.disk.is_full:
            self.end_driver()
        else:
            raise error

    def end_driver(self) -> None:
        """End the driver in good order before the sweep has ended; a person resumes it later."""
        history, driver = self.engine.history, self.cluster.driver
        if driver is not None and history.spec and not history.ended:
            with suppress(DriverDied, EngineError):
                driver.live.record(Halted("asked to end", has_failed=False))
        self._close(TrackedEnding("interrupted", shows_pareto_rank=False))
        self._restart_later()

    def lose_driver(self) -> None:
        """Let the driver's process die; its workers may live on, because nothing ends them."""
        self._follower.die()
        self._dismiss_driver(may_leave_workers=True)
        self._restart_later()

    def _restart_later(self) -> None:
        self.clock.after(self.conditions.random.expovariate(1 / RESTART_S), self.start_driver)

    def _close(self, ending: TrackedEnding) -> None:
        self.is_tracked = not self.scenario.is_tracked or self._follower.close(ending)
        self._dismiss_driver(may_leave_workers=False)

    def _dismiss_driver(self, *, may_leave_workers: bool) -> None:
        driver, self.cluster.driver = self.cluster.driver, None
        if driver is None:
            return
        self.driver_busy_s += driver.busy_s
        for worker in driver.leave():
            if not (may_leave_workers and worker.is_alive and self.conditions.worker_survives_driver()):
                worker.kill()


def _tick_s(budget: Budget) -> float | None:
    """Return how often a driver tells the engine the time, in seconds; None without a budget."""
    limits = [hours for hours in (budget.hours, budget.gpu_hours) if hours is not None]
    return max(LEAST_TICK_S, 3600 * min(limits) / TICKS) if limits else None
