"""The sweep while it runs: the engine and its ledger joined, so that nothing happens that is not written
first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, Fact, Record, Start, Wait
from ratefront.errors import EngineError
from ratefront.events import Event
from ratefront.history import SweepHistory
from ratefront.store.ledger import Ledger


class LiveSweep:
    """Appends what the engine decides and tells the engine what was appended.

    ``on_change`` is called with the history after each entry. The first error that a driver's hook runs into
    is kept in ``failure``: Tune wraps and renames what its hooks raise.
    """

    def __init__(self, engine: Engine, ledger: Ledger, on_change: Callable[[SweepHistory], None]) -> None:
        self._engine, self._ledger, self._on_change = engine, ledger, on_change
        self._stopped: set[tuple[str, int]] = set()
        self.failure: Exception | None = None

    @property
    def history(self) -> SweepHistory:
        return self._engine.history

    @property
    def done(self) -> bool:
        return self._engine.done

    def record(self, event: Event) -> None:
        """Write an event, fold it in, remember whom to stop.

        Raises
        ------
        EngineError
            The ledger cannot be written: a sweep that cannot remember must not go on.
        """
        try:
            entry = self._ledger.append(event)
        except OSError as error:
            raise EngineError(f"{self._ledger.path} cannot be written: {error.strerror or error}") from error
        for command in self._engine.apply(entry):
            self._stopped.add((command.trial_id, self.history.trials[command.trial_id].attempts))
        self._on_change(self.history)

    def tell(self, fact: Fact) -> None:
        for event in self._engine.judge(fact):
            self.record(event)

    def is_stopped(self, trial_id: str, attempt: int) -> bool:
        """True where a worker that runs this attempt works in vain."""
        return (trial_id, attempt) in self._stopped

    def is_running(self, trial_id: str, attempt: int) -> bool:
        trial = self.history.trials[trial_id]
        return trial.status == "running" and trial.attempts == attempt

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


class LiveReference:
    """A reference to the live sweep that survives Tune's copies and pickles: a copy shares it, a pickle
    forgets it."""

    def __init__(self, sweep: LiveSweep | None) -> None:
        self._sweep = sweep

    @property
    def sweep(self) -> LiveSweep:
        if self._sweep is None:
            raise EngineError("unpickled by Ray Tune, without its sweep; resume from the ledger instead")
        return self._sweep

    def __deepcopy__(self, memo: object) -> LiveReference:
        return self

    def __reduce__(self) -> tuple[type[LiveReference], tuple[None]]:
        return LiveReference, (None,)
