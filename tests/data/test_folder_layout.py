"""Folders of image files with misnamed splits, or files in their place, are refused with advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.data_files import describe, load, write_classes, write_npz

from ratefront.errors import InputError


@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path, data_set: str) -> None:
    npz, archive = write_npz(tmp_path / "own.npz"), tmp_path / "own.zip"
    archive.write_bytes(b"")
    for path, advice in ((npz, "{name: arrays, path: …}"), (archive, "has to be unpacked")):
        with pytest.raises(InputError) as caught:
            describe(data_set, root=str(path))
        assert "is a file, and a folder of image files is needed" in str(caught.value)
        assert advice in str(caught.value)


@pytest.mark.parametrize("name", ["Test", "testing", "valid"])
@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_a_misnamed_split_folder_is_refused(tmp_path: Path, data_set: str, name: str) -> None:
    for split in ("train", "val", name):
        write_classes(tmp_path / split, 3)
    for ask in (describe, load):
        with pytest.raises(InputError, match=f"{name} would be left out beside train, val"):
            ask(data_set, root=str(tmp_path), size=8)


@pytest.mark.parametrize("names", [("Train", "Test"), ("training", "testing"), ("val", "test")])
def test_misnamed_split_folders_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write_classes(tmp_path / name, 3)
    with pytest.raises(InputError, match="classes or splits"):
        describe("image_folder", root=str(tmp_path))
