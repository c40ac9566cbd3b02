"""Draws a results page's figures from one or several sweeps, and writes its front.csv and summary.json.

    python docs/results/draw_front.py runs/mnist runs/mnist-small --out docs/results/mnist --dataset mnist \
        --budgets 4000,8000,16000,64000 --min-accuracy 0.99

It writes into the folder --out:

- front.png: accuracy over rate, all codecs over the bounds, with published points of the data set (filled: coded bits,
  hollow: estimated, cross: not said);
- budget.png: errors and rate over the transmitter's bytes, with the best codec at each budget;
- front.csv: the codecs that no other one beats in rate, accuracy and transmitter bytes;
- summary.json: the best codec at each budget, with its gaps to the bounds and the entropy of its decisions.

Codecs are chosen on validation and shown on test. All sweeps must have the same test labels and task model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, NullFormatter
from page_files import page_parser, run_script, write_page

import ratefront as rf
from ratefront.bounds import PredictionBounds, entropy_bits, published_points
from ratefront.pareto import non_dominated
from ratefront.report.bounds.published_figure import draw_published
from ratefront.report.bounds.rate_axis import RateAxis
from ratefront.report.colours import SeriesStyle, bound_style, series_styles
from ratefront.report.curve_artists import bound_looks, line_zorder, set_grid_and_frame, shade_unattainable
from ratefront.report.figure_file import PAGE_WIDTH, write_figure

OBJECTIVES = {"rate_bits": "minimise", "accuracy": "maximise", "transmitter_bytes": "minimise"}
DRAWN = (
    "oracle",
    "task_model",
    "indirect_estimate_and_compress",
    "estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
)
COLUMNS = (
    "sweep", "trial_id", "kind", "accuracy", "rate_bits", "rate_bits_estimated", "rate_bits_alone", "transmitter_bytes",
    "transmitter_macs", "encode_ms", "decision_entropy_bits", "gap_oracle", "gap_task_model", "parameters",
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A finished trial: what it is, its operating point on validation and on test, and its other figures."""

    sweep: str
    trial_id: str
    kind: str
    parameters: dict[str, Any]
    validation: tuple[float, float]
    rate_bits: float
    accuracy: float
    rate_bits_estimated: float
    rate_bits_alone: float
    transmitter_bytes: int
    transmitter_macs: int | None
    encode_ms: float
    decision_entropy_bits: float | None

    def row(self, bounds: PredictionBounds) -> dict[str, Any]:
        """Return the cells of front.csv."""
        gaps = bounds.gaps(self.rate_bits, self.accuracy)
        cells = {name: getattr(self, name) for name in COLUMNS if not name.startswith("gap_")}
        cells["parameters"] = json.dumps(self.parameters, sort_keys=True)
        for name in ("oracle", "task_model"):
            cells[f"gap_{name}"] = gaps[name].bits if name in gaps else None
        return {name: cells[name] for name in COLUMNS}


def kind_of(values: dict[str, Any]) -> str:
    """Return how the figures tell codecs apart: family, where the class is decided, and what is not fp16."""
    words = [str(values["family"])]
    words += [str(values[name]) for name in ("classifier",) if values.get(name) not in (None, "task_model")]
    words += [str(values[name]) for name in ("precision",) if values.get(name) not in (None, "fp16")]
    words += ["pruned"] if values.get("pruning") not in (None, "none") else []
    return ", ".join(words)


def read_points(sweep: rf.Sweep) -> list[Point]:
    """Return the finished trials of a sweep."""
    points = []
    for trial_id, trial in sweep.trials.items():
        if trial.status != "finished" or trial.result is None:
            continue
        result, values = trial.result, dict(trial.params)
        points.append(
            Point(
                sweep.name,
                trial_id,
                kind_of(values),
                values,
                (result.validation.rate_bits, result.validation.accuracy),
                result.test.rate_bits,
                result.test.accuracy,
                result.test.rate_bits_estimated,
                result.test.rate_bits_alone,
                result.transmitter_bytes,
                result.transmitter_macs,
                result.encode_ms,
                decision_entropy(trial.folder / "samples.npz"),
            )
        )
    return points


def decision_entropy(samples: Path) -> float | None:
    """Return the entropy of a trial's decoded test classes, in bit; None if they were not kept."""
    if not samples.is_file():
        return None
    with np.load(samples) as stored:
        counts = np.bincount(stored["decoded"])
    return entropy_bits(counts / counts.sum())


