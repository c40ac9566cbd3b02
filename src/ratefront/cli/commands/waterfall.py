"""``ratefront waterfall``: what a trial has paid beyond the oracle, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ratefront.cli.isolation import forbid_sweep_imports, one_line_warnings, prints_to_stderr
from ratefront.cli.shared_arguments import OwnModuleOption, SweepFolderArgument
from ratefront.errors import InputError

_JSON, _FIGURES = ".json", (".png", ".pdf")


def waterfall(
    folder: SweepFolderArgument,
    trial: Annotated[
        str, typer.Argument(metavar="TRIAL", help="The trial's name, as t0042.", show_default=False)
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Write numbers and curves (.json), or a figure (.png, .pdf); may be repeated.",
        ),
    ] = None,
    own_module: OwnModuleOption = False,
) -> None:
    """Show where the bits of a trial go, from the oracle to what was paid, on test.

    A probe is trained on what the transmitter computes; it takes seconds to minutes.
    """
    from ratefront.api import sweeps
    from ratefront.api.codec_loading import files_of_codec
    from ratefront.store.files.output_file import write_output
    from ratefront.terminal.console import SafeConsole
    from ratefront.terminal.waterfall_text import print_waterfall

    files = list(out or ())
    _check_outputs(files, files_of_codec(folder, trial))
    forbid_sweep_imports()
    with prints_to_stderr(), one_line_warnings():
        found = sweeps.open(folder, own_module=own_module).trials[trial].waterfall()
    print_waterfall(found, SafeConsole())
    for path in files:
        if path.suffix.lower() == _JSON:
            write_output(path, (json.dumps(found.to_json(), allow_nan=False, indent=2) + "\n").encode())
        else:
            found.save_figure(path)
        print(path)


def _check_outputs(files: list[Path], reads: list[Path]) -> None:
    """Check the paths before a probe is trained, not after it."""
    from ratefront.store.files.output_file import check_output

    for place, path in enumerate(files):
        if path.suffix.lower() not in (_JSON, *_FIGURES):
            raise InputError(
                f"{path}: its name must end in {_JSON}, {' or '.join(_FIGURES)}, not in {path.suffix!r}"
            )
        check_output(path, [*reads, *files[:place]])
