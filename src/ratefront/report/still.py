"""``front.png``: the sweep's measured codecs against the bounds, as a figure for a paper (matplotlib, Agg,
no global state).

Left: accuracy over rate, and under it the transmitter's size over the same rate. Right: a close-up of the
region just under the task model's accuracy, and the legend. A zero rate has no place on a log axis: it is
drawn at the left edge as ◁.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ratefront.report.axes import Window, close_window, drawn_curve, whole_window
from ratefront.report.curve_artists import looks
from ratefront.report.legend import MUTED, TASK_MODEL, draw_legend, front_looks, plain
from ratefront.report.style import GRID, SeriesStyle, bound_style, series_styles
from ratefront.report.view import MeasuredTrial, SweepView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 200
INK = "#222222"
MARGINS = {"top": 0.905, "bottom": 0.07}
SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "svg.hashsalt": "ratefront",
}


def front_png(view: SweepView) -> bytes:
    """The figure as a PNG file's bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with mpl.rc_context(SETTINGS):
        figure = draw(view)
        FigureCanvasAgg(figure)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": ""})
    return stream.getvalue()


def draw(view: SweepView) -> Figure:
    """The figure of a sweep; a panel that has nothing to show is left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 7.4))
    left = figure.add_gridspec(
        2, 1, left=0.06, right=0.575, height_ratios=(1.75, 1.0), **MARGINS, hspace=0.16
    )
    right = figure.add_gridspec(
        2, 1, left=0.655, right=0.985, height_ratios=(1.2, 1.0), **MARGINS, hspace=0.26
    )
    main = figure.add_subplot(left[0])
    whole = whole_window(view)
    close = close_window(view, whole)
    _draw_main(main, view, whole)
    _draw_size(figure.add_subplot(left[1], sharex=main), view, whole)
    if close is not None:
        _draw_close(figure.add_subplot(right[0]), view, close)
    draw_legend(figure.add_subplot(right[1] if close is not None else right[0]), view)
    figure.text(0.06, 0.965, _title(view), fontsize=12, fontweight="bold", va="center")
    return figure


def _title(view: SweepView) -> str:
    name = plain(view.name)
    if view.history.ended:
        return f"{name}: rate–accuracy front on test, {view.summary.trials_finished} codecs"
    return f"{name}: running, {view.trials_ended} of {view.trials_requested} trials ended"


def _draw_main(axes: Axes, view: SweepView, window: Window) -> None:
    _draw_bounds(axes, view, window)
    _draw_fronts(axes, view, window)
    _draw_trials(axes, view, window, lambda trial: trial.test.accuracy)
    _finish(axes, window, "accuracy on test")
    axes.set_ylim(*window.accuracy)
    axes.tick_params(labelbottom=False)
    axes.set_title("Accuracy against rate")
    _name_unattainable(axes, view, window)


def _name_unattainable(axes: Axes, view: SweepView, window: Window) -> None:
    """Write into the region above the oracle what it is, where it is wide enough for the words."""
    if view.overlay is None or "oracle" not in view.bounds:
        return
    rate = view.overlay.curves["oracle"].rate_at(1.0 - 0.84) or window.rate[0]
    width = np.log(rate / window.rate[0]) / np.log(window.rate[1] / window.rate[0])
    if width > 0.25:
        words = "unattainable:\nbelow the oracle"
        axes.text(0.03, 0.93, words, transform=axes.transAxes, color=MUTED, va="top")


def _draw_close(axes: Axes, view: SweepView, window: Window) -> None:
    _draw_bounds(axes, view, window)
    _draw_fronts(axes, view, window)
    _draw_trials(axes, view, window, lambda trial: trial.test.accuracy)
    _finish(axes, window, "accuracy on test")
    axes.set_xlabel("rate (bit/sample)")
    axes.set_ylim(*window.accuracy)
    axes.set_title("Close-up under the task model's accuracy")


def _draw_size(axes: Axes, view: SweepView, window: Window) -> None:
    _draw_trials(axes, view, window, lambda trial: max(trial.test.transmitter_bytes, 1) / 1024)
    _finish(axes, window, "transmitter (KiB)")
    axes.set_yscale("log")
    axes.set_xlabel("rate (bit/sample)")
    axes.set_title("What the transmitter must hold")
    _plain_ticks(axes.yaxis)
    sizes = [trial.test.transmitter_bytes / 1024 for trial in view.measured if trial.test.transmitter_bytes]
    whole = view.facts.task_model_bytes
    if whole:
        sizes += [whole / 1024, whole / 4096]
        for share, label in ((1.0, "task model"), (0.5, "half of it")):
            axes.axhline(share * whole / 1024, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
            axes.annotate(
                label,
                (1.0, share * whole / 1024),
                xycoords=axes.get_yaxis_transform(),
                xytext=(-4, 3),
                textcoords="offset points",
                ha="right",
                color=MUTED,
                fontsize=8,
            )
    if sizes:
        axes.set_ylim(0.6 * min(sizes), 1.9 * max(sizes))


def _finish(axes: Axes, window: Window, ylabel: str) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*window.rate)
    axes.set_ylabel(ylabel)
    axes.grid(True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _plain_ticks(axes.xaxis)


def _plain_ticks(axis: Any) -> None:
    """1, 2, 5, 10 … written out, instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=20))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_bounds(axes: Axes, view: SweepView, window: Window) -> None:
    if view.overlay is None:
        return
    axes.axhline(1 - view.overlay.task_model_distortion, color=TASK_MODEL, linewidth=0.7, zorder=1.5)
    for name in view.bounds:
        curve, style = view.overlay.curves[name], bound_style(name)
        rate, accuracy = (curve.rate_bits, curve.accuracy) if style.marker else drawn_curve(curve)
        shown = rate > 0.3 * window.rate[0]
        axes.plot(rate[shown], accuracy[shown], **looks(style, curve.rate_bits.size), zorder=2)
        if name == "oracle":
            edge = np.maximum(rate, 0.3 * window.rate[0])
            axes.fill_betweenx(accuracy, 0.1 * window.rate[0], edge, color="#f1f1f1", linewidth=0, zorder=0.5)