def front_of(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats on validation in rate, accuracy and bytes, by rising test rate."""
    values = {place: [*point.validation, point.transmitter_bytes] for place, point in enumerate(points)}
    kept = non_dominated(values, OBJECTIVES)
    return sorted((points[place] for place in kept), key=lambda point: (point.rate_bits, point.trial_id))


def most_accurate(points: Iterable[Point], budget: float) -> Point | None:
    """Return the most accurate point on validation of at most ``budget`` bytes; of equal ones that of fewest bits."""
    fitting = [point for point in points if point.transmitter_bytes <= budget]
    return max(fitting, key=lambda point: (point.validation[1], -point.validation[0]), default=None)


def fewest_bits(points: Iterable[Point], budget: float, min_accuracy: float) -> Point | None:
    """Return the point of the fewest bits on validation that is accurate enough there and fits into the budget."""
    fitting = [
        point for point in points if point.transmitter_bytes <= budget and point.validation[1] >= min_accuracy
    ]
    return min(fitting, key=lambda point: point.validation, default=None)


def summary(
    points: Sequence[Point],
    bounds: PredictionBounds,
    budgets: Sequence[int],
    min_accuracy: float | None,
    max_rate: float | None = None,
) -> dict[str, Any]:
    """Return summary.json: the task model, and the best points at each budget of the transmitter's bytes."""
    rows = []
    for budget in budgets:
        best = {"most_accurate": most_accurate(points, budget)}
        if min_accuracy is not None:
            best["fewest_bits"] = fewest_bits(points, budget, min_accuracy)
        rows.append(
            {"budget_bytes": budget}
            | {name: None if point is None else point.row(bounds) for name, point in best.items()}
        )
    return {
        "sweeps": sorted({point.sweep for point in points}),
        "trials_finished": len(points),
        "test_samples": bounds.samples,
        "task_model_accuracy": 1.0 - (bounds.task_model_distortion or 0.0),
        "task_model_decision_entropy_bits": bounds.estimate_entropy_bits,
        "min_accuracy": min_accuracy,
        "max_rate_bits": max_rate,
        "budgets": rows,
        "warnings": list(bounds.warnings),
    }


def draw_bounds(axes: Axes, bounds: PredictionBounds) -> None:
    """Draw the bounds as accuracy over rate, and shade what no codec reaches."""
    for name in DRAWN:
        if name in bounds:
            curve, style = bounds[name], bound_style(name)
            axes.plot(
                curve.line[0], 1.0 - curve.line[1], **bound_looks(style, curve.rate_bits.size),
                zorder=line_zorder(name), label=style.label, gid=name,
            )  # fmt: skip
    shade_unattainable(axes, bounds["oracle"].rate_bits, bounds["oracle"].accuracy)


def draw_front(points: Sequence[Point], bounds: PredictionBounds, dataset: str | None) -> Figure:
    """Return the figure of accuracy over rate: codecs and published points over the bounds."""
    figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw_bounds(axes, bounds)
    draw_kinds(axes, points, lambda point: (point.rate_bits, point.accuracy))
    published = [] if dataset is None else published_points(dataset, metric="top1")
    draw_published(axes, published, colour="#333333")
    rates = [point.rate_bits for point in points if point.rate_bits > 0]
    RateAxis(0.5 * min([*rates, 1.0]), 1.5 * max(rates), logarithmic=True).apply(axes)
    axes.set_ylim(max(0.0, min(point.accuracy for point in points) - 0.05), 1.01)
    axes.set_ylabel("accuracy")
    set_grid_and_frame(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=7.5)
    return figure


def draw_budgets(points: Sequence[Point], bounds: PredictionBounds) -> Figure:
    """Return the figure of errors and rate over the transmitter's bytes, with the most accurate at each budget."""
    figure = Figure(figsize=(PAGE_WIDTH, 5.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    sizes = sorted({point.transmitter_bytes for point in points})
    edge = 0.6 * min([size for size in sizes if size > 0], default=1.0)  # where 0 bytes are drawn
    draw_kinds(above, points, lambda point: (point.transmitter_bytes or edge, 1.0 - point.accuracy))
    draw_kinds(
        below, points, lambda point: (point.transmitter_bytes or edge, point.rate_bits), labelled=False
    )
    best = [one for size in sizes if (one := most_accurate(points, size)) is not None]
    if 0 in sizes:
        below.text(edge, 0.02, "0 B", transform=below.get_xaxis_transform(), ha="center", fontsize=7.5)
    for axes, values in (
        (above, [1.0 - one.accuracy for one in best]),
        (below, [one.rate_bits for one in best]),
    ):
        axes.step(
            [size or edge for size in sizes], values, where="post", color="#111111", linewidth=1.0, zorder=3,
            label="most accurate within the bytes" if axes is above else "_", gid="best",
        )  # fmt: skip
    task_model = bound_style("task_model").colour
    above.axhline(
        bounds.task_model_distortion or 0.0, color=task_model, linewidth=0.8,
        label="task model: errors, H of its decisions",
    )  # fmt: skip
    below.axhline(bounds.estimate_entropy_bits, color=task_model, linewidth=0.8)
    above.set_ylabel("errors (1 − accuracy)")
    above.set_yscale("log")
    log_ticks(above.yaxis, FuncFormatter(lambda value, _place: f"{100 * value:g} %"))
    below.set_ylabel("rate (bit/sample)")
    below.set_xlabel("transmitter (bytes)")
    below.set_xscale("log")
    below.set_yscale("log")
    log_ticks(below.yaxis, FuncFormatter(lambda value, _place: f"{value:g}"))
    log_ticks(below.xaxis, EngFormatter(unit="B"))
    for axes in (above, below):
        set_grid_and_frame(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=7.5)
    return figure


def log_ticks(axis: Axis, label: Formatter) -> None:
    """Let a logarithmic axis say 1, 2, 5, 10, … in words of its own instead of powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(label)
    axis.set_minor_formatter(NullFormatter())


def draw_kinds(axes: Axes, points: Sequence[Point], place: Any, *, labelled: bool = True) -> None:
    """Draw points, each kind in its own colour and marker; the front of all points is opaque, the others are faint."""
    front, styles = set(map(id, front_of(points))), series_styles(sorted({point.kind for point in points}))
    for kind, style in styles.items():
        own = [point for point in points if point.kind == kind]
        for is_front in (False, True):
            chosen = [place(point) for point in own if (id(point) in front) is is_front]
            if chosen:
                draw_marks(axes, np.array(chosen), style, is_front=is_front, gid=f"{kind} {is_front}")
        label = kind if labelled else "_"
        axes.plot(
            [], [], color=style.colour, marker=style.marker, linestyle="none", markersize=5, label=label
        )


def draw_marks(
    axes: Axes, places: np.ndarray[Any, Any], style: SeriesStyle, *, is_front: bool, gid: str
) -> None:
    """Draw markers at places (n, 2)."""
    axes.plot(
        places[:, 0], places[:, 1], linestyle="none", marker=style.marker, color=style.colour, gid=gid,
        markersize=4.5 if is_front else 3.0, alpha=1.0 if is_front else 0.3,
        markeredgecolor="white", markeredgewidth=0.4, zorder=5.0 if is_front else 4.0,
    )  # fmt: skip


def common_bounds(sweeps: Sequence[rf.Sweep]) -> PredictionBounds:
    """Return the bounds of the sweeps; all must stand behind the same decisions for the same labels."""
    all_bounds = [sweep.bounds for sweep in sweeps]
    facts = {(one.samples, one.task_model_distortion, one.label_entropy_bits) for one in all_bounds}
    if len(facts) > 1:
        raise rf.InputError(f"the sweeps have different task models or test labels: {sorted(facts)}")
    return all_bounds[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figures and write the files."""
    parser = page_parser(__doc__)
    parser.add_argument("sweeps", nargs="+", help="folders of sweeps")
    parser.add_argument("--dataset", help="draw the published points of this data set")
    parser.add_argument("--budgets", default="4000,8000,16000,64000", help="bytes of the transmitter")
    parser.add_argument(
        "--max-rate", type=float, help="leave out codecs of more bits when budgets are compared"
    )
    parser.add_argument("--min-accuracy", type=float, help="also the fewest bits at this accuracy")
    given = parser.parse_args(arguments)
    sweeps = [rf.open(folder) for folder in given.sweeps]
    bounds = common_bounds(sweeps)
    points = [point for sweep in sweeps for point in read_points(sweep)]
    if not points:
        raise rf.InputError("no trial of these sweeps has finished")
    compared = [point for point in points if given.max_rate is None or point.validation[0] <= given.max_rate]
    budgets = [int(budget) for budget in given.budgets.split(",")]
    found = summary(compared, bounds, budgets, given.min_accuracy, given.max_rate)
    write_page(given.out, found, COLUMNS, (point.row(bounds) for point in front_of(points)))
    write_figure(lambda: draw_front(points, bounds, given.dataset), given.out / "front.png")
    write_figure(lambda: draw_budgets(compared, bounds), given.out / "budget.png")


if __name__ == "__main__":
    run_script(main)
