"""What an audit counts: coded files of any system, and the classes that were decoded from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ratefront.array_files import UNREADABLE, npz_names, open_npz, read_npz_array
from ratefront.bitstream.container import MAGIC, parse
from ratefront.bounded_files import check_regular_file
from ratefront.bounds import Predictions
from ratefront.errors import BitstreamError, InputError

#: What the decoded classes are called, by others and in a trial's own ``samples.npz``.
_DECODED = ("predicted", "decoded")


@dataclass(frozen=True)
class CodedFile:
    """The size of one coded file.

    Attributes:
        payload_bytes: without the headers of a ratefront stream; of any other file all bytes.
        bytes: all bytes.
        samples: number of samples, as a ratefront stream's header says; None for any other file.
    """

    payload_bytes: int
    bytes: int
    samples: int | None = None


def coded_files(streams: Path) -> list[CodedFile]:
    """Return every file at or below `streams`, sorted by name.

    A ratefront stream is split into payload and overhead; any other file counts as payload.

    Raises:
        InputError: there is no file, or one begins like a ratefront stream and is damaged.
    """
    if not streams.exists():
        raise InputError(f"{streams}: there is no such file or folder")
    paths = sorted(p for p in streams.rglob("*") if p.is_file()) if streams.is_dir() else [streams]
    if not paths:
        raise InputError(f"{streams}: the folder holds no files")
    return [_coded_file(path) for path in paths]


def _coded_file(path: Path) -> CodedFile:
    try:
        check_regular_file(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            size = path.stat().st_size
            return CodedFile(size, size)
    data = path.read_bytes()
    try:
        layout = parse(data)
    except BitstreamError as error:
        raise InputError(f"{path}: begins as a ratefront stream does, but {error}") from error
    return CodedFile(layout.payload_bytes, len(data), layout.header.samples)


def load_decisions(path: Path, classes: int | None) -> Predictions:
    """Read labels (N,) and decoded classes (N,) from an npz file.

    Args:
        path: of the file; it holds `labels`, and `predicted` or `decoded`.
        classes: K; None for 1 + the greatest label or class.

    Raises:
        InputError: it cannot be read, lacks an array, or the arrays do not fit.
    """
    arrays = _arrays(path)
    named = next((name for name in _DECODED if name in arrays), None)
    if named is None or "labels" not in arrays:
        raise InputError(
            f"{path}: needs the arrays labels (N,) and predicted (N,); found: {', '.join(arrays) or 'none'}"
        )
    try:
        return Predictions.from_decisions(arrays["labels"], arrays[named], classes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with open_npz(path) as archive:
            names = [name for name in npz_names(archive) if name in ("labels", *_DECODED)]
            return {name: read_npz_array(archive, name) for name in names}
    except (OSError, *UNREADABLE) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: cannot be read as an npz file, which numpy.savez writes: {reason}"
        ) from error


def check_samples(files: Sequence[CodedFile], samples: int, streams: Path) -> None:
    """Check that the streams can hold the decoded samples.

    Raises:
        InputError: the headers of the ratefront streams announce another number of samples than were decoded.
    """
    announced = [file.samples for file in files if file.samples is not None]
    if sum(announced) > samples or (len(announced) == len(files) and sum(announced) != samples):
        raise InputError(
            f"{streams}: its ratefront streams hold {sum(announced)} samples, but {samples} were decoded"
        )
