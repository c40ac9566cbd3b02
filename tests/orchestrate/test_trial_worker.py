"""The process that runs trials, without Ray around it: what a trial is given, and which messages it sends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.engine.messages import Start
from ratefront.engine.trial_resources import Needs
from ratefront.history.events import Failed, Finished, Reported
from ratefront.orchestrate.tune import trial_worker
from ratefront.orchestrate.tune.trial_worker import TrialActor, WorkerSetting, config_of
from ratefront.orchestrate.tune.worker_messages import MESSAGE, decode_message
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Progress, TrialParams, own_metrics

SEEN: list[tuple[TrialParams, TrialContext]] = []
CALLS: list[str] = []


def steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, Any]:
    """Steps for ever; ``method`` says how the second one ends instead."""
    SEEN.append((params, context))
    try:
        yield Progress(1, {"loss": 0.5})
        match params.values.get("method"):
            case "breaks":
                raise MemoryError
            case "returns":
                return SimpleNamespace(to_json=lambda: {"accuracy": 1.0})
            case "returns nonsense":
                return object()
        yield Progress(2, {"loss": object()})  # type: ignore[dict-item]
    finally:
        CALLS.append(f"closed {params.trial_id}")


def limit(gpus: float) -> None:
    CALLS.append(f"limited to {gpus}")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "9")
    monkeypatch.setitem(sys.modules, "worker_work", sys.modules[__name__])
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    SEEN.clear()
    CALLS.clear()


@pytest.fixture
def actor(fake: SimpleNamespace, tmp_path: Path) -> Callable[..., TrialActor]:
    """An actor that has taken a trial of a sweep that has begun."""
    (tmp_path / "ledger.jsonl").touch()

    def with_trial(config: dict[str, Any], function: str = "worker_work:steps") -> TrialActor:
        actor = TrialActor.__new__(TrialActor)
        actor.setup(
            config, WorkerSetting(TrialContext(fake.loaded(2).spec, tmp_path), function, "worker_work:limit")
        )
        return actor

    return with_trial


def trial(
    method: str = "goes on", cpus: float = 1.0, gpus: float = 0.0, trial_id: str = "t0001"
) -> dict[str, Any]:
    params = TrialParams(trial_id, 17, {"family": "label", "method": method}, starts_from="t0000")
    return config_of(Start(params, 3, Needs(cpus, gpus), 4))


def step(actor: TrialActor) -> Any:
    """The message of a step, without the readings of this process."""
    message = decode_message(actor.step()[MESSAGE])
    return (
        replace(message, metrics=own_metrics(message.metrics)) if isinstance(message, Reported) else message
    )


def test_a_trial_gets_what_the_engine_says(actor: Any) -> None:
    worker = actor(trial(cpus=2.5))
    assert step(worker) == Reported("t0001", 3, 1, {"loss": 0.5})
    params, context = SEEN[0]
    assert (params.seed, params.values["method"], params.starts_from) == (17, "goes on", "t0000")
    assert (context.device, context.batch_divisor) == ("cpu", 4)
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("2", "2")
    assert CALLS == []


def test_reports_carry_the_process_metrics(actor: Any) -> None:
    metrics = decode_message(actor(trial()).step()[MESSAGE]).metrics
    assert metrics["loss"] == 0.5
    assert metrics["system/process_memory_usage_megabytes"] > 10
    assert not [name for name in metrics if "gpu" in name]


@pytest.mark.parametrize(("gpus", "is_read"), [(0.0, False), (0.25, True)])
def test_gpu_metrics_are_read_only_with_a_gpu(
    actor: Any, monkeypatch: pytest.MonkeyPatch, gpus: float, is_read: bool
) -> None:
    monkeypatch.setitem(sys.modules, "torch", _Torch(False))
    metrics = decode_message(actor(trial(gpus=gpus)).step()[MESSAGE]).metrics
    assert ("system/process_gpu_memory_usage_megabytes" in metrics) == is_read


@pytest.mark.parametrize("gpus", [0.25, 1.0, 2.0])
def test_gpu_memory_is_limited_before_the_trial_begins(actor: Any, gpus: float) -> None:
    worker = actor(trial(gpus=gpus))
    step(worker)
    assert SEEN[0][1].device == "cuda"
    assert [*CALLS] == [f"limited to {gpus}"]


def test_a_worker_does_not_load_torch_itself(actor: Any) -> None:
    step(actor(trial()))
    assert "torch" not in sys.modules


def test_a_result_ends_the_trial(actor: Any) -> None:
    worker = actor(trial("returns"))
    step(worker)
    sent = worker.step()
    assert sent["done"]
    assert decode_message(sent[MESSAGE]) == Finished("t0001", 3, {"accuracy": 1.0})
    assert CALLS == ["closed t0001"]


@pytest.mark.parametrize(
    ("config", "error", "reason"),
    [
        (trial("breaks"), "OutOfMemoryError", "MemoryError"),
        (trial("returns nonsense"), "AttributeError", "to_json"),
        (trial(), "TypeError", "numbers and text, not object"),
    ],
)
def test_an_error_is_reported_and_ends_only_its_trial(
    actor: Any, config: dict[str, Any], error: str, reason: str
) -> None:
    worker = actor(config)
    step(worker)
    sent = worker.step()
    message = decode_message(sent[MESSAGE])
    assert sent["done"]
    assert isinstance(message, Failed)
    assert (message.error, message.attempt) == (error, 3)
    assert reason in message.reason
    assert CALLS == ["closed t0001"]
    assert worker.reset_config(trial(trial_id="t0002"))
    assert step(worker).trial_id == "t0002"


@pytest.mark.parametrize("function", ["no_such:thing", "worker_work:no_such"])
def test_a_missing_trial_function_is_the_trials_error(actor: Any, function: str) -> None:
    message = step(actor(trial(), function))
    assert isinstance(message, Failed)
    assert "no_such" in message.reason


def test_a_trial_is_closed_before_the_next_one_begins(actor: Any) -> None:
    worker = actor(trial())
    step(worker)
    worker.reset_config(trial(trial_id="t0002", gpus=0.5))
    step(worker)
    worker.cleanup()
    assert CALLS == ["closed t0001", "limited to 0.5", "closed t0002"]
    assert [context.device for _, context in SEEN] == ["cpu", "cuda"]


class _Torch:
    """Torch with a GPU that an earlier trial may have broken."""

    def __init__(self, is_broken: bool) -> None:
        self._is_broken = is_broken
        self.cuda = self

    def is_initialized(self) -> bool:
        return True

    def synchronize(self) -> None:
        if self._is_broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def memory_reserved(self) -> int:
        return 5 * 10**8

    def set_num_threads(self, threads: int) -> None: ...


@pytest.mark.parametrize(
    ("method", "is_broken", "ends"),
    [("breaks", True, True), ("breaks", False, False), ("returns", True, False)],
)
def test_a_process_with_a_broken_gpu_takes_no_more_trials(
    actor: Any, monkeypatch: pytest.MonkeyPatch, method: str, is_broken: bool, ends: bool
) -> None:
    ended: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", _Torch(is_broken))
    monkeypatch.setattr(trial_worker.os, "_exit", ended.append)
    worker = actor(trial(method, gpus=1.0))
    step(worker)
    step(worker)
    worker.reset_config(trial())
    assert ended == ([1] if ends else [])
