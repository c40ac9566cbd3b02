"""The sweep while it runs: the engine joined with its ledger, so that an event is written before it takes effect.

Every driver uses it, the simulator's as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, EngineMessage, Record, Start, Wait
from ratefront.errors import EngineError
from ratefront.history.events import Entry, Event
from ratefront.history.sweep_history import SweepHistory


class LedgerLike(Protocol):
    """What an engine's events are written to: the ledger's file, or memory in a simulation."""

    @property
    def path(self) -> Path:
        """Where it is, for messages."""

    def append(self, event: Event) -> Entry:
        """Write one event; when this returns, the event is safe.

        Raises:
            OSError: It cannot be written.
            LedgerMovedError: It is not at its path any more.
        """


class LiveSweep:
    """Appends to the ledger what the engine decides, and tells the engine what was appended.

    ``on_change`` is called with the history after each entry. ``failure`` keeps the first error that a driver's hook
    raises, because Ray Tune wraps and renames such errors.
    """

    def __init__(self, engine: Engine, ledger: LedgerLike, on_change: Callable[[SweepHistory], None]) -> None:
        self._engine, self._ledger, self._on_change = engine, ledger, on_change
        self.failure: Exception | None = None

    @property
    def history(self) -> SweepHistory:
        """The sweep as its ledger records it."""
        return self._engine.history

    @property
    def done(self) -> bool:
        """True where every trial that is due has ended, or the budget is spent and no trial runs any more."""
        return self._engine.done

    def open(self, opening: Iterable[Event]) -> None:
        """Write the events that a driver writes first (see ``opening_events``), in order."""
        for event in opening:
            self.record(event)

    def end(self) -> None:
        """Write that the sweep has ended, and why, unless the ledger says so already."""
        if not self.history.ended:
            self.record(self._engine.end)

    def record(self, event: Event) -> None:
        """Write an event to the ledger and apply it.

        Raises:
            EngineError: The ledger cannot be written. The sweep must not go on without a record.
            LedgerMovedError: The ledger is not at its path any more. What happens to trials now is not their fault.
        """
        try:
            entry = self._ledger.append(event)
        except OSError as error:
            raise EngineError(f"{self._ledger.path} cannot be written: {error.strerror or error}") from error
        self._engine.apply(entry)
        self._on_change(self.history)

    def tell(self, message: EngineMessage) -> None:
        """Record the events that follow from a message.

        Raises:
            EngineError: The sweep cannot go on (see ``Engine.judge`` and ``record``).
        """
        for event in self._engine.judge(message):
            self.record(event)

    def is_running(self, trial_id: str, attempt: int) -> bool:
        """Whether this attempt still counts. Where it does not, the driver takes its worker away."""
        return self.history.is_running(trial_id, attempt)

    def next_start(self) -> Start | Wait | Done:
        """What a free slot is to do. Plans a new trial where one is needed."""
        while True:
            command = self._engine.next_command()
            if not isinstance(command, Record):
                return command
            self.record(command.event)

    @contextmanager
    def keeping_failure(self) -> Iterator[None]:
        """Keep the first error that is raised inside, and raise it again."""
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
            raise
