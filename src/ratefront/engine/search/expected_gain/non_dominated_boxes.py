"""The region that a front does not dominate, as disjoint boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ratefront.pareto import FloatArray

_Corner = tuple[float, ...]
_Box = tuple[_Corner, _Corner]


@dataclass(frozen=True)
class Boxes:
    """Disjoint boxes in the space of costs, where less is better.

    Attributes:
        low: Lower corners (N, M); −∞ where a box has no lower end.
        high: Upper corners (N, M).
    """

    low: FloatArray
    high: FloatArray

    def gain(self, point: FloatArray) -> float:
        """Return the volume that a point (M,) would add to the volume that the front dominates."""
        sides = np.maximum(self.high - np.maximum(self.low, point), 0.0)
        return float(np.prod(sides, axis=1).sum())


def non_dominated_boxes(front: FloatArray, reference: FloatArray) -> Boxes:
    """Cut the region below ``reference`` that no point dominates into disjoint boxes.

    The region is swept along the last axis. Between two values of the front's points, its section is the region of one
    dimension less that the points so far do not dominate. A box stays open as long as it is part of that section.
    Of N points in M dimensions, M = 2 gives N + 1 boxes, and M = 3 about 2N.

    Args:
        front: Costs (N, M), where less is better; dominated points and points beyond the reference change nothing.
        reference: The corner (M,).
    """
    inside = front[np.all(front < reference, axis=1)] if len(front) else np.empty((0, len(reference)))
    boxes = _boxes([tuple(point) for point in np.unique(inside, axis=0).tolist()], tuple(reference.tolist()))
    corners = np.array(boxes, dtype=np.float64).reshape(-1, 2, len(reference))
    return Boxes(corners[:, 0], corners[:, 1])


def _boxes(points: list[_Corner], reference: _Corner) -> list[_Box]:
    if len(reference) == 1:
        return [((-np.inf,), (min([reference[0], *(point[0] for point in points)]),))]
    if len(reference) == 2:
        return _strips(points, reference)
    opened: dict[_Box, float] = dict.fromkeys(_boxes([], reference[:-1]), -np.inf)
    closed: list[_Box] = []
    section: list[_Corner] = []
    for point in sorted(points, key=lambda each: each[-1]):
        flat = point[:-1]
        if any(all(a <= b for a, b in zip(other, flat, strict=True)) for other in section):
            continue  # it is dominated by a point before it
        section = [o for o in section if not all(a <= b for a, b in zip(flat, o, strict=True))] + [flat]
        now = set(_boxes(section, reference[:-1]))
        for box in [box for box in opened if box not in now]:
            _close(closed, box, opened.pop(box), point[-1])
        for box in sorted(now):
            opened.setdefault(box, point[-1])
    for box, start in opened.items():
        _close(closed, box, start, reference[-1])
    return closed


def _close(closed: list[_Box], box: _Box, start: float, end: float) -> None:
    if start < end:
        closed.append(((*box[0], start), (*box[1], end)))


def _strips(points: list[_Corner], reference: _Corner) -> list[_Box]:
    """Cut the plane: one strip to the left of each step of the staircase, and one to the right of all."""
    strips: list[_Box] = []
    left, top = -np.inf, reference[1]
    for x, y in sorted(points):
        if y < top:
            if x > left:
                strips.append(((left, -np.inf), (x, top)))
            left, top = x, y
    strips.append(((left, -np.inf), (reference[0], top)))
    return strips
