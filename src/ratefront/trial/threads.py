"""How many threads a trial computes with: as many as it has cores, since more threads slow each other down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def use_threads(cpus: float) -> int:
    """Set the number of this process's torch threads, and return how many they were before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(cpus)))
    return before


@contextmanager
def using_threads(cpus: float) -> Iterator[None]:
    """Compute inside as a trial with so many cores does, and afterwards with as many threads as before.

    Another number of threads rounds sums differently.
    """
    before = use_threads(cpus)
    try:
        yield
    finally:
        use_threads(before)


def other_number_of_threads() -> int:
    """Return another number of threads than torch uses now, for a computation that is to confirm one with these."""
    import torch

    usual = torch.get_num_threads()
    return usual - 1 if usual > 1 else 2
