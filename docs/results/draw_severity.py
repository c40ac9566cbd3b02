"""Draws what corrupted samples do to the bounds: one panel for each corruption, one shade for each severity.

    python docs/results/draw_severity.py runs/cifar100 runs/cifar100-noise-1 runs/cifar100-blur-1 … \
        --out docs/results/cifar100-corruption

The data set of each sweep says its corruption and severity; a sweep of clean samples is drawn in every panel. Only
codecs of the family label are shown: they send the task model's own classes.

It writes into the folder --out:

- severity.png: the oracle, the bound of the task model's posteriors and the coded classes, accuracy over rate;
- front.csv: every coded class, with its gaps to both bounds;
- summary.json: of each sweep the task model's accuracy, the entropy of its decisions, and both bounds at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from draw_front import Point, read_points
from matplotlib.figure import Figure
from page_files import page_parser, run_script, write_page

import ratefront as rf
from ratefront.bounds import PredictionBounds
from ratefront.report.bounds.rate_axis import RateAxis
from ratefront.report.colours import bound_style
from ratefront.report.curve_artists import set_grid_and_frame, shade_unattainable
from ratefront.report.figure_file import PAGE_WIDTH, write_figure

CLEAN = "none"
COLUMNS = ("condition", "accuracy", "rate_bits", "gap_oracle", "gap_task_model", "parameters")
LOWEST_RATE = 0.3  # where the figure begins, in bit/sample


@dataclass(frozen=True)
class Condition:
    """A sweep: its corruption, its severity (0 of clean samples), its bounds on test and its coded classes."""

    corruption: str
    severity: int
    bounds: PredictionBounds
    points: list[Point]

    @property
    def accuracy(self) -> float:
        """The task model's accuracy on test."""
        return 1.0 - (self.bounds.task_model_distortion or 0.0)

    @property
    def name(self) -> str:
        """How the files call it."""
        return "clean" if self.corruption == CLEAN else f"{self.corruption} {self.severity}"

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of front.csv."""
        rows = [point.row(self.bounds) for point in sorted(self.points, key=lambda point: point.rate_bits)]
        return [{"condition": self.name} | {name: row[name] for name in COLUMNS[1:]} for row in rows]

    def summary(self) -> dict[str, Any]:
        """Return its part of summary.json; rates in bit/sample, None where a bound does not reach the distortion."""
        reached = self.bounds["task_model"].line[1].min()
        at = self.bounds.task_model_distortion or 0.0
        return {
            "condition": self.name,
            "task_model_accuracy": self.accuracy,
            "decision_entropy_bits": self.bounds.estimate_entropy_bits,
            "task_model_bound_best_accuracy": 1.0 - float(reached),
            "oracle_at_task_model_accuracy": self.bounds["oracle"].rate_at(at),
            "task_model_bound_at_task_model_accuracy": self.bounds["task_model"].rate_at(at),
        }


def read(folder: str) -> Condition:
    """Read the folder of a sweep."""
    sweep = rf.open(folder)
    dataset = sweep.spec.spec.dataset
    corruption = str(getattr(dataset, "corruption", CLEAN))
    points = [point for point in read_points(sweep) if point.parameters["family"] == "label"]
    own = [point for point in points if point.parameters.get("classifier", "task_model") == "task_model"]
    return Condition(corruption, int(getattr(dataset, "severity", None) or 0), sweep.bounds, own)


def draw(conditions: Sequence[Condition]) -> Figure:
    """Return the figure of conditions, which are sorted: clean samples first, then by corruption and severity."""
    corruptions = sorted({one.corruption for one in conditions} - {CLEAN})
    figure = Figure(figsize=(PAGE_WIDTH, 3.9), layout="constrained")
    panels = figure.subplots(1, len(corruptions), sharey=True, squeeze=False)[0]
    severest = max(one.severity for one in conditions)
    shades = mpl.colormaps["viridis"]
    for axes, corruption in zip(panels, corruptions, strict=True):
        shown = [one for one in conditions if one.corruption in (CLEAN, corruption)]
        oracle = shown[0].bounds["oracle"]
        axes.plot(
            oracle.line[0],
            1.0 - oracle.line[1],
            color=bound_style("oracle").colour,
            label="oracle",
            gid="oracle",
        )
        shade_unattainable(axes, oracle.rate_bits, oracle.accuracy)
        for one in shown:
            colour = shades(0.85 * one.severity / severest)
            curve = one.bounds["task_model"]
            label = "clean" if one.severity == 0 else f"severity {one.severity}"
            axes.plot(
                curve.line[0], 1.0 - curve.line[1], color=colour, linewidth=1.3, label=label, gid=one.name
            )
            axes.plot(
                [point.rate_bits for point in one.points], [point.accuracy for point in one.points], color=colour,
                marker="o", linestyle="none", markersize=4.5, markeredgecolor="white", markeredgewidth=0.4,
                gid=f"{one.name} coded",
            )  # fmt: skip
        axes.set_title(corruption)
        greatest = max(point.rate_bits for one in shown for point in one.points)
        RateAxis(LOWEST_RATE, 1.2 * greatest, logarithmic=True).apply(axes)
        axes.set_ylim(0.0, 1.01)
        set_grid_and_frame(axes)
    panels[0].set_ylabel("accuracy")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, [labels[0], *(f"bound behind the task model, {label}" for label in labels[1:])],
        loc="outside lower center", ncols=2, frameon=False, fontsize=7.5,
    )  # fmt: skip
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure and write the files."""
    parser = page_parser(__doc__)
    parser.add_argument("sweeps", nargs="+", help="folders of sweeps")
    given = parser.parse_args(arguments)
    conditions = sorted(
        (read(folder) for folder in given.sweeps),
        key=lambda one: (one.severity > 0, one.corruption, one.severity),
    )
    if not {one.corruption for one in conditions} - {CLEAN}:
        raise rf.InputError("none of these sweeps has corrupted samples")
    found = {"conditions": [one.summary() for one in conditions]}
    write_page(given.out, found, COLUMNS, (row for one in conditions for row in one.rows()))
    write_figure(lambda: draw(conditions), given.out / "severity.png")


if __name__ == "__main__":
    run_script(main)
