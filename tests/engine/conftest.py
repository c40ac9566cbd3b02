"""A sweep in virtual time: no cluster, no clock, workers that answer in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from tests.engine.engine_by_hand import Hand

from ratefront.engine.engine import Engine
from ratefront.engine.messages import Done, EngineMessage, Record, Start
from ratefront.history.events import Created, Entry, Event, Failed, Finished, Reported, Resumed, Started
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Float, Int, Space
from ratefront.spec.sweep_spec import Named, Sampler, SweepSpec
from ratefront.trial_records import Measurement, Scalar, TrialResult

SPACE: Space = {
    "family": Branch(
        {
            "label": {"merged": Int(2, 10)},
            "split": {
                "split": Choice(("conv1", "conv2", "linear")),
                "beta": Float(1e-4, 1.0, log=True),
                "width": Int(2, 64, log=True),
                "bits": Choice((1, 2, 4)),
                "refine": Branch({"none": {}, "sga": {"refine_steps": Int(10, 200)}}),
                "epochs": Constant(3),
            },
        }
    )
}


def make_spec(
    trials: int = 8, sampler: str = "tpe", seed: int = 0, startup: int = 4, repeats: Any = 1
) -> SweepSpec:
    """A sweep without repeats, unless a test asks for them."""
    return SweepSpec(
        name="virtual",
        dataset=Named(name="digits"),
        task_model=Named(name="small_cnn"),
        space={},
        trials=trials,
        sampler=Sampler(name=sampler, seed=seed, startup_trials=startup),
        repeats=Repeats.model_validate(repeats),
    )


def measure(rate: float, accuracy: float) -> Measurement:
    return Measurement(100, rate, rate, rate + 8, 0.5, rate + 0.5, accuracy)


def result_of(
    trial_id: str, values: Mapping[str, Scalar], status: str = "finished", **changes: Any
) -> dict[str, Any]:
    """A landscape with a front: fine quantisation costs rate and bytes, and gives accuracy."""
    beta = float(values.get("beta", 0.1))
    size = 64 * int(values.get("width", 40))
    measured = measure(4 / (1 + 10 * beta), 1 - 0.5 * beta - 1 / (1 + size))
    plain = TrialResult(trial_id, status, "", measured, measured, size, 10 * size, 0.1, 1.0).to_json()
    return plain | changes


class KilledError(Exception):
    """The driver died; the ledger has what it has."""


@dataclass
class VirtualDriver:
    """Runs trials in ``slots`` slots. ``random`` decides which worker sends the next message, and what it says."""

    spec: SweepSpec
    random: Random
    slots: int = 2
    ledger: list[Entry] = field(default_factory=list)
    kill_at: int | None = None
    outcome: Callable[[Random, Start], EngineMessage] | None = None
    space: Space = field(default_factory=lambda: SPACE)

    def __post_init__(self) -> None:
        self.engine = Engine(self.spec, self.space, self.ledger)
        self.held: dict[str, Start] = {}
        self.old_messages: list[EngineMessage] = []

    def record(self, event: Event) -> None:
        if self.kill_at is not None and len(self.ledger) >= self.kill_at:
            raise KilledError
        entry = Entry(len(self.ledger), float(len(self.ledger)), event)
        self.ledger.append(entry)
        self.engine.apply(entry)

    def tell(self, message: EngineMessage) -> None:
        for event in self.engine.judge(message):
            self.record(event)
        self.old_messages.append(message)

    def run(self) -> Engine:
        self.record(
            Resumed("again") if self.ledger else Created("virtual", {"trials": self.spec.trials}, "0")
        )
        while not self.engine.done:
            self._fill()
            self._tell_next()
        assert isinstance(self.engine.next_command(), Done)
        self.record(self.engine.end)
        return self.engine

    def _fill(self) -> None:
        while len(self.held) < self.slots:
            command = self.engine.next_command()
            if isinstance(command, Record):
                self.record(command.event)
            elif isinstance(command, Start):
                assert command.params.trial_id not in self.held, "a trial is given out twice"
                self.held[command.params.trial_id] = command
            else:
                return

    def _tell_next(self) -> None:
        if self.old_messages and self.random.random() < 0.2:
            self.tell(self.random.choice(self.old_messages))  # late, or twice
        if not self.held:
            return
        start = self.held[self.random.choice(sorted(self.held))]
        trial = self.engine.history.trials[start.params.trial_id]
        if trial.status == "planned":
            self.tell(self._start_message(start))
        elif len(trial.reports) < 2:
            self.tell(self._report(start, len(trial.reports) + 1))
        else:
            self.tell((self.outcome or any_outcome)(self.random, start))
        if trial.status != "running":
            self.held.pop(start.params.trial_id, None)

    def _start_message(self, start: Start) -> EngineMessage:
        if self.outcome is None and self.random.random() < 0.1:
            return Failed(
                start.params.trial_id, start.attempt, "WorkerLostError", "never began", retryable=True
            )
        return Started(start.params.trial_id, start.attempt, "worker")

    def _report(self, start: Start, step: int) -> EngineMessage:
        is_bad = self.outcome is None and self.random.random() < 0.1
        return Reported(start.params.trial_id, start.attempt, step, {"loss": float("nan") if is_bad else 0.5})


def any_outcome(random: Random, start: Start) -> EngineMessage:
    trial_id, attempt = start.params.trial_id, start.attempt
    match random.randrange(6):
        case 0:
            return Failed(trial_id, attempt, "WorkerLostError", "the node is gone", retryable=True)
        case 1:
            return Failed(trial_id, attempt, "ValueError", "a bad configuration")
        case 2:
            return Finished(trial_id, attempt, result_of(trial_id, start.params.values, "collapsed"))
        case 3:
            return Finished(trial_id, attempt, {"encode_ms": float("inf")})
        case _:
            return good_outcome(random, start)


def good_outcome(random: Random, start: Start) -> EngineMessage:
    trial_id = start.params.trial_id
    return Finished(trial_id, start.attempt, result_of(trial_id, start.params.values))


@pytest.fixture(scope="session")
def virtual() -> SimpleNamespace:
    return SimpleNamespace(
        SPACE=SPACE,
        Driver=VirtualDriver,
        Killed=KilledError,
        spec=make_spec,
        result=result_of,
        measure=measure,
        good=good_outcome,
    )


@pytest.fixture
def hand(virtual: SimpleNamespace) -> Hand:
    return Hand(virtual)
