"""Decides what the figure of a sweep shows, once for all renderers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ratefront.bounds import ORACLE
from ratefront.columns import accuracy_interval, percent
from ratefront.report.colours import SeriesStyle, bound_style, series_styles
from ratefront.report.front.axis_ranges import (
    AxisRanges,
    close_up_ranges,
    extended_limits,
    interpolated_curve,
    whole_ranges,
)
from ratefront.report.front.describe_legend import describe_legend
from ratefront.report.front.front_figure import (
    Axis,
    Bar,
    Bound,
    Element,
    FrontFigure,
    Level,
    Marker,
    Panel,
    Region,
    Stairs,
)
from ratefront.report.sweep_view import FrontStatus, MeasuredTrial, SweepView

RATE, ACCURACY, SIZE = "rate (bit/sample)", "accuracy on test", "transmitter (KiB)"
KIBIBYTE = 1024
SIZES_OF_NONE = (10**-0.05 * KIBIBYTE, 10**1.05 * KIBIBYTE)
"""Limits in bytes without any transmitter: a decade with a margin."""

LEFTMOST_DRAWN = 0.3
"""Share of the axis' left end; the part of a curve further to the left is not drawn."""

TEXT_ACCURACY, TEXT_WIDTH = 0.84, 0.25
"""The text of the region reaches down to this accuracy, and takes this share of the axes' width."""

MOST_WITH_INTERVALS = 30
"""With more trials on the front, the intervals of their accuracies would hide each other; the tables have them all."""

COVERING: tuple[tuple[FrontStatus, ...], ...] = (("dominated", "collapsed"), ("front",))
"""In the order of drawing: trials on the front cover the others."""


def describe_front(view: SweepView) -> FrontFigure:
    """Return the figure of a sweep, running or ended."""
    whole = whole_ranges(view)
    close = close_up_ranges(view, whole)
    main = Panel(
        "Accuracy against rate", _rates(whole), _accuracies(whole), tuple(_main_elements(view, whole))
    )
    return FrontFigure(
        view.name,
        _title(view),
        main,
        None if close is None else _close_panel(view, close),
        _size_panel(view, whole),
        describe_legend(view, main),
    )


def _title(view: SweepView) -> str:
    if view.history.ended:
        drawn = f", {len(view.drawn)} of them drawn" if view.left_out else ""
        return f"{view.name}: rate–accuracy front on test, {view.summary.trials_finished} codecs{drawn}"
    repeats = view.history.repeats.describe()
    return f"{view.name}: running, {view.trials_ended} of {view.trials_requested} trials{repeats} ended"


def _rates(ranges: AxisRanges) -> Axis:
    return Axis(RATE, ranges.rate, logarithmic=True)


def _accuracies(ranges: AxisRanges) -> Axis:
    return Axis(ACCURACY, ranges.accuracy, logarithmic=False)


def _close_panel(view: SweepView, ranges: AxisRanges) -> Panel:
    title = "Close-up under the task model's accuracy"
    return Panel(
        title, _rates(ranges), _accuracies(ranges), tuple(_main_elements(view, ranges, with_text=False))
    )


def _main_elements(view: SweepView, ranges: AxisRanges, with_text: bool = True) -> Iterator[Element]:
    yield from _unattainable(view, ranges, with_text)
    yield from _task_model(view)
    yield from _limits(view, "accuracy")
    yield from _bounds(view, ranges)
    yield from _fronts(view, ranges)
    yield from _bars(view, ranges)
    for marker in _markers(view, ranges, lambda trial: trial.test.accuracy):
        low, high = ranges.accuracy
        if (
            not marker.at_edge or low <= marker.height <= high
        ):  # at the edge a marker is not clipped by the axes
            yield marker


def _unattainable(view: SweepView, ranges: AxisRanges, with_text: bool) -> Iterator[Region]:
    """Yield the region below the oracle, which no codec can reach."""
    if view.bounds is None or ORACLE not in view.bound_names:
        return
    oracle = view.bounds.curves[ORACLE]
    start = oracle.rate_at(1.0 - TEXT_ACCURACY) or ranges.rate[0]
    with_text = with_text and ranges.position(start) > TEXT_WIDTH
    text = "unattainable:\nbelow the oracle" if with_text else ""
    yield Region("unattainable", *interpolated_curve(oracle), left=extended_limits(ranges.rate)[0], text=text)


