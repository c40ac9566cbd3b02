"""A file of another kind where an npz file, or a folder, is expected: it is told what it is and what to do."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.data_files import describe, load, write_classes, write_npz

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
    "empty": (lambda path: path.write_bytes(b""), "is no npz file, but empty"),
    "folder": (lambda path: path.mkdir(), "is a folder, and an npz file is needed.*image_folder"),
    "noise": (
        lambda path: path.write_bytes(bytes(range(1, 256))),
        "own.*: cannot be read: File is not a zip file",
    ),
}


@pytest.mark.parametrize("suffix", [".npz", ".data"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_npz_file_is_told_what_it_is(tmp_path: Path, kind: str, suffix: str) -> None:
    make, message = KINDS[kind]
    path = tmp_path / f"own{suffix}"
    make(path)
    for ask in (describe, load):
        with pytest.raises(InputError, match=message):
            ask("arrays", path=str(path))


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_nothing_of_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_a_file_is_no_folder(tmp_path: Path, data_set: str) -> None:
    npz, archive = write_npz(tmp_path / "own.npz"), tmp_path / "own.zip"
    archive.write_bytes(b"")
    for path, advice in ((npz, "{name: arrays, path: …}"), (archive, "has to be unpacked")):
        with pytest.raises(InputError) as caught:
            describe(data_set, root=str(path))
        assert "is a file, and a folder of image files is needed" in str(caught.value)
        assert advice in str(caught.value)


@pytest.mark.parametrize("name", ["Test", "testing", "valid"])
@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_a_folder_called_nearly_as_a_split_is_not_left_out_in_silence(
    tmp_path: Path, data_set: str, name: str
) -> None:
    for split in ("train", "val", name):
        write_classes(tmp_path / split, 3)
    for ask in (describe, load):
        with pytest.raises(InputError, match=f"{name} would be left out beside train, val"):
            ask(data_set, root=str(tmp_path), size=8)


@pytest.mark.parametrize("names", [("Train", "Test"), ("training", "testing"), ("val", "test")])
def test_folders_called_nearly_as_splits_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write_classes(tmp_path / name, 3)
    with pytest.raises(InputError, match="classes or splits"):
        describe("image_folder", root=str(tmp_path))
