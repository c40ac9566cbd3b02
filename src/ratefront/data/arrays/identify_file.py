"""Identify a file that should be an npz file but is not, and say how to convert it. Nothing in it is executed."""

from __future__ import annotations

import codecs
import zipfile
from contextlib import suppress
from pathlib import Path

from ratefront.bounded_files import check_regular_file

_SAVE = "numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…)"

FOLDER = (
    "is a folder, and an npz file is needed; of image files, a folder a class, the data set is "
    "{name: image_folder, root: …}"
)

_PICKLE = (
    "a pickle, which is not opened, since that would run its code; where you trust it, load it yourself (an older "
    f"torch.save: torch.load) and write {_SAVE}"
)
_TORCH = f"a file of torch.save; load it (torch.load), take .numpy() of its tensors, and write {_SAVE}"

#: The first bytes of a file → what such a file is, and what to do.
_FIRST_BYTES: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", f"a single array, as numpy.save writes one; put all of them into one file: {_SAVE}"),
    (
        b"\x89HDF\r\n\x1a\n",
        f"an HDF5 file (.h5, or .mat of MATLAB 7.3); read its arrays with h5py, and write {_SAVE}",
    ),
    (b"MATLAB 5.0 MAT-file", f"a MATLAB file; read it with scipy.io.loadmat, and write {_SAVE}"),
    (b"PAR1", f"a Parquet file; read it with pandas.read_parquet, and write {_SAVE}"),
    (b"\x1f\x8b", "compressed by gzip; unpack it, and see what is in it"),
    (b"\x80", _PICKLE),
    (b"PK", "the beginning of one: the file is cut off; copy or write it again"),
)
_BYTES_READ = 4096


def identify_file(path: Path) -> str | None:
    """Say what kind of file it is and what to do; None: the kind is unknown, or it is an npz file."""
    with suppress(OSError):
        check_regular_file(path)
        if zipfile.is_zipfile(path):
            return _identify_archive(path)
        with path.open("rb") as file:
            return _identify_by_first_bytes(file.read(_BYTES_READ), path)
    return None


def _identify_archive(path: Path) -> str | None:
    """Identify a zip file; None: it holds arrays, as an npz file does."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if any(name.endswith("/data.pkl") for name in names):
            return _TORCH
        if not any(name.endswith(".npy") for name in names):
            return (
                f"a zip archive of other files ({', '.join([*names[:3], '…'])}); unpack it: of image files, a folder a "
                "class, the data set is image_folder"
            )
    return None


def _identify_by_first_bytes(head: bytes, path: Path) -> str | None:
    if not head:
        return "empty"
    for beginning, description in _FIRST_BYTES:
        if head.startswith(beginning):
            return description
    with suppress(UnicodeDecodeError):
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
        if path.suffix.lower() in (".csv", ".tsv", ".txt") or any(mark in text for mark in (",", ";", "\t")):
            return (
                f"text, as of a table (CSV); read it with numpy.loadtxt or pandas.read_csv, and write {_SAVE}"
            )
    return None