def _task_model(view: SweepView) -> Iterator[Level]:
    if view.bounds is not None:
        accuracy = 1 - view.bounds.task_model_distortion
        yield Level(f"task model, {percent(accuracy)}", "", accuracy, "task-model", dotted=False)


def _limits(view: SweepView, name: str) -> Iterator[Level]:
    """Yield the limits that the sweep file sets to a value; trials meet them on validation."""
    for constraint in view.constraints:
        if constraint.name == name and constraint.limit > 0:
            yield Level(f"asked for: {constraint}", str(constraint), constraint.limit, "muted", dotted=True)


def _bounds(view: SweepView, ranges: AxisRanges) -> Iterator[Bound]:
    for name in view.bound_names:
        curve, style = view.bounds.curves[name], bound_style(name)  # type: ignore[union-attr]
        rate, accuracy = (curve.rate_bits, curve.accuracy) if style.marker else interpolated_curve(curve)
        shown = rate > LEFTMOST_DRAWN * ranges.rate[0]
        yield Bound(name, style, rate[shown], accuracy[shown], curve.rate_bits.size)


def _fronts(view: SweepView, ranges: AxisRanges) -> Iterator[Stairs]:
    yield from _stairs("overall front", None, view.staircase(), ranges)
    for series, style in series_styles(view.series).items():
        yield from _stairs(f"{series}: front", style, view.staircase(series), ranges)


def _stairs(
    name: str, style: SeriesStyle | None, points: Sequence[tuple[float, float]], ranges: AxisRanges
) -> Iterator[Stairs]:
    if points:
        rate = (*(ranges.drawn_rate(rate) for rate, _ in points), extended_limits(ranges.rate)[1])
        yield Stairs(name, style, rate, (*(accuracy for _, accuracy in points), points[-1][1]))


def _bars(view: SweepView, ranges: AxisRanges) -> Iterator[Bar]:
    """Yield the bars of the trials on the front; those of their accuracies only where there are few."""
    styles = series_styles(view.series)
    for trial in view.front:
        style, fresh, rate = (
            styles[trial.test.series],
            trial.fresh_seeds,
            ranges.drawn_rate(trial.test.rate_bits),
        )
        if len(view.front) <= MOST_WITH_INTERVALS:
            interval = accuracy_interval(trial.test.accuracy, trial.result.test.samples)
            yield Bar(trial, style, "samples", (rate, rate), interval)
        if fresh is not None:
            mean, low, high = map(ranges.drawn_rate, fresh.rate_bits)
            accuracy = fresh.accuracy
            yield Bar(trial, style, "seeds", (low, high), (accuracy.mean, accuracy.mean))
            yield Bar(trial, style, "seeds", (mean, mean), (accuracy.low, accuracy.high))


def _markers(
    view: SweepView, ranges: AxisRanges, height: Callable[[MeasuredTrial], float]
) -> Iterator[Marker]:
    styles = series_styles(view.series)
    for front_statuses in COVERING:
        for trial in view.drawn:
            if trial.front_status in front_statuses:
                rate = trial.test.rate_bits
                style, at_edge = styles[trial.test.series], not ranges.holds_rate(rate)
                yield Marker(trial, style, ranges.drawn_rate(rate), height(trial), at_edge)


def _size_panel(view: SweepView, ranges: AxisRanges) -> Panel:
    """Return the panel of transmitter sizes in bytes, whose tick labels are in KiB."""
    levels = (*_size_levels(view), *_limits(view, "transmitter_bytes"))
    markers = tuple(_markers(view, ranges, lambda trial: max(1, trial.test.transmitter_bytes)))
    up = Axis(SIZE, _size_limits(view), logarithmic=True, unit=KIBIBYTE)
    return Panel("What the transmitter must hold", _rates(ranges), up, (*levels, *markers))


def _size_levels(view: SweepView) -> Iterator[Level]:
    size = view.task_model.task_model_bytes
    if size:
        yield Level("the task model", "task model", size, "muted", dotted=True)
        yield Level("half of the task model", "half of it", 0.5 * size, "muted", dotted=True)


def _size_limits(view: SweepView) -> tuple[float, float]:
    """Return limits that hold all transmitters, the task model, and a quarter of it.

    A transmitter of 0 bytes has no place on the logarithmic axis.
    """
    sizes: list[float] = [t.test.transmitter_bytes for t in view.measured if t.test.transmitter_bytes]
    whole = view.task_model.task_model_bytes
    if whole:
        sizes += [whole, whole / 4]
    return (0.6 * min(sizes), 1.9 * max(sizes)) if sizes else SIZES_OF_NONE
