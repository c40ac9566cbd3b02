"""A file of another kind in the place of an npz file is identified, with advice."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.data_files import describe, load

from ratefront.errors import InputError


def _torch(path: Path, is_zip: bool) -> None:
    import torch

    torch.save({"x_train": torch.zeros(2)}, path, _use_new_zipfile_serialization=is_zip)


def _matlab(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"x_train": np.zeros(2)}, appendmat=False)


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", b"")


def _array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "torch": (lambda path: _torch(path, True), "a file of torch.save.*numpy.savez"),
    "old_torch": (lambda path: _torch(path, False), "a pickle, which is not opened.*torch.load.*numpy.savez"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps({"x": 1})), "a pickle, which is not opened"),
    "npy": (_array, "a single array.*put all of them into one file: numpy.savez"),
    "csv": (lambda path: path.write_text("x,y\n1,2\nü,3\n" * 999), "text, as of a table .*pandas.read_csv"),
    "hdf5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "an HDF5 file.*h5py"),
    "matlab": (_matlab, "a MATLAB file; .*scipy.io.loadmat"),
    "parquet": (lambda path: path.write_bytes(b"PAR1" + bytes(99)), "a Parquet file"),
    "gzip": (lambda path: path.write_bytes(gzip.compress(b"x")), "compressed by gzip; unpack it"),
    "archive": (_archive, "a zip archive of other files \\(cat/1.png.*image_folder"),
    "empty": (lambda path: path.write_bytes(b""), "is not an npz file but empty"),
    "folder": (lambda path: path.mkdir(), "is a folder, and an npz file is needed.*image_folder"),
    "noise": (
        lambda path: path.write_bytes(bytes(range(1, 256))),
        "own.*: cannot be read: File is not a zip file",
    ),
}


@pytest.mark.parametrize("suffix", [".npz", ".data"])
@pytest.mark.parametrize("kind", KINDS)
def test_files_of_other_kinds_are_identified(tmp_path: Path, kind: str, suffix: str) -> None:
    make, message = KINDS[kind]
    path = tmp_path / f"own{suffix}"
    make(path)
    for ask in (describe, load):
        with pytest.raises(InputError, match=message):
            ask("arrays", path=str(path))


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_a_pickle_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(_Bomb())
    for content in (bomb, _zipped("archive/data.pkl", bomb)):
        (tmp_path / "own.npz").write_bytes(content)
        with pytest.raises(InputError):
            describe("arrays", path="own.npz")
    assert not Path("exploded").exists()


def _zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()
