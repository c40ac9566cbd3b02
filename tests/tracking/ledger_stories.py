"""Sweeps as lists of events, for followers to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ratefront.history import events

START = 1_700_000_000.25


@dataclass
class Story:
    """A ledger in memory. Entry ``n`` was written at ``START + n`` seconds; readers begin at entry 0."""

    entries: list[events.Entry] = field(default_factory=list)

    def tell(self, *added: events.Event) -> Story:
        for event in added:
            self.entries.append(events.Entry(len(self.entries), START + len(self.entries), event))
        return self

    def reader(self) -> Callable[[], list[events.Entry]]:
        seen = 0

        def read_new() -> list[events.Entry]:
            nonlocal seen
            new = self.entries[seen:]
            seen += len(new)
            return new

        return read_new

    def time_ms_of(self, event: events.Event) -> int:
        return next(round(entry.time * 1000) for entry in self.entries if entry.event is event)


ENDED = events.Ended("all trials ended")


def created(name: str = "digits") -> events.Created:
    spec = {"name": name, "trials": 4, "objectives": ["rate_bits", "accuracy"], "space": {"family": {}}}
    return events.Created(name, {**spec, "sampler": {"name": "tpe", "seed": 3}}, "0.1.0")


def planned(number: int) -> events.Planned:
    chosen = {"family": "split", "split": "conv2", "entropy_model": "factorized", "beta": 0.02}
    return events.Planned(f"t{number:04d}", number, 100 + number, chosen)


def started(number: int, attempt: int = 1) -> events.Started:
    return events.Started(f"t{number:04d}", attempt, "worker-1")


def reported(number: int, step: int, attempt: int = 1, **metrics: float) -> events.Reported:
    return events.Reported(f"t{number:04d}", attempt, step, metrics or {"loss": 1.0 / step})


def _measured(rate_bits: float, accuracy: float) -> dict[str, Any]:
    return {
        "samples": 360,
        "rate_bits": rate_bits,
        "rate_bits_estimated": rate_bits - 0.1,
        "rate_bits_alone": rate_bits + 4,
        "overhead_bits": 0.5,
        "rate_total_bits": rate_bits + 0.5,
        "accuracy": accuracy,
    }


def finished(
    number: int,
    attempt: int = 1,
    status: str = "finished",
    reason: str = "",
    *,
    rate_bits: float = 8.25,
    accuracy: float = 0.975,
) -> events.Finished:
    """``rate_bits`` and ``accuracy`` on validation; on test the rate is lower and the accuracy higher."""
    result = {
        "trial_id": f"t{number:04d}",
        "status": status,
        "reason": reason,
        "validation": _measured(rate_bits, accuracy),
        "test": _measured(rate_bits - 0.125, round(accuracy + 0.007, 3)),
        "transmitter_bytes": 4096,
        "transmitter_macs": 120_000,
        "encode_ms": 0.75,
        "train_seconds": 6.5,
        "extra": {},
    }
    return events.Finished(f"t{number:04d}", attempt, result)


def failed(number: int, reason: str, attempt: int = 1, final: bool = True) -> events.Failed:
    return events.Failed(f"t{number:04d}", attempt, "DivergedError", reason, final=final)


def pruned(number: int, reason: str = "below the median at rung 2") -> events.Pruned:
    return events.Pruned(f"t{number:04d}", 1, reason, 2)


def stopped(number: int, reason: str = "stopped by hand") -> events.Stopped:
    return events.Stopped(f"t{number:04d}", 1, reason)


def resumed() -> events.Resumed:
    return events.Resumed("driver-2")


def reopened(number: int) -> events.Reopened:
    return events.Reopened(f"t{number:04d}")


def extended(trials: int) -> events.Extended:
    return events.Extended(trials)


def whole_sweep() -> Story:
    """Four trials: finished, pruned, failed, collapsed; six points on curves."""
    story = Story().tell(created(), *(planned(number) for number in range(4)))
    story.tell(started(0), reported(0, 1), started(1), reported(1, 1), reported(0, 2), finished(0))
    story.tell(reported(1, 2), pruned(1), started(2), reported(2, 1), failed(2, "loss is NaN at epoch 2"))
    story.tell(
        started(3), reported(3, 1), finished(3, status="collapsed", reason="no better than the majority")
    )
    return story.tell(ENDED)
