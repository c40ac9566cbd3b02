"""What was really done in a simulation, whatever its ledger says."""

from __future__ import annotations

from dataclasses import dataclass

from ratefront.engine.messages import EngineMessage, Start, WorkerMessage
from ratefront.history.events import Failed, Finished, Reported
from ratefront.simulate.virtual_time.ideal_conditions import SimulationObserver
from ratefront.testing.faults.reference_model import all_finite


@dataclass(frozen=True)
class JudgedMessage:
    """A message that the engine has judged, with the ledger's length before and after."""

    message: EngineMessage
    before: int
    after: int


class GroundTruth(SimulationObserver):
    """Records what workers do and which messages the engine judges.

    Attributes:
        judged: The messages that the engine has judged, in their order.
        divisors: By attempt (trial, number), into how many parts its batches were cut.
        gpus: By attempt, the GPUs that its worker had.
        starts: By attempt, the trial that its worker was told to start from.
        completed: The attempts that computed to their end.
        errors: The attempts with the errors that they ran into.
    """

    def __init__(self) -> None:
        self.judged: list[JudgedMessage] = []
        self.divisors: dict[tuple[str, int], int] = {}
        self.gpus: dict[tuple[str, int], float] = {}
        self.starts: dict[tuple[str, int], str] = {}
        self.completed: set[tuple[str, int]] = set()
        self.errors: set[tuple[str, int, str]] = set()

    def worker_launched(self, key: tuple[str, int], start: Start) -> None:
        """Record into how many parts the batches are cut, the GPUs, and where the trial starts from."""
        self.divisors[key], self.gpus[key] = start.batch_divisor, start.needs.gpus
        self.starts[key] = start.params.starts_from

    def worker_sent(self, key: tuple[str, int], message: WorkerMessage) -> None:
        """Record errors, and whether the attempt came to its end."""
        match message:
            case Reported():
                if not all_finite(message.metrics):
                    self.errors.add((*key, "DivergedError"))
            case Finished():
                self.completed.add(key)
            case Failed():
                self.errors.add((*key, message.error))

    def worker_lost(self, key: tuple[str, int]) -> None:
        """Record the loss as the attempt's error."""
        self.errors.add((*key, "WorkerLostError"))

    def message_judged(self, message: EngineMessage, before: int, after: int) -> None:
        """Record the message."""
        self.judged.append(JudgedMessage(message, before, after))
