"""The sweep while it runs: the engine and its ledger joined, so that nothing happens that is not written
first. Every driver, the simulator too, goes through this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Fact, Record, Start, Wait
from ratefront.errors import EngineError
from ratefront.history.events import Entry, Event
from ratefront.history.sweep_history import SweepHistory


class LedgerLike(Protocol):
    """What an engine's events are written to: the ledger, or what stands for it in a simulation."""

    @property
    def path(self) -> Path: ...

    def append(self, event: Event) -> Entry:
        """Write one event; when this returns, it stays. Raises OSError where it cannot."""


class LiveSweep:
    """Appends what the engine decides and tells the engine what was appended.

    ``on_change`` is called with the history after each entry. The first error that a driver's hook runs into
    is kept in ``failure``: Tune wraps and renames what its hooks raise.
    """

    def __init__(self, engine: Engine, ledger: LedgerLike, on_change: Callable[[SweepHistory], None]) -> None:
        self._engine, self._ledger, self._on_change = engine, ledger, on_change
        self.failure: Exception | None = None

    @property
    def history(self) -> SweepHistory:
        return self._engine.history

    @property
    def done(self) -> bool:
        return self._engine.done

    def open(self, opening: Iterable[Event]) -> None:
        """Write what a driver writes first (see ``opening_events``), one event after another."""
        for event in opening:
            self.record(event)

    def end(self) -> None:
        """Write that the sweep has ended, and why."""
        self.record(self._engine.end)

    def record(self, event: Event) -> None:
        """Write an event and fold it in.

        Raises:
            EngineError: The ledger cannot be written: a sweep that cannot remember must not go on.
        """
        try:
            entry = self._ledger.append(event)
        except OSError as error:
            raise EngineError(f"{self._ledger.path} cannot be written: {error.strerror or error}") from error
        self._engine.apply(entry)
        self._on_change(self.history)

    def tell(self, fact: Fact) -> None:
        for event in self._engine.judge(fact):
            self.record(event)

    def is_running(self, trial_id: str, attempt: int) -> bool:
        """False where a worker that runs this attempt works in vain: take it away."""
        return self.history.is_running(trial_id, attempt)

    def next_start(self) -> Start | Wait | Done:
        """What a free slot is to do, new trials being planned on the way."""
        while True:
            command = self._engine.next_command()
            if not isinstance(command, Record):
                return command
            self.record(command.event)

    @contextmanager
    def keeping_failure(self) -> Iterator[None]:
        """Keep the first error raised inside, and let it pass."""
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
            raise
