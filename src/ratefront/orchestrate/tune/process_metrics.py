"""Measures what a trial's process uses during an epoch: CPU, memory, GPU. The worker reads them, not the trial.

The keys resemble MLflow's own system metrics, so that they appear in its tab of that name. MLflow's describe a whole
machine, these describe one process and its children (such as the receiver). A megabyte is 10⁶ bytes, as in MLflow.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from ratefront.trial_records import SYSTEM_PREFIX

#: The share of its time that a worker may spend on finding its children: that means to look at every process.
_SEARCH_SHARE = 0.001

_MEGABYTE = 10**6
_RESET_PEAK = "5"  # written to clear_refs: the peak starts again at the memory that is resident now


class ProcessMetrics:
    """Readings of this process and its children. A reading never fails a trial."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._children: list[psutil.Process] = []
        self._next_search_s = 0.0
        self._began_s = self._began_cpu_s = math.nan
        self._has_reset_peak = False

    def begin(self) -> None:
        """Start the interval that ``readings`` describes."""
        self._began_s = self._began_cpu_s = math.nan
        self._has_reset_peak = False
        with suppress(Exception):  # of any kind, as in _read
            self._find_children()
            self._began_s, self._began_cpu_s = time.perf_counter(), self._cpu_s()
        with suppress(OSError):  # some systems do not allow to write to /proc
            Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
            self._has_reset_peak = True

    def readings(self, has_gpu: bool) -> dict[str, float]:
        """Return finite numbers under ``system/…``. Values that cannot be read are left out.

        process_cpu_utilization_percentage  since ``begin``; 100 is one core
        process_memory_usage_megabytes      resident now; shared memory counts in each process
        process_memory_peak_megabytes       the maximum since ``begin``, plus the children as they are now
        process_gpu_memory_usage_megabytes  reserved by torch's allocator
        gpu_utilization_percentage          of the whole GPU within the last second; needs ``pynvml``
        """
        sources = {**self._sources(), **(_GPU_SOURCES if has_gpu else {})}
        values = {SYSTEM_PREFIX + name: _read(source) for name, source in sources.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _sources(self) -> dict[str, Callable[[], float]]:
        return {
            "process_cpu_utilization_percentage": self._cpu_percentage,
            "process_memory_usage_megabytes": self._memory_megabytes,
            "process_memory_peak_megabytes": self._peak_megabytes,
        }

    def _cpu_percentage(self) -> float:
        """Return at least 0: the time of a child that has gone may be lost."""
        passed_s, spent_s = time.perf_counter() - self._began_s, self._cpu_s() - self._began_cpu_s
        return 0.0 if spent_s < 0 else round(100 * spent_s / passed_s, 1)

    def _memory_megabytes(self) -> int:
        return round((_resident_bytes(self._process) + self._sum_of_children(_resident_bytes)) / _MEGABYTE)

    def _peak_megabytes(self) -> float:
        if not self._has_reset_peak:
            return math.nan  # the peak would include earlier trials of this process
        return round((_peak_bytes() + self._sum_of_children(_resident_bytes)) / _MEGABYTE)

    def _cpu_s(self) -> float:
        """Return the CPU time of this process, of the children that it waited for, and of those that run."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + ended.ru_utime + ended.ru_stime + self._sum_of_children(_child_cpu_s)

    def _sum_of_children(self, measure: Callable[[psutil.Process], float]) -> float:
        total = 0.0
        for child in list(self._children):
            try:
                total += measure(child)
            except psutil.NoSuchProcess:
                self._children.remove(child)  # another process may get its number
        return total

    def _find_children(self) -> None:
        now_s = time.perf_counter()
        if now_s >= self._next_search_s:
            self._children = self._process.children(recursive=True)
            self._next_search_s = now_s + (time.perf_counter() - now_s) / _SEARCH_SHARE


def _read(source: Callable[[], float]) -> float | None:
    try:
        value = source()
        return value if math.isfinite(value) else None
    except Exception:  # no reading may fail a trial
        return None


def _resident_bytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def _child_cpu_s(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system + spent.children_user + spent.children_system)


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not report the peak memory of a process")


def _cuda() -> Any:
    """Return torch.cuda if the trial has initialised it. A worker does not initialise it itself."""
    cuda = sys.modules["torch"].cuda
    if not cuda.is_initialized():
        raise RuntimeError("the trial does not use its GPU yet")
    return cuda


def _gpu_memory_megabytes() -> int:
    return round(int(_cuda().memory_reserved()) / _MEGABYTE)


def _gpu_percentage() -> float:
    return float(_cuda().utilization())


_GPU_SOURCES: Mapping[str, Callable[[], float]] = {
    "process_gpu_memory_usage_megabytes": _gpu_memory_megabytes,
    "gpu_utilization_percentage": _gpu_percentage,
}
