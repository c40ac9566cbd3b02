"""A trial computes with as many threads as it was given cores: more only get in each other's way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def use_threads(cpus: float) -> int:
    """Set this process's torch threads; how many they were before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(cpus)))
    return before


@contextmanager
def using_threads(cpus: float) -> Iterator[None]:
    """This process computes as a trial with so many cores does, and then with as many threads as before: sums come out
    otherwise with another number.
    """
    before = use_threads(cpus)
    try:
        yield
    finally:
        use_threads(before)
