"""Draws the runs of ``search.py``: the share of the gap that is closed over slot-seconds, by problem and search.

    python tests/bench/search_figure.py search.json docs/images/search.png

Lines are medians over the seeds, bands go from the worst to the best of them. What a search has found stays when its
sweep is over; its line ends where half of its sweeps are.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

Run = Mapping[str, Any]

TITLES = {
    "mnist": "table of MNIST, all families",
    "mnist_learned": "table of MNIST, learned families",
    "dtlz2": "DTLZ2",
    "codec_families": "codec families",
}
#: Okabe and Ito's colours, which everyone can tell apart, and a dash for each.
STYLES = {
    "random": ("#999999", "-"),
    "tpe": ("#0072B2", "-"),
    "nsga2": ("#E69F00", "--"),
    "moasha": ("#CC79A7", ":"),
    "moasha, gentle": ("#D55E00", "-."),
    "default, no stopping": ("#56B4E9", "--"),
    "default": ("#009E73", "-"),
}
POINTS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    parser.add_argument("picture", type=Path)
    wanted = parser.parse_args()
    runs = json.loads(wanted.runs.read_text(encoding="utf-8"))
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for axis, problem in zip(axes.flat, runs, strict=False):
        _draw(axis, problem, _distinct(runs[problem]))
    for axis in axes.flat[len(runs) :]:
        axis.set_visible(False)
    known = {
        label: handle
        for axis in axes.flat
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(wanted.picture, dpi=110)


def _distinct(by_method: Mapping[str, Sequence[Run]]) -> dict[str, Sequence[Run]]:
    """Return the methods that have a style, each search once: the default may be one that is there already."""
    found: dict[str, Sequence[Run]] = {}
    for method in STYLES:
        if method in by_method and by_method[method] not in found.values():
            found[method] = by_method[method]
    return found


def _draw(axis: Axes, problem: str, by_method: Mapping[str, Sequence[Run]]) -> None:
    most = max(statistics.median(run["total_busy_s"] for run in runs) for runs in by_method.values())
    for method, runs in by_method.items():
        colour, dash = STYLES[method]
        busy_s = np.linspace(0, statistics.median(run["total_busy_s"] for run in runs), POINTS)
        closed = 100 * np.array([_closed(run, busy_s) for run in runs])
        axis.plot(busy_s, np.median(closed, axis=0), color=colour, linestyle=dash, label=method)
        axis.fill_between(
            busy_s, closed.min(axis=0), closed.max(axis=0), color=colour, alpha=0.12, linewidth=0
        )
    axis.locator_params(axis="x", nbins=6)
    axis.axhline(90, color="black", linewidth=0.6)
    axis.set(
        title=TITLES.get(problem, problem),
        xlim=(0, most),
        ylim=(0, 101),
        xlabel="slot-seconds",
        ylabel="gap closed, %",
    )


def _closed(run: Run, busy_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share that was closed after so many slot-seconds, far below 0 before the first trial's end."""
    times, shares = np.array([(-1.0, -100.0), *run["curve"]]).T
    return shares[np.searchsorted(times, busy_s, side="right") - 1]


if __name__ == "__main__":
    main()
