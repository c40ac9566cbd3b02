"""Bounds as one value: curves by name, and what is known of the source that they hold for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.bounds.bounds_json import curve_as_json
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import ORACLE
from ratefront.bounds.gap import Gap, convex_bound, gap
from ratefront.bounds.rate_table import RateTable, rate_table
from ratefront.bounds.statistics.held_out_intervals import HeldOutIntervals
from ratefront.errors import InputError, UnknownCurveError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE_KEYS = ("classes", "samples", "task_model_distortion", "zero_rate_distortion", "label_entropy_bits")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Bounds(Mapping[str, RateDistortionCurve]):
    """Bounds of one source: a mapping from names to curves, with what is known of the source.

    `from_predictions`, `from_file`, `from_prior`, `from_counts_file` and `example` make it. A notebook shows it as
    a table and a small figure. Rates are in bit/sample; a distortion D is 1 - accuracy.

    Attributes:
        curves: by name, in the order in which they were asked for.
        classes: K.
        samples: N behind the curves; None where there are no samples.
        label_entropy_bits: H(Y); None where it is not known.
        zero_rate_distortion: D0 = 1 - max p(y), reached at 0 bit; None where it is not known.
        task_model_distortion: D_TM, the share of wrong decisions; None where there is no task model.
        held_out: for some of the curves, points with intervals, measured on samples that were not used for the
            fit.
        warnings: sentences for people: reasons to doubt a curve.

    Example:
        >>> bounds = from_prior([50, 30, 20])
        >>> list(bounds)
        ['oracle']
        >>> round(bounds["oracle"].rate_at(0.05), 3)  # bit/sample at 95 % accuracy
        1.149
        >>> round(bounds.gaps(rate_bits=1.5, accuracy=0.95)["oracle"].bits, 3)
        0.351
    """

    curves: Mapping[str, RateDistortionCurve]
    classes: int
    samples: int | None = None
    label_entropy_bits: float | None = None
    zero_rate_distortion: float | None = None
    task_model_distortion: float | None = None
    held_out: Mapping[str, HeldOutIntervals] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> RateDistortionCurve:
        if name not in self.curves:
            raise UnknownCurveError(name, self.curves)
        return self.curves[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.curves)

    def __len__(self) -> int:
        return len(self.curves)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.description)}: {', '.join(self) or 'no curve'}>"

    @property
    def description(self) -> tuple[str, ...]:
        """The source in one or two sentences, without a full stop."""
        return (f"{self.classes} classes",)

    @cached_property
    def rate_table(self) -> RateTable:
        """The rates of the curves at a few accuracies."""
        return rate_table(self.curves, self.task_model_distortion, self.zero_rate_distortion)

    @cached_property
    def envelopes(self) -> Mapping[str, RateDistortionCurve]:
        """The curves that gaps are measured to.

        A curve that is not convex is replaced by its lower hull with the zero-rate point.

        Raises:
            InputError: D0 is not known, because the oracle is not among the curves.
        """
        start = self.zero_rate_distortion
        if start is None and ORACLE in self.curves:
            start = float(self.curves[ORACLE].distortion[-1])
        if start is None:
            raise InputError(f"gaps need the oracle among the curves, got {', '.join(self) or 'none'}")
        return {name: convex_bound(curve, start) for name, curve in self.curves.items()}

    def gaps(self, rate_bits: float, accuracy: float) -> dict[str, Gap]:
        """Return how far a measured point lies above each bound, by the bound's name.

        Args:
            rate_bits: in bit/sample.
            accuracy: in [0, 1].

        Raises:
            InputError: D0 is not known, because the oracle is not among the curves.
        """
        return {name: gap(rate_bits, accuracy, bound) for name, bound in self.envelopes.items()}

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the document that `ratefront bounds` writes. docs/files.md lists its keys."""
        source = {name: getattr(self, name) for name in SOURCE_KEYS}
        known = {name: value for name, value in source.items() if value is not None}
        return {**known, "warnings": list(self.warnings), "curves": self._curves_as_json()}

    def _curves_as_json(self) -> dict[str, Any]:
        return {name: curve_as_json(curve, self.held_out.get(name)) for name, curve in self.curves.items()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw accuracy over rate in bit/sample: curves, held-out intervals, and the region that the oracle forbids.

        Args:
            ax: the axes to draw into; None for those of a new pyplot figure.

        Returns:
            The axes, with a legend. Add points of your own with `ax.plot(rate_bits, accuracy, "k*")`.

        Raises:
            InputError: no curve has an accuracy.
        """
        from ratefront.report.bounds import show_bounds

        return show_bounds.plot(self, ax)

    def save_figure(self, path: str | Path) -> None:
        """Write the figure for a paper: the curves with a close-up, or what the paper shows for an example.

        The same bounds give the same bytes.

        Args:
            path: ends in .png or .pdf.

        Raises:
            InputError: another suffix, a file that cannot be written, or no curve with an accuracy.
        """
        from ratefront.report.bounds import show_bounds

        show_bounds.save_figure(self, Path(path))

    def _repr_html_(self) -> str:
        from ratefront.report.bounds import show_bounds

        return show_bounds.html(self)
