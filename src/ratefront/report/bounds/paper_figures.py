"""Figures of the papers drawn again from our own curves: [RA] Fig. 2 to 6, [MA] Fig. 1.

Each is drawn from the bounds that ``bounds.example`` gives, so that figure and numbers agree. The papers are listed in
README.md.
"""

from __future__ import annotations

from dataclasses import replace
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratefront.bounds import (
    Bounds,
    DetectionBounds,
    ExampleBounds,
    MixtureBounds,
    ModelNet40Bounds,
    PublishedBounds,
)
from ratefront.bounds.curve_names import LINEAR_RULE, ORACLE
from ratefront.bounds.examples.paper_examples import ORACLE_UNIFORM, EquiprobableBounds, MixtureDensities
from ratefront.bounds.source.distributions import FloatArray
from ratefront.report.bounds.published_figure import published_figure
from ratefront.report.colours import (
    CLASS_COLOURS,
    MIXTURE_COLOUR,
    MUTED,
    UNATTAINABLE,
    BoundStyle,
    bound_style,
)
from ratefront.report.curve_artists import line_looks, line_zorder, set_grid_and_frame, shade_unattainable
from ratefront.report.figure_file import PAGE_WIDTH, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_WIDTH = 3.5
"""Inches: one column of a two-column journal page."""

MIXTURE_RATE_TOP = 1.7
"""In bit/sample. Above it only C&E goes on, with nothing to compare it with."""

LEGEND: Any = {"loc": "lower right", "frameon": False, "handlelength": 2.6, "borderaxespad": 0.6}

_MIXTURE_MARGINS = {"left": 0.075, "right": 0.98, "bottom": 0.15, "top": 0.965, "wspace": 0.19}
_LEADER = {"arrowstyle": "-", "color": MIXTURE_COLOUR, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 1}


def draw_example(bounds: ExampleBounds, path: Path) -> None:
    """Write the figure of an example to ``path``, as PNG or PDF according to its suffix.

    ``mixture`` is [MA] Fig. 1, ``detection`` [RA] Fig. 2 with all its panels, ``modelnet40`` [RA] Fig. 3,
    ``published`` [RA] Fig. 4, 5 and 6.

    Raises:
        InputError: The suffix is another one, or the file cannot be written.
    """
    write_figure(lambda: example_figure(bounds), path)


def example_figure(bounds: ExampleBounds) -> Figure:
    """Return the figure that the paper shows of an example."""
    match bounds:
        case MixtureBounds():
            return _mixture(bounds)
        case DetectionBounds():
            return _detection(bounds)
        case ModelNet40Bounds():
            return _modelnet40(bounds)
        case PublishedBounds():
            return published_figure(bounds)
    raise TypeError(f"no paper shows {bounds!r}")


def _detection(bounds: DetectionBounds) -> Figure:
    """Draw [RA] Fig. 2: equiprobable classes, accuracy over bit/image."""
    figure = _figure(PAGE_WIDTH, 4.9)
    grid = figure.add_gridspec(
        2, 2, left=0.075, right=0.98, bottom=0.095, top=0.945, hspace=0.42, wspace=0.17
    )
    panels: list[tuple[str, EquiprobableBounds | DetectionBounds]] = [*bounds.panels.items()]
    panels.append(("COCO, YOLO-like detection", bounds))
    for place, (title, panel) in enumerate(panels):
        axes = figure.add_subplot(grid[place])
        _draw_equiprobable(axes, panel)
        axes.set_title(f"{title}: K {class_count(panel.classes)}")
        axes.set_ylabel("accuracy" if place % 2 == 0 else "")
        text = f"log₂ K = {panel.log2_classes:.2f} bit"
        axes.text(0.97, 0.06, text, transform=axes.transAxes, ha="right", fontsize=8)
    figure.axes[0].legend(loc=(0.6, 0.14), frameon=False, handlelength=2.6)
    return figure


def _draw_equiprobable(axes: Axes, panel: EquiprobableBounds | DetectionBounds) -> None:
    rate, accuracy = _points(panel, ORACLE)
    shade_unattainable(axes, rate, accuracy)
    for name, above in ((ORACLE, 0.0), (LINEAR_RULE, 1.0)):
        _draw_accuracy(axes, panel, name, bound_style(name), line_zorder(ORACLE) + above)
    _finish(axes, 1.06 * float(rate.max()), "rate (bit/image)")


