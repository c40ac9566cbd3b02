"""Where a trial computes."""

from __future__ import annotations

from ratefront.errors import InputError


def check_device(device: str) -> None:
    """
    Raises
    ------
    InputError
        The device is neither ``cpu`` nor ``cuda``, or there is no GPU that torch can use.
    """
    import torch

    if device not in ("cpu", "cuda"):
        raise InputError(f"device: cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; valid: cpu")
