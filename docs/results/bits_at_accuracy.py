"""Says how many bits each codec of a sweep needs at an accuracy, by interpolation over β, for each seed.

    python docs/results/bits_at_accuracy.py runs/codec-types --share 0.99 --budgets 32000,96000,700000 \
        --out docs/results/codec-types

A codec here is a configuration without its β. Its points of one seed are sorted by rate; those that do not raise the
accuracy are left out; the rate at the accuracy is interpolated between two neighbours, log rate over accuracy. It is
unknown where no β reaches the accuracy, and at most the lowest rate where all do. Rates and accuracies are those of
the test split: nothing is chosen by them.

It writes into the folder --out:

- front.png: accuracy over rate of each codec, means of its seeds, over the bounds, with the accuracy as a line;
- front.csv: every codec with its bits of each seed, their mean, and its transmitter's bytes;
- summary.json: of each family the codec of the fewest bits within each budget of the transmitter's bytes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from draw_front import Point, draw_bounds, read_points
from matplotlib.figure import Figure
from page_files import page_parser, run_script, write_page

import ratefront as rf
from ratefront.bounds import PredictionBounds
from ratefront.report.bounds.rate_axis import RateAxis
from ratefront.report.colours import series_styles
from ratefront.report.curve_artists import set_grid_and_frame
from ratefront.report.figure_file import PAGE_WIDTH, write_figure


@dataclass(frozen=True)
class Codec:
    """A configuration without its β: its name, its points of each seed, and its bits of each seed at the accuracy."""

    name: str
    family: str
    seeds: tuple[tuple[Point, ...], ...]
    bits: tuple[float | None, ...]

    @property
    def transmitter_bytes(self) -> int:
        """The most bytes of any of its points: densities have a few more or fewer."""
        return max(point.transmitter_bytes for points in self.seeds for point in points)

    @property
    def mean_bits(self) -> float | None:
        """The mean over the seeds; None if a seed does not reach the accuracy."""
        known = [bits for bits in self.bits if bits is not None]
        return float(np.mean(known)) if len(known) == len(self.bits) else None

    @property
    def best_accuracy(self) -> float:
        """The highest accuracy of any β, as a mean over the seeds."""
        return float(np.mean([max(point.accuracy for point in points) for points in self.seeds]))

    def row(self) -> dict[str, Any]:
        """Return the cells of front.csv."""
        return {
            "codec": self.name,
            "family": self.family,
            "transmitter_bytes": self.transmitter_bytes,
            "mean_rate_bits": self.mean_bits,
            "rate_bits_of_seeds": json.dumps(self.bits),
            "best_accuracy": self.best_accuracy,
        }


def bits_at(points: Sequence[Point], accuracy: float) -> float | None:
    """Return the rate at which points reach an accuracy, in bit/sample; None if none does."""
    rising: list[Point] = []
    for point in sorted(points, key=lambda one: one.rate_bits):
        if not rising or point.accuracy > rising[-1].accuracy:
            rising.append(point)
    if rising[-1].accuracy < accuracy:
        return None
    logs = np.log2([point.rate_bits for point in rising])
    return float(2 ** np.interp(accuracy, [point.accuracy for point in rising], logs))


def codecs_of(points: Sequence[Point], accuracy: float) -> list[Codec]:
    """Return the codecs that the points belong to, by family and name."""
    told_apart = differing(points)
    found: dict[tuple[str, str], dict[Any, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in points:
        name = ", ".join(
            f"{key} {point.parameters[key]}"
            for key in told_apart
            if key in point.parameters and key not in ("beta", "family")
        )
        found[str(point.parameters["family"]), name][point.parameters["beta"]].append(point)
    codecs = []
    for (family, name), by_beta in sorted(found.items()):
        seeds = tuple(
            zip(*(sorted(ones, key=lambda one: one.trial_id) for ones in by_beta.values()), strict=False)
        )
        bits = tuple(bits_at(seed, accuracy) for seed in seeds)
        codecs.append(Codec(f"{family}: {name}", family, seeds, bits))
    return codecs


def differing(points: Sequence[Point]) -> list[str]:
    """Return the parameters that tell points apart, in the order of the points' own."""
    names = {name: None for point in points for name in point.parameters}
    families = {point.parameters["family"] for point in points}
    return [
        name
        for name in names
        if any(
            len({str(one.parameters.get(name)) for one in points if one.parameters["family"] == family}) > 1
            for family in families
        )
    ]


