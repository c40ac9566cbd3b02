"""How many samples can be drawn jointly: n samples of K classes have Kⁿ joint outcomes, and all are evaluated."""

from __future__ import annotations

MAX_JOINT_OUTCOMES = 100_000
DEFAULT_JOINT_OUTCOMES = 10_000  # four samples of ten classes


def largest_group(classes: int, outcomes: int = MAX_JOINT_OUTCOMES) -> int:
    """Return the largest n with Kⁿ ≤ ``outcomes``, at least 1."""
    group = 1
    while classes ** (group + 1) <= outcomes:
        group += 1
    return group


def group_problem(classes: int, group: int) -> str | None:
    """Return why a group of this size has too many joint outcomes; None if it does not."""
    if classes**group <= MAX_JOINT_OUTCOMES:
        return None
    return (
        f"a group of {group} samples of {classes} classes has {classes}^{group} joint outcomes, but may have at most "
        f"{MAX_JOINT_OUTCOMES}: group must be ≤ {largest_group(classes)}"
    )
