"""What is measured of a sweep of empty trials, on either side."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class SweepSpeed:
    """In seconds of the clock on the wall; ``tracking``: of the driver's time, what its tracker takes."""

    seconds_per_trial: float
    driver_seconds_per_result: float
    tracking_seconds_per_result: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass
class Stopwatch:
    """Adds up the time between starts and stops, and how many of these were about a result."""

    seconds: float = 0.0
    results: int = 0

    @contextmanager
    def running(self, *, is_result: bool) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began
        self.results += is_result


def seconds_per_trial(ends: Sequence[float], slots: int) -> float:
    """From when every slot has ended a first trial to the last end, per trial; ``ends`` in any order."""
    ordered = sorted(ends)
    return (ordered[-1] - ordered[slots - 1]) / (len(ordered) - slots)
