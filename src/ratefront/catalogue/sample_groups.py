"""How many samples can be drawn jointly: a group of n samples of K classes has Kⁿ joint outcomes, all looked at."""

from __future__ import annotations

MAX_JOINT_OUTCOMES = 100_000
DEFAULT_JOINT_OUTCOMES = 10_000  # four samples of ten classes


def largest_group(classes: int, outcomes: int = MAX_JOINT_OUTCOMES) -> int:
    """The largest n with Kⁿ ≤ ``outcomes``, at least 1."""
    group = 1
    while classes ** (group + 1) <= outcomes:
        group += 1
    return group


def group_problem(classes: int, group: int) -> str | None:
    """Why a group of so many samples has too many joint outcomes; None where it has not."""
    if classes**group <= MAX_JOINT_OUTCOMES:
        return None
    return (
        f"a group of {group} samples of {classes} classes has {classes}^{group} joint outcomes, but may have at most "
        f"{MAX_JOINT_OUTCOMES}: group must be ≤ {largest_group(classes)}"
    )