def _modelnet40(bounds: ModelNet40Bounds) -> Figure:
    """Draw [RA] Fig. 3: the same classes with a uniform prior, and with the prior of the test split."""
    figure = _figure(COLUMN_WIDTH, 2.9)
    axes = figure.add_axes((0.145, 0.145, 0.835, 0.83))
    shade_unattainable(axes, *_points(bounds, ORACLE))
    classes, entropy = bounds.classes, bounds.label_entropy_bits
    oracle = bound_style(ORACLE)
    uniform = replace(oracle, dashes=(4, 1.5), colour=CLASS_COLOURS[0], width=1.6)
    for name, style, label in (
        (ORACLE, oracle, f"test-split prior, H = {entropy:.3f} bit"),
        (ORACLE_UNIFORM, uniform, f"uniform prior, H = {log2(classes):.3f} bit"),
    ):
        _draw_accuracy(axes, bounds, name, style, line_zorder(name), label)
    _finish(axes, 1.04 * log2(classes), "rate (bit/sample)")
    axes.set_ylabel("accuracy")
    axes.legend(title=f"oRD, ModelNet40 (K = {classes})", alignment="left", **LEGEND)
    return figure


def _mixture(bounds: MixtureBounds) -> Figure:
    """Draw [MA] Fig. 1: the densities of both classes, and the rates of their labels."""
    figure = _figure(PAGE_WIDTH, 2.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.35), gridspec_kw=_MIXTURE_MARGINS)
    _draw_densities(left, bounds.density)
    _draw_mixture_rates(right, bounds)
    return figure


def _draw_densities(axes: Axes, density: MixtureDensities) -> None:
    x, names = density.x, ("p(x | y = 0)", "p(x | y = 1)")
    for given, values, colour, side in zip(names, density.given, CLASS_COLOURS, (-1, 1), strict=True):
        axes.fill_between(x, values, color=colour, alpha=0.13, linewidth=0)
        axes.plot(x, values, color=colour, linewidth=1.6, gid=given)
        axes.text(side * 1.85, 0.335, given, color=colour, ha="left" if side > 0 else "right")
    axes.plot(x, density.mixture, color=MIXTURE_COLOUR, linewidth=1.2, linestyle=(0, (4, 2)), gid="p(x)")
    axes.annotate("p(x)", (0.0, 0.244), (0.0, 0.372), color=MIXTURE_COLOUR, ha="center", arrowprops=_LEADER)
    set_grid_and_frame(axes)
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(0.0, 0.43)
    axes.set_xlabel("x")
    axes.set_ylabel("probability density")


def _draw_mixture_rates(axes: Axes, bounds: MixtureBounds) -> None:
    for name, curve in bounds.items():
        style, rate, distortion = bound_style(name), curve.rate_bits, curve.distortion
        axes.plot(
            distortion, rate, **line_looks(style), zorder=line_zorder(name), label=style.label, gid=name
        )
        if name == ORACLE:
            axes.fill_between(distortion, rate, color=UNATTAINABLE, linewidth=0, zorder=0.5)
    least = bounds.least_distortion
    axes.axvline(least, color=MUTED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1.5, gid="least_distortion")
    top = 0.97 * MIXTURE_RATE_TOP
    axes.text(least - 0.008, top, f"least error\n{least:.4f}", color=MUTED, fontsize=8, ha="right", va="top")
    set_grid_and_frame(axes)
    axes.set_xlim(0.0, 0.5)
    axes.set_ylim(0.0, MIXTURE_RATE_TOP)
    axes.set_xlabel("distortion P(Ŷ ≠ Y)")
    axes.set_ylabel("rate (bit/sample)")
    axes.legend(
        loc="upper right",
        frameon=False,
        fontsize=8,
        handlelength=2.3,
        handletextpad=0.6,
        borderaxespad=0.0,
        borderpad=0.1,
    )


def _points(bounds: Bounds, name: str) -> tuple[FloatArray, FloatArray]:
    """Return rates in bit/sample and accuracies of a curve."""
    return bounds[name].rate_bits, bounds[name].accuracy


def _draw_accuracy(
    axes: Axes, bounds: Bounds, name: str, style: BoundStyle, zorder: float, label: str = ""
) -> None:
    rate, accuracy = _points(bounds, name)
    axes.plot(rate, accuracy, **line_looks(style), zorder=zorder, label=label or style.label, gid=name)


def _finish(axes: Axes, right: float, label: str) -> None:
    set_grid_and_frame(axes)
    axes.set_xlim(0.0, right)
    axes.set_ylim(0.0, 1.03)
    axes.set_xlabel(label)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def class_count(classes: int) -> str:
    """Return the number of classes as text: all digits if it is small, two digits and a power of ten if large."""
    if classes < 1_000_000:
        return f"= {classes}"
    power = len(str(classes)) - 1
    raised = str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"≈ {round(classes / 10 ** (power - 1)) / 10:.1f} × 10{raised}"
