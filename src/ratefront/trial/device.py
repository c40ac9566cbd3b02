"""The device that a trial computes on: how much of a GPU's memory it may hold and has held, and its random state."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from ratefront.errors import InputError


def check_device(device: str) -> None:
    """Check that torch can compute on the device.

    Raises:
        InputError: The device is neither ``cpu`` nor ``cuda``, or there is no GPU that torch can use.
    """
    import torch

    if device not in ("cpu", "cuda"):
        raise InputError(f"device: cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; valid: cpu")


def limit_memory(share: float) -> None:
    """Let this process hold at most this share of its GPU's memory; more is ``torch.OutOfMemoryError``.

    A share of one GPU or more lifts the limit of an earlier trial of this process. Nothing happens for a share of 0, or
    where torch finds no GPU.
    """
    import torch

    if share > 0 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(min(1.0, float(share)))


def reset_gpu_memory(device: str) -> None:
    """Free the GPU memory that this process still holds from another trial, and restart the measurement of the peak."""
    import torch

    if device == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory_share() -> float:
    """Return the largest share of its GPU's memory that this process has reserved since ``reset_gpu_memory``."""
    import torch

    total_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return float(torch.cuda.max_memory_reserved() / total_bytes)


@contextmanager
def isolated_random_state(device: str, seed: int) -> Iterator[None]:
    """Seed torch's global generators with ``seed`` inside; afterwards they are as before."""
    import torch

    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield
