"""``ratefront bounds``: the bounds alone, for the predictions of any model."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ratefront.cli.isolation import one_line_warnings
from ratefront.errors import InputError

if TYPE_CHECKING:
    from typing import TextIO

    from ratefront.bounds import Bounds


class ReadAsChoice(StrEnum):
    """How to read scores, independent of their name in the file."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"


PredictionsArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PREDICTIONS.npz",
        help="labels (N,) and one of logits (N, K), probabilities (N, K), predicted (N,).",
        show_default=False,
    ),
]
PriorOption = Annotated[
    Path | None, typer.Option(metavar="COUNTS.json", help="Class counts, for the oracle alone.")
]
ExampleOption = Annotated[
    str | None,
    typer.Option(help="Reproduce a figure of the papers: mixture, detection, modelnet40 or published."),
]
ReadAsOption = Annotated[
    ReadAsChoice | None,
    typer.Option("--as", help="Read the scores as this, whatever the file calls them."),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CURVES", help="Draw only these curves (names, separated by commas; '--only help' lists all)."
    ),
]
PointsOption = Annotated[
    int | None,
    typer.Option(min=2, max=2000, help="Number of slopes at which each curve is solved.  [default: 60]"),
]
BootstrapOption = Annotated[
    int | None,
    typer.Option(
        min=2, max=100_000, metavar="B", help="Add held-out curves, with 95 % intervals from B resamples."
    ),
]
CalibrateOption = Annotated[
    bool,
    typer.Option(
        "--calibrate", help="First rescale the posteriors by the temperature that fits the labels best."
    ),
]


def bounds(
    predictions: PredictionsArgument = None,
    prior: PriorOption = None,
    example: ExampleOption = None,
    out: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
    figure: Annotated[Path | None, typer.Option(help="The figure to write, .png or .pdf.")] = None,
    read_as: ReadAsOption = None,
    only: OnlyOption = None,
    points: PointsOption = None,
    bootstrap: BootstrapOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the folds and the resamples.")] = 0,
    calibrate: CalibrateOption = False,
) -> None:
    """Compute the bounds of any model's predictions, of a prior, or of the papers' examples."""
    from ratefront import bounds as theory
    from ratefront.store.files.output_file import write_output
    from ratefront.terminal.closed_output import ignore_closed_output

    if sum(source is not None for source in (predictions, prior, example)) != 1:
        raise InputError("give either PREDICTIONS.npz, or --prior COUNTS.json, or --example NAME")
    if seed and bootstrap is None:
        raise InputError("--seed is for --bootstrap")
    if predictions is None and (read_as or only or points or bootstrap or calibrate):
        raise InputError("--as, --only, --points, --bootstrap and --calibrate are for PREDICTIONS.npz")
    if out is None and figure is None:
        raise InputError("nothing to write: give --out FILE.json or --figure FILE.png, or both")
    _check_outputs(out, figure, [path for path in (predictions, prior) if path is not None])
    with one_line_warnings():
        if predictions is not None:
            result = _bounds_of_predictions(predictions, read_as, only, points, bootstrap, seed, calibrate)
        else:
            result = theory.from_counts_file(prior) if prior is not None else theory.example(str(example))
    with ignore_closed_output(sys.stderr):  # the files are the result; the table is an extra
        _print_bounds(result, sys.stderr)
    if out is not None:
        write_output(out, (json.dumps(result.to_json(), allow_nan=False) + "\n").encode())
        print(out)
    if figure is not None:
        result.save_figure(figure)
        print(figure)


def _bounds_of_predictions(
    path: Path,
    read_as: ReadAsChoice | None,
    only: list[str] | None,
    points: int | None,
    bootstrap: int | None,
    seed: int,
    calibrate: bool,
) -> Bounds:
    from ratefront import bounds as theory

    names = [name for text in only or () for name in text.split(",")]
    return theory.from_file(
        path,
        names or None,
        read_as=None if read_as is None else read_as.value,
        points=theory.SOLVED_SLOPES if points is None else points,
        bootstrap=None if bootstrap is None else theory.Bootstrap(bootstrap, seed),
        calibrate=calibrate,
    )


def _print_bounds(result: Bounds, stream: TextIO) -> None:
    """Print the source in a line, the rate of each curve at a few accuracies, and the warnings."""
    from rich.table import Table

    from ratefront.terminal.console import SafeConsole

    console = SafeConsole(file=stream, soft_wrap=True)
    for line in result.description:
        console.print(line)
    first, *others = result.rate_table.header
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column(first, no_wrap=True)
    for accuracy in others:
        table.add_column(accuracy, justify="right", no_wrap=True)
    for row in result.rate_table.rows:
        table.add_row(*row)
    console.print(table)
    for warning in result.warnings:
        console.print(f"warning: {warning}")


def _check_outputs(out: Path | None, figure: Path | None, reads: list[Path]) -> None:
    """Check the paths before minutes of computing, not after them."""
    from ratefront.report.figure_file import checked_suffix
    from ratefront.store.files.output_file import check_output

    if figure is not None:
        checked_suffix(figure)
        check_output(figure, reads)
    if out is not None:
        check_output(out, reads if figure is None else [*reads, figure])
