"""A trial computes with as many threads as it was given cores: more only get in each other's way."""

from __future__ import annotations


def use_threads(cpus: float) -> None:
    """Set this process's torch threads."""
    import torch

    torch.set_num_threads(max(1, int(cpus)))
