"""``ratefront encode`` and ``decode`` use a trial's codec; ``ratefront audit`` checks the coded files of any system."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ratefront.cli.isolation import forbid_sweep_imports
from ratefront.cli.shared_arguments import OwnModuleOption, SweepFolderArgument
from ratefront.errors import InputError

if TYPE_CHECKING:
    from ratefront.audit import Audit

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
    from ratefront.api.codec_loading import files_of_codec, load_codec
    from ratefront.store.files.output_file import check_output, write_output

    check_output(out, [*images, *files_of_codec(folder, trial)])
    forbid_sweep_imports()
    codec = load_codec(folder, trial, own_module=own_module)
    stream = codec.compress_files(images, block_size=block_size, resize=resize)
    write_output(out, bytes(stream))
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

    from ratefront.api.codec_loading import files_of_codec, load_codec
    from ratefront.bounded_files import check_regular_file
    from ratefront.errors import BitstreamError
    from ratefront.store.files.output_file import check_output, write_output

    check_output(out, [stream, *files_of_codec(folder, trial)])
    forbid_sweep_imports()
    codec = load_codec(folder, trial, own_module=own_module)
    try:
        check_regular_file(stream)
        predicted = codec.decompress(stream.read_bytes())
    except BitstreamError as error:  # the user gave the file
        raise InputError(f"{stream}: {error}") from error
    except OSError as error:
        raise InputError(f"{stream}: {error.strerror or error}") from error
    content = io.BytesIO()
    np.savez_compressed(content, predicted=predicted)
    write_output(out, content.getvalue())
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

    result = audit_files(
        streams,
        decoded,
        classes=classes,
        random=random,
        claimed_rate=claimed_rate,
        claimed_accuracy=claimed_accuracy,
    )
    print(json.dumps(result.to_json(), indent=2) if as_json else "\n".join(_lines(result)))
    if not result.holds:
        raise typer.Exit(1)


def _lines(result: Audit) -> Iterator[str]:
    files = "1 file" if result.files == 1 else f"{result.files} files"
    own_streams = f", {result.ratefront_streams} of ratefront's" if result.ratefront_streams else ""
    yield f"{result.samples} samples, {result.classes} classes, {files}{own_streams}"
    yield f"rate      {result.rate_bits:10.4f} bit/sample  {result.payload_bytes} bytes of payload"
    yield f"in all    {result.rate_total_bits:10.4f} bit/sample  {result.bytes} bytes"
    if result.rate_bits_alone is not None:
        yield (
            f"alone     {result.rate_bits_alone:10.4f} bit/sample  a file each, of "
            f"{result.bits_alone_least} to {result.bits_alone_most} bit"
        )
    yield f"accuracy  {100 * result.accuracy:10.4f} %"
    yield f"oracle    {result.oracle_bits:10.4f} bit/sample  the least at this accuracy, for these labels' own counts"
    yield f"gap       {result.gap_bits:10.4f} bit/sample"
    yield from (f"overclaimed: {line}" for line in result.overclaimed)
    yield from _verdict(result)


def _verdict(result: Audit) -> Iterator[str]:
    accuracy = "at the measured accuracy"
    if result.test != "exact":
        accuracy = f"at {100 * result.accuracy_tested:.4f} %, the 99.9 % limit of the accuracy,"
    if result.missing_bits is None:
        yield f"possible: {accuracy} the oracle needs {result.oracle_bits_tested:.4f} bit/sample"
        return
    yield f"IMPOSSIBLE: {accuracy} no codec can do with less than {result.oracle_bits_tested:.4f} bit/sample"
    yield "Either the decoder has learned of the labels, or bits travel that are not in these files:"
    yield "in their names, their lengths, or the order of the samples."
    if result.test == "exact":
        yield "A codec that draws at random, or uses a sample's position, is tested with --random."
