"""``ratefront encode`` and ``decode`` use a trial's codec; ``ratefront audit`` checks the coded files of any system."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ratefront.cli.isolation import forbid_sweep_imports
from ratefront.cli.shared_arguments import SweepFolderArgument
from ratefront.errors import InputError

if TYPE_CHECKING:
    from ratefront.audit import Audit

OwnModuleOption = Annotated[
    bool,
    typer.Option("--own-module", help="Allow the task model's Python code to run, because it is yours."),
]
TrialArgument = Annotated[
    str, typer.Argument(metavar="TRIAL", help="The trial's name, as t0042.", show_default=False)
]


def encode(
    folder: SweepFolderArgument,
    trial: TrialArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...", help="Image files, or .npy or .npz arrays (N, ...).", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The coded file to write.")],
    block_size: Annotated[int, typer.Option(min=1, max=1 << 20, help="Samples coded as one string.")] = 1000,
    resize: Annotated[bool, typer.Option("--resize", help="Scale and crop images of another size.")] = False,
    own_module: OwnModuleOption = False,
) -> None:
    """Encode your own images with the codec of a trial."""
    from ratefront.api.codec_loading import load_codec

    _check_folder(out)
    forbid_sweep_imports()
    codec = load_codec(folder, trial, own_module=own_module)
    stream = codec.compress_files(images, block_size=block_size, resize=resize)
    _write(out, bytes(stream))
    payload, total = sum(stream.payload_bytes), len(stream)
    print(
        f"{stream.samples} samples: {payload} bytes of payload, {stream.rate_bits:.4f} bit/sample; "
        f"{total} bytes in all, {stream.rate_bits + stream.overhead_bits:.4f} bit/sample"
    )
    print(out)


def decode(
    folder: SweepFolderArgument,
    trial: TrialArgument,
    stream: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that `encode` has written.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(metavar="CLASSES.npz", help="The file to write; it holds predicted (N,).")
    ],
    own_module: OwnModuleOption = False,
) -> None:
    """Decode a coded file to the classes of its samples."""
    import numpy as np

    from ratefront.api.codec_loading import load_codec
    from ratefront.errors import BitstreamError

    _check_folder(out)
    forbid_sweep_imports()
    codec = load_codec(folder, trial, own_module=own_module)
    try:
        predicted = codec.decompress(stream.read_bytes())
    except BitstreamError as error:  # the user gave the file
        raise InputError(f"{stream}: {error}") from error
    content = io.BytesIO()
    np.savez_compressed(content, predicted=predicted)
    _write(out, content.getvalue())
    print(f"{len(predicted)} samples")
    print(out)


def audit(
    streams: Annotated[
        Path,
        typer.Argument(
            metavar="STREAMS", help="A coded file of any system, or a folder of them.", show_default=False
        ),
    ],
    decoded: Annotated[
        Path,
        typer.Argument(
            metavar="DECODED.npz",
            help="labels (N,) and predicted (N,) of the coded samples.",
            show_default=False,
        ),
    ],
    classes: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="Number of classes.  [default: as many as occur]")
    ] = None,
    random: Annotated[
        bool, typer.Option("--random", help="The codec draws at random, or uses the position of a sample.")
    ] = False,
    claimed_rate: Annotated[
        str | None, typer.Option(metavar="R", help="Claimed bit/sample, checked to its last digit.")
    ] = None,
    claimed_accuracy: Annotated[
        str | None, typer.Option(metavar="A", help="Claimed accuracy in [0, 1], checked to its last digit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Count the bits of any system's coded files, and test whether any codec can do that.

    The exit code is 1 if no codec can, or if a claim is not reached.
    """
    from ratefront.api.auditing import audit_files

    found = audit_files(
        streams,
        decoded,
        classes=classes,
        random=random,
        claimed_rate=claimed_rate,
        claimed_accuracy=claimed_accuracy,
    )
    print(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(_lines(found)))
    if not found.holds:
        raise typer.Exit(1)


def _lines(found: Audit) -> Iterator[str]:
    files = "1 file" if found.files == 1 else f"{found.files} files"
    ours = f", {found.ratefront_streams} of ratefront's" if found.ratefront_streams else ""
    yield f"{found.samples} samples, {found.classes} classes, {files}{ours}"
    yield f"rate      {found.rate_bits:10.4f} bit/sample  {found.payload_bytes} bytes of payload"
    yield f"in all    {found.rate_total_bits:10.4f} bit/sample  {found.bytes} bytes"
    if found.rate_bits_alone is not None:
        yield (
            f"alone     {found.rate_bits_alone:10.4f} bit/sample  a file each, of "
            f"{found.bits_alone_least} to {found.bits_alone_most} bit"
        )
    yield f"accuracy  {100 * found.accuracy:10.4f} %"
    yield f"oracle    {found.oracle_bits:10.4f} bit/sample  the least at this accuracy, for these labels' own counts"
    yield f"gap       {found.gap_bits:10.4f} bit/sample"
    yield from (f"overclaimed: {line}" for line in found.overclaimed)
    yield from _verdict(found)


def _verdict(found: Audit) -> Iterator[str]:
    at = "at the measured accuracy"
    if found.test != "exact":
        at = f"at {100 * found.accuracy_tested:.4f} %, the 99.9 % limit of the accuracy,"
    if found.missing_bits is None:
        yield f"possible: {at} the oracle needs {found.oracle_bits_tested:.4f} bit/sample"
        return
    yield f"IMPOSSIBLE: {at} no codec can do with less than {found.oracle_bits_tested:.4f} bit/sample"
    yield "Either the decoder has learned of the labels, or bits travel that are not in these files:"
    yield "in their names, their lengths, or the order of the samples."
    if found.test == "exact":
        yield "A codec that draws at random, or uses a sample's position, is tested with --random."


def _check_folder(out: Path) -> None:
    """Check the path before the work, not after it."""
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InputError(f"{out} cannot be written: it is a folder, or there is none to write it into")


def _write(out: Path, content: bytes) -> None:
    from ratefront.store.files.atomic_files import write_bytes

    write_bytes(out, content)
