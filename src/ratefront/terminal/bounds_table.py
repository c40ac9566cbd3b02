"""What ``ratefront bounds`` found, as a few lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from rich.table import Table

from ratefront.bounds import RateDistortionCurve, curves_from_document
from ratefront.terminal.console import RaisingConsole


def print_bounds(document: Mapping[str, Any], stream: TextIO) -> None:
    """The source in a line, the rate of each curve at a few accuracies, and the warnings."""
    console = RaisingConsole(file=stream, highlight=False, soft_wrap=True)
    for line in _heading(document):
        console.print(line, markup=False)
    curves = curves_from_document(document)
    at = _accuracies(document, curves)
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("bit/sample at an accuracy of", no_wrap=True)
    for accuracy in at:
        table.add_column(f"{accuracy:.2%}", justify="right", no_wrap=True)
    for name, curve in curves.items():
        if curve.measure.is_error_probability:
            table.add_row(name, *(_rate(curve, accuracy) for accuracy in at))
    console.print(table)
    for warning in document.get("warnings", ()):
        console.print(f"warning: {warning}", markup=False)


def _heading(document: Mapping[str, Any]) -> list[str]:
    if "task_model_distortion" in document:
        accuracy = 1.0 - document["task_model_distortion"]
        lines = [
            f"{document['samples']} samples, {document['classes']} classes; the task model is right for "
            f"{accuracy:.2%}, its decision has an entropy of {document['estimate_entropy_bits']:.4f} bit"
        ]
        return lines + _calibration(document)
    if "example" in document:
        return [f"{document['example']}: {document['source']}"]
    return [
        f"{document['classes']} classes; the label has an entropy of {document['label_entropy_bits']:.4f} bit"
    ]


def _calibration(document: Mapping[str, Any]) -> list[str]:
    error, mended = document["expected_calibration_error"], document["calibration"]
    if mended is None:
        return [] if error is None else [f"expected calibration error of the posteriors: {error:.4f}"]
    return [
        f"expected calibration error of the posteriors: {error:.4f}, and "
        f"{mended['expected_calibration_error_after']:.4f} at temperature {mended['temperature']:.4g}"
    ]


def _accuracies(document: Mapping[str, Any], curves: Mapping[str, RateDistortionCurve]) -> list[float]:
    """The greatest one that all curves reach, and three quarters, half and a quarter of the way to it."""
    known = [curve for curve in curves.values() if curve.measure.is_error_probability]
    least = document.get("task_model_distortion", max((c.least_distortion for c in known), default=0.0))
    most = document.get("zero_rate_distortion", max((float(c.distortion[-1]) for c in known), default=1.0))
    shares = (1.0, 0.75, 0.5, 0.25)
    return list(dict.fromkeys(1.0 - most + share * max(0.0, most - least) for share in shares))


def _rate(curve: RateDistortionCurve, accuracy: float) -> str:
    rate = curve.rate_at(1.0 - accuracy)
    return "–" if rate is None else f"{rate:.4f}"
