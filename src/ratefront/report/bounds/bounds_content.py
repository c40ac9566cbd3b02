"""What a figure draws of bounds: curves, held-out bands, reference lines and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ratefront.bounds import ORACLE, Bounds, RateDistortionCurve
from ratefront.errors import InputError
from ratefront.report.bounds.held_out_band import HeldOutBand, interval_title
from ratefront.report.colours import BOUNDS, MUTED, TASK_MODEL


@dataclass(frozen=True)
class ReferenceLine:
    """A level of accuracy to compare the curves with.

    Attributes:
        title: What the level is.
        accuracy: In [0, 1].
        colour: Of the line.
        line: Line style as matplotlib takes it.
    """

    title: str
    accuracy: float
    colour: str
    line: Any


@dataclass(frozen=True, eq=False)
class BoundsContent:
    """What a figure draws of bounds.

    Attributes:
        curves: Curves that have an accuracy, in the order of the hierarchy; unknown names come last.
        bands: Held-out intervals of some of these curves.
        band_title: What the intervals are.
        reference_lines: Levels of accuracy to compare with.
        left_out: Names of the curves that have no accuracy.
        warnings: Sentences about what may be wrong with the curves.
    """

    curves: Mapping[str, RateDistortionCurve]
    bands: Mapping[str, HeldOutBand]
    band_title: str
    reference_lines: tuple[ReferenceLine, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def oracle(self) -> RateDistortionCurve | None:
        """The oracle, or None if it is a single point, as with one class."""
        oracle = self.curves.get(ORACLE)
        return None if oracle is None or is_point(oracle) else oracle


def is_point(curve: RateDistortionCurve) -> bool:
    """Return whether all points of a curve are the same point."""
    return (
        float(max(curve.rate_bits.max() - curve.rate_bits.min(), curve.distortion[-1] - curve.distortion[0]))
        == 0.0
    )


def content_of(bounds: Bounds) -> BoundsContent:
    """Return what a figure draws of these bounds.

    Raises:
        InputError: No curve has an accuracy.
    """
    order = sorted(bounds, key=lambda name: list(BOUNDS).index(name) if name in BOUNDS else len(BOUNDS))
    drawn = {
        name: _from_least_distortion(bounds[name])
        for name in order
        if bounds[name].measure.is_error_probability
    }
    if not drawn:
        raise InputError(
            f"a bounds figure needs a curve that has an accuracy; the bounds hold {', '.join(order) or 'none'}"
        )
    return BoundsContent(
        curves=drawn,
        bands={name: HeldOutBand.of(one) for name, one in bounds.held_out.items() if name in drawn},
        band_title=interval_title(bounds.held_out.values()),
        reference_lines=_references(bounds),
        left_out=tuple(name for name in order if name not in drawn),
        warnings=bounds.warnings,
    )


def _from_least_distortion(curve: RateDistortionCurve) -> RateDistortionCurve:
    """Return the curve so that its line, and so its dashes, begins at the least distortion.

    The order in which the curve was solved no longer matters. A curve that turns back stays as it is.
    """
    return curve if curve.turns_back else replace(curve, along=None)


def _references(bounds: Bounds) -> tuple[ReferenceLine, ...]:
    """Return the task model's own accuracy, and that of always naming the most frequent label."""
    references = []
    if bounds.task_model_distortion is not None:
        references.append(
            ReferenceLine("task model", 1.0 - bounds.task_model_distortion, TASK_MODEL, "solid")
        )
    if bounds.zero_rate_distortion is not None:
        references.append(
            ReferenceLine("majority class", 1.0 - bounds.zero_rate_distortion, MUTED, (0, (1, 2)))
        )
    return tuple(references)