def draw(codecs: Sequence[Codec], bounds: PredictionBounds, accuracy: float) -> Figure:
    """Return the figure of accuracy over rate."""
    figure = Figure(figsize=(PAGE_WIDTH, 5.2), layout="constrained")
    axes = figure.add_subplot()
    draw_bounds(axes, bounds)
    axes.axhline(accuracy, color="#111111", linewidth=0.8, linestyle=":", label=f"accuracy of {accuracy:.2%}")
    styles = series_styles([codec.name for codec in codecs])
    for codec in codecs:
        means = np.array(
            sorted(
                (np.mean([p.rate_bits for p in same]), np.mean([p.accuracy for p in same]))
                for same in zip(*codec.seeds, strict=True)
            )
        )
        style = styles[codec.name]
        axes.plot(
            means[:, 0], means[:, 1], color=style.colour, marker=style.marker, markersize=4.5, linewidth=0.9,
            markeredgecolor="white", markeredgewidth=0.4, zorder=5.0, gid=codec.name,
            label=f"{codec.name} ({codec.transmitter_bytes / 1000:.0f} kB)",
        )  # fmt: skip
    points = [point for codec in codecs for seed in codec.seeds for point in seed]
    rates, lowest = [point.rate_bits for point in points], min(point.accuracy for point in points)
    RateAxis(2.0, 1.3 * max(rates), logarithmic=True).apply(axes)
    axes.set_ylim(max(lowest - 0.01, 0.9), 1.002)
    axes.set_ylabel("accuracy")
    set_grid_and_frame(axes)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=7)
    return figure


def summary(codecs: Sequence[Codec], accuracy: float, budgets: Sequence[int]) -> dict[str, Any]:
    """Return summary.json."""
    rows: list[dict[str, Any]] = []
    for budget in budgets:
        for family in sorted({codec.family for codec in codecs}):
            fitting = [one for one in codecs if one.family == family and one.transmitter_bytes <= budget]
            known = [one.row() for one in fitting if one.mean_bits is not None]
            best = min(known, key=lambda row: (row["mean_rate_bits"], row["codec"]), default=None)
            rows.append({"budget_bytes": budget, "family": family, "fewest_bits": best})
    return {"accuracy": accuracy, "seeds": len(codecs[0].seeds), "budgets": rows}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure and write the files."""
    parser = page_parser(__doc__)
    parser.add_argument("sweep", help="the folder of a sweep")
    parser.add_argument("--share", type=float, default=0.99, help="of the task model's accuracy")
    parser.add_argument("--budgets", default="32000,96000,700000", help="bytes of the transmitter")
    given = parser.parse_args(arguments)
    sweep = rf.open(given.sweep)
    points = [point for point in read_points(sweep) if "beta" in point.parameters]
    if not points:
        raise rf.InputError("no learned codec of this sweep has finished")
    bounds = sweep.bounds
    accuracy = given.share * (1.0 - (bounds.task_model_distortion or 0.0))
    codecs = codecs_of(points, accuracy)
    rows = [codec.row() for codec in codecs]
    found = summary(codecs, accuracy, [int(budget) for budget in given.budgets.split(",")])
    write_page(given.out, found, list(rows[0]), rows)
    write_figure(lambda: draw(codecs, bounds, accuracy), given.out / "front.png")


if __name__ == "__main__":
    run_script(main)
