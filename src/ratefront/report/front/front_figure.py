"""What the figure of a sweep shows, for all renderers: front.png, the page, and axes of the user.

A renderer translates every element and adds none. It decides only what its medium needs: fonts, line widths, the
colours of a theme, how many points a screen can show, and the text at the mouse pointer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.colours import BoundStyle, SeriesStyle
from ratefront.report.sweep_view import FrontStatus, MeasuredTrial

FRONT_STATUS_TEXT: dict[FrontStatus, str] = {
    "dominated": "dominated",
    "front": "on the front",
    "collapsed": "collapsed",
}


BarMeaning: TypeAlias = Literal["seeds", "samples"]
"""What a bar shows; the same in every series."""

BAR_TEXT: dict[BarMeaning, str] = {
    "seeds": "fresh seeds, min to max",
    "samples": "95 % interval of accuracy",
}


@dataclass(frozen=True, eq=False)
class Region:
    """The region between ``left`` and a curve.

    Attributes:
        name: What the region is.
        rate: The curve's rates in bit/sample, shape (M,).
        height: The curve's values on the vertical axis, shape (M,).
        left: The rate at which the region begins, left of the axis.
        text: What a large figure writes into the region; empty if there is no room.
    """

    name: str
    rate: FloatArray
    height: FloatArray
    left: float
    text: str


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with.

    Attributes:
        name: What the line is, complete enough to be read alone.
        label: What to write on the line; empty if the legend names it.
        height: The value on the vertical axis.
        colour: Which colour of the theme the line has.
        dotted: Whether the line is dotted.
    """

    name: str
    label: str
    height: float
    colour: Literal["task-model", "muted"]
    dotted: bool


@dataclass(frozen=True, eq=False)
class Bound:
    """A curve of the theory.

    Attributes:
        name: The curve's name, as ``oracle``.
        style: How it looks.
        rate: The rates that are drawn, in bit/sample, shape (M,).
        height: The values that are drawn on the vertical axis, shape (M,).
        points: At how many points the whole curve was computed.
    """

    name: str
    style: BoundStyle
    rate: FloatArray
    height: FloatArray
    points: int

    @property
    def is_points(self) -> bool:
        """Whether points are drawn instead of a line: those of a code, or a single one."""
        return bool(self.style.marker) or self.points == 1


@dataclass(frozen=True)
class Stairs:
    """A front: level from each point to the rate of the next one, where it steps up.

    The front of all series has no style.
    """

    name: str
    style: SeriesStyle | None
    rate: tuple[float, ...]
    height: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Marker:
    """A measured trial.

    Attributes:
        trial: What was measured.
        style: That of its series.
        rate: Where it is drawn, in bit/sample.
        height: The value on the vertical axis.
        at_edge: The rate has no place on the axis; the marker at the left edge says so.
    """

    trial: MeasuredTrial
    style: SeriesStyle
    rate: float
    height: float
    at_edge: bool

    @property
    def series(self) -> str:
        """The series of the trial."""
        return self.trial.test.series

    @property
    def front_status(self) -> FrontStatus:
        """Whether the trial is on the front, is dominated, or has collapsed."""
        return self.trial.front_status

    @property
    def name(self) -> str:
        """The name of the group of markers that look alike."""
        return f"{self.series}: {FRONT_STATUS_TEXT[self.front_status]}"


@dataclass(frozen=True)
class Bar:
    """A thin line beside the marker of a trial on the front: how far its values are a matter of luck.

    Attributes:
        trial: The trial.
        style: That of its series.
        meaning: ``seeds``: from the least to the greatest value of fresh seeds, through their mean. ``samples``: the
            interval of the trial's own accuracy, as the number of test samples decides it.
        rate: Both ends, in bit/sample.
        height: Both ends on the vertical axis.
    """

    trial: MeasuredTrial
    style: SeriesStyle
    meaning: BarMeaning
    rate: tuple[float, float]
    height: tuple[float, float]

    @property
    def name(self) -> str:
        """The name of the group of bars that look alike."""
        return f"{self.trial.test.series}: {BAR_TEXT[self.meaning]}"


Element: TypeAlias = Region | Level | Bound | Stairs | Bar | Marker
Kind = TypeVar("Kind", Region, Level, Bound, Stairs, Bar, Marker)


@dataclass(frozen=True)
class Axis:
    """An axis of a panel.

    Attributes:
        title: Quantity and unit.
        limits: Least and greatest value.
        logarithmic: Whether the axis is logarithmic.
        unit: The value that a 1 among the tick labels stands for.
    """

    title: str
    limits: tuple[float, float]
    logarithmic: bool
    unit: float = 1.0


@dataclass(frozen=True)
class Panel:
    """One pair of axes and what is drawn in them.

    ``elements`` are in the order of drawing: later ones cover earlier ones.
    """

    title: str
    x_axis: Axis
    y_axis: Axis
    elements: tuple[Element, ...]

    def of_kind(self, kind: type[Kind]) -> Iterator[Kind]:
        """Return the elements of one kind, in the order of drawing."""
        return (element for element in self.elements if isinstance(element, kind))


MarkerMeaning: TypeAlias = Literal["front", "dominated", "collapsed", "edge"]
"""What the shape of a marker says, for every series."""


@dataclass(frozen=True)
class LegendEntry:
    """One line of the legend.

    Attributes:
        text: The explanation.
        short: The same in fewer words, for small figures.
        key: What is explained.
    """

    text: str
    short: str
    key: Bound | Level | Stairs | SeriesStyle | MarkerMeaning | BarMeaning


@dataclass(frozen=True)
class Legend:
    """The entries for bounds and for codecs, and a note that says what the fronts are."""

    bounds: tuple[LegendEntry, ...]
    codecs: tuple[LegendEntry, ...]
    note: str


@dataclass(frozen=True)
class FrontFigure:
    """The figure of a sweep.

    Attributes:
        name: The sweep's name.
        title: Name and state.
        main: Accuracy over rate.
        close: A magnified part of ``main``; None if no trial lies there.
        size: Transmitter size over the same rates as ``main``.
        legend: What the figure shows.
    """

    name: str
    title: str
    main: Panel
    close: Panel | None
    size: Panel
    legend: Legend
