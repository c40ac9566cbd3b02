"""The legend of ``front.png``: bounds by their usual abbreviations, series, and what the markers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratefront.records import objectives_of
from ratefront.report.axes import whole_window
from ratefront.report.curve_artists import looks
from ratefront.report.style import bound_style, series_styles
from ratefront.report.view import SweepView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MUTED, TASK_MODEL = "#6b6b6b", "#b30000"


def front_looks() -> dict[str, Any]:
    """How the overall front is drawn: a broad pale band under the series' own lines."""
    return {"color": "#f2c94c", "linewidth": 5.0, "alpha": 0.55}


def plain(text: str) -> str:
    """Text that matplotlib does not take for a formula."""
    return text.replace("$", r"\$")


def draw_legend(axes: Axes, view: SweepView) -> None:
    """Bounds, series and standings that are really in the figure, in an axes of their own."""
    axes.set_axis_off()
    looks: dict[str, Any] = {"frameon": False, "alignment": "left", "borderaxespad": 0.0, "borderpad": 0.0}
    looks |= {"fontsize": 8.5, "loc": "upper left", "handlelength": 2.6, "labelspacing": 0.4}
    bounds, bound_titles = _bound_handles(view)
    trials, trial_titles = _trial_handles(view)
    if bounds:
        first = axes.legend(bounds, bound_titles, bbox_to_anchor=(0.0, 1.0), title="Bounds", **looks)
        axes.add_artist(first)
    if trials:
        place = (0.0, 0.43 if bounds else 1.0)
        axes.legend(
            trials,
            trial_titles,
            bbox_to_anchor=place,
            ncols=2,
            title="Measured codecs",
            columnspacing=1.6,
            **looks,
        )
    names = ", ".join(name.removesuffix("_bits").replace("_", " ") for name in objectives_of(view.spec))
    note = f"Front: non-dominated on validation in\n{names}; all values shown are test."
    axes.text(0.0, -0.1, note, fontsize=8, color=MUTED)


def _bound_handles(view: SweepView) -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    handles, titles = [], []
    for name in view.bounds:
        style = bound_style(name)
        points = 0 if view.overlay is None else view.overlay.curves[name].rate_bits.size
        handles.append(Line2D([], [], **looks(style, points)))
        titles.append(style.label)
    if view.overlay is not None:
        handles.append(Line2D([], [], color=TASK_MODEL, linewidth=0.8))
        titles.append(f"task model, {100 * (1 - view.overlay.task_model_distortion):.1f} %")
    return handles, titles


def _trial_handles(view: SweepView) -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    handles, titles = [], []
    present = {trial.test.series for trial in view.measured}
    for name, style in series_styles(view.series).items():
        if name in present:
            handles.append(
                Line2D([], [], color=style.colour, marker=style.marker, linewidth=1.1, markersize=6)
            )
            titles.append(plain(name))
    for label, shape in _standing_looks(view):
        handles.append(Line2D([], [], **shape))
        titles.append(label)
    return handles, titles


def _standing_looks(view: SweepView) -> list[tuple[str, dict[str, Any]]]:
    """The legend's explanations of what is really in the figure."""
    dot: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 6}
    standings = {trial.standing for trial in view.measured}
    left = whole_window(view)
    found: list[tuple[str, dict[str, Any]]] = []
    if "front" in standings:
        found.append(("overall front", front_looks()))
        found.append(("filled: on the front", {**dot, "color": MUTED, "markeredgecolor": "white"}))
    if "dominated" in standings:
        found.append(("pale: dominated", {**dot, "color": MUTED + "30", "markeredgecolor": MUTED + "90"}))
    if "collapsed" in standings:
        found.append(("collapsed", {**dot, "marker": "x", "markersize": 4.5, "color": MUTED}))
    if any(not left.holds_rate(trial.test.rate_bits) for trial in view.measured):
        found.append((f"rate below {left.rate[0]:.2g} bit", {**dot, "marker": "<", "color": MUTED}))
    return found
