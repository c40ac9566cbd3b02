"""What a trial asks of a GPU, on a machine without one: torch's functions are replaced."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tests.trial.trial_bits import trial_params

from ratefront.trial import run_trial as run_module
from ratefront.trial.device import isolated_random_state, limit_memory, peak_memory_share, reset_gpu_memory
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import GPU_MEMORY_SHARE

pytestmark = pytest.mark.medium

GIB = 2**30


class _Gpu:
    """Records the calls of torch's functions; ``reserved`` is the peak that it reports."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, available: bool = True) -> None:
        self.calls: list[str] = []
        self.fraction: float | None = None
        self.reserved = 0
        for name in ("empty_cache", "reset_peak_memory_stats"):
            monkeypatch.setattr(torch.cuda, name, lambda name=name: self.calls.append(name))
        monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: self.reserved)
        properties = SimpleNamespace(total_memory=16 * GIB)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
        monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", self._limit)

    def _limit(self, fraction: float) -> None:
        assert isinstance(fraction, float)  # torch refuses an int
        self.fraction = fraction


def test_a_share_of_a_gpu_is_a_share_of_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = _Gpu(monkeypatch)
    limit_memory(0.25)
    assert gpu.fraction == 0.25


@pytest.mark.parametrize("share", [1, 2.0])
def test_a_whole_gpu_lifts_the_limit_of_an_earlier_trial(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    gpu = _Gpu(monkeypatch)
    limit_memory(0.25)
    limit_memory(share)
    assert gpu.fraction == 1.0


@pytest.mark.parametrize(("available", "share"), [(False, 0.25), (True, 0)])
def test_without_a_gpu_no_memory_is_limited(
    monkeypatch: pytest.MonkeyPatch, available: bool, share: float
) -> None:
    gpu = _Gpu(monkeypatch, available)
    limit_memory(share)
    assert gpu.fraction is None


def test_the_peak_is_a_fraction_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = _Gpu(monkeypatch)
    gpu.reserved = 4 * GIB
    assert peak_memory_share() == 0.25


def test_memory_of_earlier_trials_is_freed_before_the_peak_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = _Gpu(monkeypatch)
    reset_gpu_memory("cuda")
    assert gpu.calls == ["empty_cache", "reset_peak_memory_stats"]


def test_a_result_holds_the_peak_share_of_gpu_memory(
    short_context: TrialContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine reads it there; here a codec that is moved to a GPU stays where it is."""
    monkeypatch.setattr(torch.nn.Module, "to", lambda module, device: module)
    monkeypatch.setattr(
        run_module, "isolated_random_state", lambda device, seed: isolated_random_state("cpu", seed)
    )
    gpu = _Gpu(monkeypatch)
    gpu.reserved = 2 * GIB
    params = trial_params("label-lossless", "on-gpu")
    on_gpu = run_trial(params, replace(short_context, device="cuda"))
    assert on_gpu.extra[GPU_MEMORY_SHARE] == 0.125
    assert gpu.calls == ["empty_cache", "reset_peak_memory_stats"]
    assert GPU_MEMORY_SHARE not in run_trial(params, short_context).extra


def test_a_trial_on_cpus_leaves_the_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call would take hundreds of megabytes of a GPU that others compute on."""
    gpu = _Gpu(monkeypatch)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1 / 0)
    reset_gpu_memory("cpu")
    with isolated_random_state("cpu", 3):
        torch.rand(2)
    assert gpu.calls == []
