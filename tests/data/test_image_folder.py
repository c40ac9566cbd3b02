"""Image files, a folder a class: what the folders say, and what becomes of files that cannot be decoded."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.made import describe, load, pixels, write_classes, write_image

from ratefront.data import file_check
from ratefront.errors import InputError


def counts(root: Path, **parameters: Any) -> tuple[int, int, int]:
    data = load("image_folder", root=str(root), size=8, **parameters)
    return len(data.train), len(data.validation), len(data.test)


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "val", "test"), (20, 20, 20)),
        (("train", "validation", "test"), (20, 20, 20)),
        (("train", "test"), (18, 2, 20)),
        (("train", "val"), (18, 2, 20)),
        ((".",), (16, 2, 2)),
    ],
)
def test_splits_are_those_of_the_folders(
    tmp_path: Path, folders: tuple[str, ...], expected: tuple[int, int, int]
) -> None:
    for folder in folders:
        write_classes(tmp_path / folder, 10)
    assert counts(tmp_path) == expected


def test_images_of_the_official_test_split_without_classes_are_no_test_split(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", 10)
    write_classes(tmp_path / "val", 3)
    write_image(tmp_path / "test" / "1.png")
    assert counts(tmp_path) == (18, 2, 6)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_classes(tmp_path, 10, ("car", "train"))
    assert counts(tmp_path) == (16, 2, 2)


def test_labels_follow_the_names_and_pixels_the_files(tmp_path: Path) -> None:
    stored = {}
    for split in ("train", "val", "test"):
        for name in ("zebra", "ape"):
            stored[split, name] = [write_image(tmp_path / split / name / f"{i}.png", 8, 8) for i in range(3)]
    data = load("image_folder", root=str(tmp_path), size=8)
    np.testing.assert_array_equal(data.test.labels, [0, 0, 0, 1, 1, 1])
    expected = np.stack(stored["test", "ape"] + stored["test", "zebra"]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(data.test.images[:], expected.astype(np.float32) / np.float32(255))
    assert describe("image_folder", root=str(tmp_path), size=8) == {"classes": 2, "shape": (3, 8, 8)}
    assert (data.classes, data.shape, data.raw_bits) == (2, (3, 8, 8), 8 * 192)


def test_the_shorter_side_is_resized_and_the_centre_cropped(tmp_path: Path) -> None:
    write_classes(tmp_path, 3)
    wide = np.zeros((10, 40, 3), dtype=np.uint8)
    wide[:, 15:25] = 200
    Image.fromarray(wide).convert("L").save(tmp_path / "cat" / "wide.png")
    data = load("image_folder", root=str(tmp_path), size=20)
    found = [split.images[:] for split in (data.train, data.validation, data.test)]
    means = np.concatenate([images.mean(axis=(1, 2, 3)) for images in found]) * 255
    assert means.max() > 190, "the middle of the wide image is all bright"


def damage(root: Path) -> None:
    """One file cut off, one that is none, one of 16 bits."""
    cut = root / "cat" / "00.png"
    cut.write_bytes(cut.read_bytes()[:200])
    (root / "dog" / "01.png").write_text("no image")
    Image.fromarray(pixels(9, 9).astype(np.uint16) * 257).save(root / "dog" / "02.png")


def test_files_that_cannot_be_decoded_are_counted_and_named(tmp_path: Path) -> None:
    damage(write_classes(tmp_path, 10))
    with pytest.raises(InputError) as caught:
        counts(tmp_path)
    message = str(caught.value)
    assert "3 of 20 image files cannot be used" in message
    for part in (
        "cat/00.png (",
        "dog/01.png (",
        "dog/02.png (has more than 8 bits a value",
        "skip_corrupt: true",
    ):
        assert part in message


def test_they_are_left_out_with_a_warning_where_that_is_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(write_classes(tmp_path, 10))
    with caplog.at_level(logging.WARNING, logger="ratefront"):
        assert counts(tmp_path, skip_corrupt=True) == (13, 2, 2)  # of 9 cats and 8 dogs
    assert "3 of 20 image files cannot be used" in caplog.text
    assert "cat/00.png" in caplog.text


def test_a_folder_is_looked_through_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    root = write_classes(tmp_path / "images", 10)
    looked_at: list[str] = []

    def look(path: str, at_least: int) -> None:
        looked_at.append(path)

    monkeypatch.setattr(file_check, "problem_with", look)
    counts(root)
    assert len(looked_at) == 20
    counts(root)
    assert len(looked_at) == 20
    write_image(root / "cat" / "00.png", 14)
    counts(root)
    assert len(looked_at) == 40


def test_a_file_that_goes_bad_later_is_named_when_it_is_read(tmp_path: Path) -> None:
    write_classes(tmp_path, 10)
    data = load("image_folder", root=str(tmp_path), size=8)
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"gone bad")
    with pytest.raises(InputError, match=r"\d\d.png: cannot be used as an image"):
        data.train.images[:4]


def test_content_follows_the_files_and_not_the_place(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "here", 10)
    shutil.copytree(root, tmp_path / "there", copy_function=shutil.copyfile)
    first = load("image_folder", root=str(root), size=8).content
    assert load("image_folder", root=str(tmp_path / "there"), size=8).content == first
    assert load("image_folder", root=str(root), size=9).content != first
    write_image(root / "cat" / "00.png")
    assert load("image_folder", root=str(root), size=8).content != first


def test_content_of_a_large_folder_follows_sizes_and_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_check, "_CONTENTS_BELOW_BYTES", 0)
    root = write_classes(tmp_path, 10)
    first = load("image_folder", root=str(root), size=8).content
    assert load("image_folder", root=str(root), size=8).content == first
    (root / "cat" / "00.png").touch()
    assert load("image_folder", root=str(root), size=8).content != first


def _nothing(root: Path) -> str:
    shutil.rmtree(root)
    return "there is no such folder"


def _one_class(root: Path) -> str:
    shutil.rmtree(root / "dog")
    return "needs a folder for each of two or more classes, found: cat"


def _only_train(root: Path) -> str:
    write_classes(root / "train", 3)
    return "has train, but neither val nor test"


def _foreign_class(root: Path) -> str:
    write_classes(root / "train", 3)
    write_classes(root / "test", 3, ("cat", "cow"))
    return "test: holds classes that no image trains: cow"


def _empty_class(root: Path) -> str:
    (root / "emu").mkdir()
    return "there is no usable image of: emu"


def _too_few(root: Path) -> str:
    for path in list((root / "dog").iterdir())[2:]:
        path.unlink()
    return "class 'dog' has 2 sample\\(s\\), but needs at least 3"


def _no_images(root: Path) -> str:
    for path in root.rglob("*.png"):
        path.rename(path.with_suffix(".txt"))
    return "there are no image files in its class folders"


@pytest.mark.parametrize(
    "change", [_nothing, _one_class, _only_train, _foreign_class, _empty_class, _too_few, _no_images]
)
def test_folders_that_do_not_fit_are_told(tmp_path: Path, change: Any) -> None:
    root = write_classes(tmp_path / "images", 5)
    message = change(root)
    with pytest.raises(InputError, match=message):
        counts(root)
