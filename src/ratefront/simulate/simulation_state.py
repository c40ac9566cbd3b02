"""What a simulated sweep lives in: a cluster, the ledger's disk, a tracking server, and a person who starts drivers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

from ratefront.engine.engine import Engine
from ratefront.engine.opening_events import DriverIdentity, ResumeOptions, opening_events
from ratefront.errors import EngineError
from ratefront.history.events import Event, Halted, Reopened, TaskModelReady
from ratefront.history.sweep_history import SweepHistory
from ratefront.simulate.memory_ledger import Disk, DriverDied
from ratefront.simulate.scenario import Parts, Scenario
from ratefront.simulate.simulated_cluster import Cluster
from ratefront.simulate.simulated_driver import Driver
from ratefront.simulate.simulated_tracker import Following, MoodyTracker
from ratefront.simulate.virtual_clock import Clock
from ratefront.tracking.tracker_protocol import TrackedEnding

#: Until somebody starts the driver again, on average.
RESTART_S = 60.0

#: The same in every process, as a seed's ledger is to be.
DRIVER = DriverIdentity("simulated driver", "simulated")


class World:
    """Has one driver after another, until the sweep has ended and the person wishes nothing more (``is_over``).

    ``engine`` is the last driver's, ``written`` the length of its ledger. ``is_tracked``: the tracker knows all.
    """

    def __init__(
        self, scenario: Scenario, parts: Parts, on_update: Callable[[SweepHistory], None] | None = None
    ) -> None:
        self.scenario, self._parts, self._on_update = scenario, parts, on_update
        self.clock, self.random = Clock(), Random(f"world {scenario.plan.seed}")  # noqa: S311
        self.cluster = Cluster(scenario, self.clock, self.random)
        self.disk, self.tracker = Disk(self.random), MoodyTracker(self.random)
        self.is_over = self.is_tracked = False
        self.driver_busy_s, self.written = 0.0, 0
        self._wishes = deque(scenario.plan.wishes)
        self._wanted_trials, self._wants_failed = 0, False

    def open_driver(self) -> None:
        """Somebody starts the command (again)."""
        scenario, parts = self.scenario, self._parts
        self.disk.appends_left = None
        journal = parts.journal(self.disk, self.clock.time)
        entries = journal.entries
        self.written = len(entries)
        self.cluster.times_reopened = Counter(
            entry.event.trial_id for entry in entries if isinstance(entry.event, Reopened)
        )
        self.engine: Engine = parts.engine(scenario.spec, scenario.space, entries)
        self._following = Following(self.disk.reader(), self.tracker, self.clock)
        live = parts.live(self.engine, journal, self._changed)
        driver = Driver(live, self.cluster, self, self.clock, scenario.latency_s)
        self.cluster.driver = driver
        driver.begin(self._opening(self.engine.history))

    def _changed(self, history: SweepHistory) -> None:
        self.written += 1
        if self.scenario.is_watched:
            self._following.changed()
        if self._on_update is not None:
            self._on_update(history)

    def _opening(self, history: SweepHistory) -> Iterator[Event]:
        """What a driver writes first, the task model with it; wishes are granted once all of it is in the ledger."""
        more = self._wanted_trials - history.trials_requested
        wishes = ResumeOptions(extend=more if more > 0 else None, retry_failed=self._wants_failed)
        for event in opening_events(self.scenario.spec, history, wishes, DRIVER):
            yield event
            if isinstance(event, Reopened):
                self.cluster.times_reopened[event.trial_id] += 1
        if history.task_model is None:
            yield TaskModelReady("simulated", 0.98, 0.98, 50_000)
        self._wants_failed = False

    def ended(self) -> None:
        """Every requested trial has ended, and the ledger says so."""
        history = self.engine.history
        self._close(TrackedEnding("finished"))
        self.is_over = not self._wishes_more(history)
        if not self.is_over:
            self.clock.after(RESTART_S, self.open_driver)

    def _wishes_more(self, history: SweepHistory) -> bool:
        while self._wishes:
            wish = self._wishes.popleft()
            self._wanted_trials = history.trials_requested + wish.more_trials
            self._wants_failed = wish.retry_failed and history.counts["failed"] > 0
            if wish.more_trials or self._wants_failed:
                self.cluster.deeds.troubles["extended"] += wish.more_trials > 0
                self.cluster.deeds.troubles["reopened"] += self._wants_failed
                return True
        return False

    def broke_off(self, error: BaseException) -> None:
        """The driver has died in a write, or cannot write."""
        if isinstance(error, DriverDied):
            self.lose_driver()
        elif self.disk.is_full:
            self.end_driver()
        else:
            raise error

    def end_driver(self) -> None:
        """It ends in good order before the sweep does, and says so; somebody goes on with it later."""
        history, driver = self.engine.history, self.cluster.driver
        if driver is not None and history.spec and not history.ended:
            with suppress(DriverDied, EngineError):
                driver.live.record(Halted("asked to end", has_failed=False))
        self._close(TrackedEnding("interrupted", shows_pareto_rank=False))
        self._restart()

    def lose_driver(self) -> None:
        """It is gone from one moment to the next; its workers may live on, for nobody has told them."""
        self._following.die()
        self._dismiss(self.scenario.plan.odds.orphan)
        self._restart()

    def _restart(self) -> None:
        self.clock.after(self.random.expovariate(1 / RESTART_S), self.open_driver)

    def _close(self, ending: TrackedEnding) -> None:
        self.is_tracked = not self.scenario.is_watched or self._following.close(ending)
        self._dismiss(orphans=0.0)

    def _dismiss(self, orphans: float) -> None:
        driver, self.cluster.driver = self.cluster.driver, None
        if driver is None:
            return
        self.driver_busy_s += driver.busy_s
        for worker in driver.leave():
            if not (worker.is_alive and self.cluster.by_chance("orphan", orphans)):
                worker.kill()
