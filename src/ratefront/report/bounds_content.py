"""What of a bounds document a figure draws, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratefront.bounds import ORACLE, RateDistortionCurve, curves_from_document
from ratefront.errors import InputError
from ratefront.report.held_out_band import HeldOutBand, held_out_bands, interval_title
from ratefront.report.style import BOUNDS, MUTED, TASK_MODEL


@dataclass(frozen=True)
class Reference:
    """A level of accuracy to compare the curves with."""

    title: str
    accuracy: float
    ink: str
    line: Any


@dataclass(frozen=True, eq=False)
class BoundsContent:
    """Attributes:

    curves: those with an accuracy, in the order of the hierarchy, unknown ones last.
    bands: held-out intervals of some of them.
    band_title: what the intervals are, in words.
    left_out: names of curves that have no accuracy.
    warnings: what the document warns of.
    """

    curves: Mapping[str, RateDistortionCurve]
    bands: Mapping[str, HeldOutBand]
    band_title: str
    references: tuple[Reference, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def oracle(self) -> RateDistortionCurve | None:
        """The oracle where it is a curve: of one class it is a point."""
        oracle = self.curves.get(ORACLE)
        return None if oracle is None or is_point(oracle) else oracle


def is_point(curve: RateDistortionCurve) -> bool:
    """Whether all points of a curve are one."""
    return (
        float(max(curve.rate_bits.max() - curve.rate_bits.min(), curve.distortion[-1] - curve.distortion[0]))
        == 0.0
    )


def read_content(document: Mapping[str, Any]) -> BoundsContent:
    """A bounds document's curves, bands and reference levels.

    Raises:
        InputError: no curve that has an accuracy, or a part that is not well formed (fatal).
    """
    curves = curves_from_document(document)
    order = sorted(curves, key=lambda name: list(BOUNDS).index(name) if name in BOUNDS else len(BOUNDS))
    drawn = {name: curves[name] for name in order if curves[name].measure.is_error_probability}
    if not drawn:
        raise InputError(
            f"a bounds figure needs a curve that has an accuracy; the document holds {', '.join(order) or 'none'}"
        )
    return BoundsContent(
        curves=drawn,
        bands={name: band for name, band in held_out_bands(document).items() if name in drawn},
        band_title=interval_title(document),
        references=_references(document),
        left_out=tuple(name for name in order if name not in drawn),
        warnings=tuple(map(str, document.get("warnings", ()))),
    )


def _references(document: Mapping[str, Any]) -> tuple[Reference, ...]:
    """The task model's own accuracy and that of always naming the likeliest label."""
    found = []
    task_model = _probability(document, "task_model_distortion")
    if task_model is not None:
        found.append(Reference("task model", 1.0 - task_model, TASK_MODEL, "solid"))
    majority = _probability(document, "zero_rate_distortion")
    if majority is not None:
        found.append(Reference("majority class", 1.0 - majority, MUTED, (0, (1, 2))))
    return tuple(found)


def _probability(document: Mapping[str, Any], key: str) -> float | None:
    value = document.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InputError(f"a bounds document's {key} must be a number in [0, 1], got {value!r}")
    return float(value)
