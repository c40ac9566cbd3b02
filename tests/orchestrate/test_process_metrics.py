"""What a worker reads off its process: right, cheap, and left out where it cannot be read."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from ratefront.orchestrate.tune import process_metrics
from ratefront.orchestrate.tune.process_metrics import ProcessMetrics

CPU = "system/process_cpu_utilization_percentage"
MEMORY = "system/process_memory_usage_megabytes"
PEAK = "system/process_memory_peak_megabytes"
GPU_MEMORY = "system/process_gpu_memory_usage_megabytes"
GPU = "system/gpu_utilization_percentage"


def compute(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process of this one's that says when it has computed for a while, and then waits."""
    program = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"
    started = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with started:
        yield started
        started.kill()


@pytest.fixture
def childless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests before these may have left this process children: a receiver, a cluster."""
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [])


@pytest.mark.usefixtures("childless")
def test_cpu_use_tells_computing_from_sleeping() -> None:
    read = ProcessMetrics()
    read.begin()
    began_s = time.perf_counter()
    compute(0.1)
    due = 100 * 0.1 / (time.perf_counter() - began_s)
    assert read.readings(has_gpu=False)[CPU] == pytest.approx(due, rel=0.3)
    read.begin()
    time.sleep(0.1)
    assert read.readings(has_gpu=False)[CPU] < 60


@pytest.mark.usefixtures("childless")
def test_memory_is_resident_and_its_peak_is_the_epochs() -> None:
    read = ProcessMetrics()
    read.begin()
    block = bytearray(b"x") * 200_000_000
    resident = psutil.Process().memory_info().rss / 1e6
    assert read.readings(has_gpu=False)[MEMORY] == pytest.approx(resident, abs=20)
    del block
    after = read.readings(has_gpu=False)
    assert after[PEAK] - after[MEMORY] == pytest.approx(200, abs=30)
    read.begin()
    again = read.readings(has_gpu=False)
    assert again[PEAK] - again[MEMORY] < 30, "an earlier epoch's peak is gone"


def test_a_child_counts_from_its_first_epoch_on(child: subprocess.Popen[str]) -> None:
    alone = psutil.Process().memory_info().rss / 1e6
    read = ProcessMetrics()
    read.begin()
    assert child.stdout is not None
    assert child.stdout.readline() == "done\n"
    readings = read.readings(has_gpu=False)
    assert readings[MEMORY] > alone + 5
    assert readings[PEAK] >= readings[MEMORY]
    read.begin()
    time.sleep(0.05)
    assert read.readings(has_gpu=False)[CPU] < 100, "what it computed before was of an earlier epoch"
    child.kill()
    child.wait()
    assert read.readings(has_gpu=False)[MEMORY] < readings[MEMORY] - 5, (
        "a child that has ended does not count"
    )


def test_the_cpu_time_of_an_ended_child_counts() -> None:
    read = ProcessMetrics()
    read.begin()
    began_s = time.perf_counter()
    program = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    computed_s = read.readings(has_gpu=False)[CPU] / 100 * (time.perf_counter() - began_s)
    assert 0.2 <= computed_s < 0.6


def test_children_are_searched_for_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []

    def slow(process: object, recursive: bool) -> list[psutil.Process]:
        calls.append(time.perf_counter())
        time.sleep(0.02)
        return []

    monkeypatch.setattr(psutil.Process, "children", slow)
    read = ProcessMetrics()
    for _ in range(50):
        read.begin()
    assert len(calls) == 1


def test_readings_are_rounded() -> None:
    read = ProcessMetrics()
    read.begin()
    compute(0.01)
    readings = read.readings(has_gpu=False)
    assert set(readings) == {CPU, MEMORY, PEAK}
    assert isinstance(readings[MEMORY], int)
    assert isinstance(readings[PEAK], int)
    assert readings[CPU] == round(readings[CPU], 1)


def test_an_epochs_readings_cost_less_than_a_millisecond() -> None:
    read = ProcessMetrics()
    read.begin()
    costs_s = []
    for _ in range(50):
        began_s = time.thread_time()  # others compute on this machine, too
        read.begin()
        read.readings(has_gpu=False)
        costs_s.append(time.thread_time() - began_s)
    assert median(costs_s) < 1e-3


def refuse(*_: object, **__: object) -> Any:
    raise psutil.AccessDenied


def not_a_number(*_: object) -> float:
    return math.nan


@pytest.mark.usefixtures("childless")
@pytest.mark.parametrize("broken", [refuse, not_a_number])
@pytest.mark.parametrize(
    ("place", "name", "lost"),
    [
        (ProcessMetrics, "_cpu_s", {CPU}),
        (process_metrics, "_resident_bytes", {MEMORY}),
        (process_metrics, "_peak_bytes", {PEAK}),
    ],
)
def test_unreadable_values_are_left_out(
    monkeypatch: pytest.MonkeyPatch, broken: Any, place: Any, name: str, lost: set[str]
) -> None:
    monkeypatch.setattr(place, name, broken)
    read = ProcessMetrics()
    read.begin()
    compute(0.01)
    assert {CPU, MEMORY, PEAK} - set(read.readings(has_gpu=False)) == lost


def test_a_peak_that_cannot_be_reset_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path: Path, text: str) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(process_metrics.Path, "write_text", read_only)
    read = ProcessMetrics()
    read.begin()
    compute(0.01)
    assert set(read.readings(has_gpu=False)) == {CPU, MEMORY}


def test_unlistable_children_cost_only_the_readings_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "children", refuse)
    read = ProcessMetrics()
    read.begin()
    assert {MEMORY, PEAK} <= set(read.readings(has_gpu=False))


def torch_with(**cuda: Any) -> Any:
    values = {"is_initialized": True, "memory_reserved": 1_234_567_890, "utilization": 87} | cuda
    return SimpleNamespace(
        cuda=SimpleNamespace(
            **{name: lambda value=value: _return_or_raise(value) for name, value in values.items()}
        )
    )


def _return_or_raise(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@pytest.mark.parametrize(
    ("torch", "values"),
    [
        (torch_with(), {GPU_MEMORY: 1235, GPU: 87.0}),
        (torch_with(utilization=ModuleNotFoundError("no pynvml")), {GPU_MEMORY: 1235}),
        (torch_with(memory_reserved=RuntimeError("CUDA error")), {GPU: 87.0}),
        (torch_with(utilization=math.nan), {GPU_MEMORY: 1235}),
        (torch_with(is_initialized=False), {}),
        (None, {}),
    ],
)
def test_gpu_readings_are_those_that_torch_gives(
    monkeypatch: pytest.MonkeyPatch, torch: Any, values: dict[str, float]
) -> None:
    if torch is None:
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "torch", torch)
    read = ProcessMetrics()
    read.begin()
    readings = read.readings(has_gpu=True)
    assert {name: value for name, value in readings.items() if "gpu" in name} == values
    assert not any("gpu" in name for name in read.readings(has_gpu=False))
    assert ("torch" in sys.modules) == (torch is not None), "a worker loads none"
