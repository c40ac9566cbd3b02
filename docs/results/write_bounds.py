"""Writes a results page's summary.json and CSV file from the JSON file of ``ratefront bounds``.

    ratefront bounds predictions.npz --out bounds.json --bootstrap 1000
    python docs/results/write_bounds.py bounds.json --out docs/results/imagenet --distortions 0.3,0.4,0.6
    ratefront bounds --example published --out published.json
    python docs/results/write_bounds.py published.json --out docs/results/rate-accuracy-bounds

summary.json holds the facts of the source and the rates at a few distortions; curves.csv has every point of the curves,
with their held-out rates and intervals. Of the example ``published``, front.csv holds the published points that no
other one beats, with their factors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from page_files import page_parser, write_page

from ratefront.bounds import RateDistortionCurve

FACTS = (
    "source", "classes", "samples", "label_entropy_bits", "estimate_entropy_bits", "task_model_distortion",
    "zero_rate_distortion", "detection", "warnings",
)  # fmt: skip
POINT = ("dataset", "method", "rate_kind", "rate_bits", "accuracy", "oracle_bits", "factor", "source")
CURVE = ("curve", "estimate", "distortion", "rate_bits", "rate_bits_low", "rate_bits_high")


def curve_rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each point of each curve, as fitted and as measured on held-out samples."""
    for name, curve in document["curves"].items():
        for distortion, rate in zip(curve["distortion"], curve["rate_bits"], strict=True):
            yield {"curve": name, "estimate": "all samples", "distortion": distortion, "rate_bits": rate}
        held = curve.get("held_out", {"distortion": [], **{key: [] for key in CURVE[3:]}})
        for values in zip(*(held[key] for key in CURVE[2:]), strict=True):
            yield {"curve": name, "estimate": "held out", **dict(zip(CURVE[2:], values, strict=True))}


def point_rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each published point that no other one beats."""
    for dataset, panel in document["datasets"].items():
        for point in panel["best"]:
            yield {"dataset": dataset, **point}


def rate_at(curve: Mapping[str, Any], distortion: float) -> float | None:
    """Return the rate of a curve at a distortion, in bit/sample; None below its least distortion."""
    values = {name: np.asarray(curve[name]) for name in ("rate_bits", "distortion")}
    along = np.asarray(curve["along"]) if "along" in curve else None
    return RateDistortionCurve("any", **values, along=along).rate_at(distortion)


def summary(document: Mapping[str, Any], distortions: Sequence[float]) -> dict[str, Any]:
    """Return summary.json."""
    found = {name: document[name] for name in FACTS if name in document}
    if "datasets" in document:
        best = {name: panel["best"] for name, panel in document["datasets"].items()}
        known = {name: [p for p in points if p["factor"] is not None] for name, points in best.items()}
        found["least_factor"] = {
            name: min(points, key=lambda p: p["factor"]) for name, points in known.items()
        }
        found["most_accurate"] = {name: points[-1] for name, points in best.items()}
    if distortions:
        found["rate_bits_at_distortion"] = {
            name: {f"{one:g}": rate_at(curve, one) for one in distortions}
            for name, curve in document["curves"].items()
        }
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files."""
    parser = page_parser(__doc__)
    parser.add_argument("bounds", type=Path, help="what ratefront bounds --out wrote")
    parser.add_argument("--distortions", default="", help="for the table of summary.json")
    given = parser.parse_args(arguments)
    document = json.loads(given.bounds.read_text(encoding="utf-8"))
    distortions = [float(one) for one in given.distortions.split(",") if one]
    if "datasets" in document:
        table, columns, rows = "front.csv", POINT, point_rows(document)
    else:
        table, columns, rows = "curves.csv", CURVE, curve_rows(document)
    write_page(given.out, summary(document, distortions), columns, rows, table)


if __name__ == "__main__":
    main()
