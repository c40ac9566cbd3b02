"""What the figure of a sweep shows, whoever draws it: front.png, the page, or an Axes of the user.

A renderer translates every element and adds none. What it decides itself is what its medium needs: letters, line
widths, theme of a theme, how many points a screen can show, what a pointer is told.
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


@dataclass(frozen=True, eq=False)
class Region:
    """What lies between `left` and the curve.

    Attributes:
        rate, height: the curve's points, shape (M,).
        left: the rate at which the region begins, left of the axis.
        text: what a large figure writes into it; empty where there is no room.
    """

    name: str
    rate: FloatArray
    height: FloatArray
    left: float
    text: str


@dataclass(frozen=True)
class Level:
    """A height to compare with.

    Attributes:
        name: what it is, where it is read alone.
        label: what to write on the line, among the others of its panel; empty where the legend has it.
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
        rate, height: what is drawn of it, shape (M,).
        points: how many points the whole curve was computed at.
    """

    name: str
    style: BoundStyle
    rate: FloatArray
    height: FloatArray
    points: int

    @property
    def is_points(self) -> bool:
        """Whether its points are drawn, not a line: they are codes, or it is only one."""
        return bool(self.style.marker) or self.points == 1


@dataclass(frozen=True)
class Stairs:
    """A front: level from each point to the rate of the next, where it steps up. That of all series has no style."""

    name: str
    style: SeriesStyle | None
    rate: tuple[float, ...]
    height: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Marker:
    """A measured trial. `at_edge`: its rate has no place on the axis, and the marker at the left edge says so."""

    trial: MeasuredTrial
    style: SeriesStyle
    rate: float
    height: float
    at_edge: bool

    @property
    def series(self) -> str:
        return self.trial.test.series

    @property
    def front_status(self) -> FrontStatus:
        return self.trial.front_status

    @property
    def name(self) -> str:
        """Of its group: those that look alike."""
        return f"{self.series}: {FRONT_STATUS_TEXT[self.front_status]}"


Element: TypeAlias = Region | Level | Bound | Stairs | Marker
Kind = TypeVar("Kind", Region, Level, Bound, Stairs, Marker)


@dataclass(frozen=True)
class Axis:
    """`unit`: how much a 1 on its labels stands for."""

    title: str
    limits: tuple[float, float]
    logarithmic: bool
    unit: float = 1.0


@dataclass(frozen=True)
class Panel:
    """`elements` are in the order of drawing: later ones cover earlier ones."""

    title: str
    x_axis: Axis
    y_axis: Axis
    elements: tuple[Element, ...]

    def of_kind(self, kind: type[Kind]) -> Iterator[Kind]:
        """The elements of one kind, in the order of drawing."""
        return (element for element in self.elements if isinstance(element, kind))


MarkerMeaning: TypeAlias = Literal["front", "dominated", "collapsed", "edge"]
"""What the shape of a marker says, whatever its series."""


@dataclass(frozen=True)
class LegendEntry:
    """`short` says the same as `text` where room is scarce; `key` is what is explained."""

    text: str
    short: str
    key: Bound | Level | Stairs | SeriesStyle | MarkerMeaning


@dataclass(frozen=True)
class Legend:
    """What is really in the figure, and what its fronts are."""

    bounds: tuple[LegendEntry, ...]
    codecs: tuple[LegendEntry, ...]
    note: str


@dataclass(frozen=True)
class FrontFigure:
    """`close` magnifies a part of `main`, None where there is none; `size` has the axis of rates of `main`."""

    name: str
    title: str
    main: Panel
    close: Panel | None
    size: Panel
    legend: Legend
