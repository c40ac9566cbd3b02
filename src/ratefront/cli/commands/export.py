"""``ratefront export`` writes a trial's codec for another program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ratefront.cli.isolation import forbid_sweep_imports, prints_to_stderr
from ratefront.cli.shared_arguments import OwnModuleOption, SweepFolderArgument

if TYPE_CHECKING:
    from ratefront.export.export_trial import Export


def export(
    folder: SweepFolderArgument,
    trial: Annotated[
        str, typer.Argument(metavar="TRIAL", help="The trial's name, as t0042.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write, new or empty.")],
    format_: Annotated[Literal["onnx"], typer.Option("--format", help="What the files are.")] = "onnx",
    own_module: OwnModuleOption = False,
) -> None:
    """Write the codec of a trial as files that other programs run, and check them on the test split.

    The exit code is 1 if they do something else than the codec; then nothing is written.
    """
    from ratefront.api import sweeps

    forbid_sweep_imports()
    sweep = sweeps.open(folder, own_module=own_module)
    with prints_to_stderr():
        exported = sweep.trials[trial].export(out)
    print("\n".join(_lines(exported)))
    print(out)


def _lines(exported: Export) -> Iterator[str]:
    check, measured = exported.check, exported.result
    for name, size in exported.file_bytes.items():
        note = f"  transmitter_bytes {measured.transmitter_bytes}" if name == "transmitter.onnx" else ""
        yield f"{name:16} {size:10} bytes{note}"
    if check.latents_apart:
        yield (
            f"latents: {check.latents_apart}, of {check.samples_apart} of {check.samples} samples, are rounded the "
            f"other way; their values lie within {check.edge_distance:.2g} of the edge"
        )
    else:
        yield f"latents: the codec's, of all {check.samples} samples of the test split"
    if check.int8_inputs_apart:
        yield (
            f"int8: {check.int8_inputs_apart} inputs of layers are rounded the other way; their values lie within "
            f"{check.int8_input_distance:.2g} steps of the edge"
        )
    yield f"classes: {check.classes_apart} of {check.samples} are not the codec's"
    yield f"rate     {check.rate_bits:10.4f} bit/sample  the trial's {measured.test.rate_bits:.4f}"
    yield f"accuracy {100 * check.accuracy:10.4f} %           the trial's {100 * measured.test.accuracy:.4f} %"