def _draw_fronts(axes: Axes, view: SweepView, window: Window) -> None:
    _draw_stairs(axes, view.staircase(), window, **front_looks(), zorder=2.5)
    for name, style in series_styles(view.series).items():
        _draw_stairs(axes, view.staircase(name), window, color=style.colour, linewidth=1.1, zorder=3)


def _draw_stairs(axes: Axes, stairs: Sequence[tuple[float, float]], window: Window, **looks: Any) -> None:
    if not stairs:
        return
    rate = [window.place(rate) for rate, _ in stairs] + [2 * window.rate[1]]
    accuracy = [accuracy for _, accuracy in stairs] + [stairs[-1][1]]
    axes.plot(rate, accuracy, drawstyle="steps-post", solid_joinstyle="miter", **looks)


def _draw_trials(
    axes: Axes, view: SweepView, window: Window, height: Callable[[MeasuredTrial], float]
) -> None:
    styles = series_styles(view.series)
    for trial in view.measured:
        rate = trial.test.rate_bits
        looks = _looks(trial, styles[trial.test.series])
        if not window.holds_rate(rate):
            looks |= {"marker": "<", "markersize": 6.5}
        axes.plot(
            window.place(rate), height(trial), linestyle="none", clip_on=window.holds_rate(rate), **looks
        )


def _looks(trial: MeasuredTrial, style: SeriesStyle) -> dict[str, Any]:
    if trial.standing == "collapsed":
        return {"marker": "x", "color": style.colour, "markersize": 4.5, "markeredgewidth": 1.0, "zorder": 4}
    looks: dict[str, Any] = {"marker": style.marker, "markersize": 6.5, "markeredgewidth": 0.8}
    if trial.standing == "front":
        return {**looks, "color": style.colour, "markeredgecolor": "white", "zorder": 6}
    return {
        **looks,
        "color": style.colour + "30",
        "markeredgecolor": style.colour + "90",
        "markersize": 5.5,
        "zorder": 4,
    }
