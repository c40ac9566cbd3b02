"""Seconds by the clock on the wall, and the peak of resident memory."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REPEATS = 3
LONG_SECONDS = 10.0

Figures = Iterator[tuple[str, float | None]]
"""What a group yields: the name of a figure in ``targets.toml``, and its value; None where it is skipped."""


class VoidBenchmarkError(Exception):
    """The benchmark did not measure what it is meant to measure."""


def seconds_of(work: Callable[[], object]) -> float:
    """Median of three runs; one run where that takes long."""
    times = [_run_seconds(work)]
    while times[0] < LONG_SECONDS and len(times) < REPEATS:
        times.append(_run_seconds(work))
    return statistics.median(times)


def _run_seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def note(text: str) -> None:
    """Print on standard error how a figure was obtained."""
    print(f"# {text}", file=sys.stderr, flush=True)


def peak_bytes() -> int:
    """Return the most memory that this process ever held.

    On Linux a process inherits `ru_maxrss` from the one that started it; the figure in /proc is its own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(peak.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
