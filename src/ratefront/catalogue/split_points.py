"""The check that a split point exists, and what is wrong with a name that lies inside a stage.

A task model calls the check when it is cut (``task_models.task_model``). A sweep file is checked before torch is
imported: there the split points are the valid values of the parameter ``split`` (``spec.space.parameter_fields``).
"""

from __future__ import annotations

from collections.abc import Sequence

from ratefront.errors import UnknownNameError


def check_split_point(name: str, split_points: Sequence[str]) -> None:
    """Refuse a name that is no split point.

    Args:
        name: The name to check.
        split_points: The split points of the task model, from input to output.

    Raises:
        UnknownNameError: The task model has no such split point; the error lists those it has.
    """
    if name not in split_points:
        raise UnknownNameError("split point", name, split_points, inside_stage(name, split_points) or "")


def inside_stage(name: str, split_points: Sequence[str]) -> str | None:
    """Return what is wrong with a name that lies inside a stage, as ``layer3.3.conv2`` does; None for other names."""
    position = next((i for i, split in enumerate(split_points) if name.startswith(f"{split}.")), None)
    if position is None:
        return None
    stage = split_points[position]
    cut_at = " or ".join(split_points[max(0, position - 1) : position + 1])
    if "." not in stage:
        return f"it lies inside the stage {stage}, whose only end is known; cut at {cut_at}"
    return f"it lies inside the residual block {stage}: what skips past it would have to be sent too; cut at {cut_at}"
