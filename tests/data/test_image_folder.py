"""Image files in a folder per class: the splits that the folders give, and files that cannot be decoded."""

from __future__ import annotations

import logging
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.data_files import describe, load, pixels, write_classes, write_image

from ratefront.data.images import image_check
from ratefront.data.images.image_decoding import ImageCheck, check_image_file
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


def test_a_test_folder_without_classes_is_no_test_split(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", 10)
    write_classes(tmp_path / "val", 3)
    write_image(tmp_path / "test" / "1.png")
    assert counts(tmp_path) == (18, 2, 6)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_classes(tmp_path, 10, ("car", "train"))
    assert counts(tmp_path) == (16, 2, 2)


def test_labels_and_pixels_match_the_files(tmp_path: Path) -> None:
    stored = {}
    for split in ("train", "val", "test"):
        for name in ("zebra", "ape"):
            stored[split, name] = [write_image(tmp_path / split / name / f"{i}.png", 8, 8) for i in range(3)]
    data = load("image_folder", root=str(tmp_path), size=8)
    np.testing.assert_array_equal(data.test.labels, [0, 0, 0, 1, 1, 1])
    expected = np.stack(stored["test", "ape"] + stored["test", "zebra"]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(data.test.images[:], expected.astype(np.float32) / np.float32(255))
    assert describe("image_folder", root=str(tmp_path), size=8) == {
        "classes": 2,
        "shape": (3, 8, 8),
        "label_bits": 1.0,
        "samples": {"train": 6, "validation": 6, "test": 6},
        "validation_is_held_out_of_train": False,
        "remarks": [],
    }
    assert (data.classes, data.shape, data.raw_bits) == (2, (3, 8, 8), 8 * 192)


def test_the_shorter_side_is_resized_and_the_centre_cropped(tmp_path: Path) -> None:
    write_classes(tmp_path, 3)
    wide = np.zeros((10, 40, 3), dtype=np.uint8)
    wide[:, 15:25] = 200
    Image.fromarray(wide).convert("L").save(tmp_path / "cat" / "wide.png")
    data = load("image_folder", root=str(tmp_path), size=20)
    splits = [split.images[:] for split in (data.train, data.validation, data.test)]
    means = np.concatenate([images.mean(axis=(1, 2, 3)) for images in splits]) * 255
    assert means.max() > 190, "the middle of the wide image is all bright"


def damage(root: Path) -> None:
    """One file cut off, one that is none, one of 16 bits."""
    cut = root / "cat" / "00.png"
    cut.write_bytes(cut.read_bytes()[:200])
    (root / "dog" / "01.png").write_text("no image")
    Image.fromarray(pixels(9, 9).astype(np.uint16) * 257).save(root / "dog" / "02.png")


def test_undecodable_files_are_counted_and_named(tmp_path: Path) -> None:
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


def test_skipped_files_are_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage(write_classes(tmp_path, 10))
    with caplog.at_level(logging.WARNING, logger="ratefront"):
        assert counts(tmp_path, skip_corrupt=True) == (13, 2, 2)  # of 9 cats and 8 dogs
    assert "3 of 20 image files cannot be used" in caplog.text
    assert "cat/00.png" in caplog.text


def test_a_folder_is_checked_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    root = write_classes(tmp_path / "images", 10)
    looked_at: list[str] = []

    def look(path: str, at_least: int, background: Any) -> ImageCheck:
        looked_at.append(path)
        return check_image_file(path, at_least, background)

    monkeypatch.setattr(image_check, "check_image_file", look)
    counts(root)
    assert len(looked_at) == 20
    counts(root)
    assert len(looked_at) == 20
    write_image(root / "cat" / "00.png", 14)
    counts(root)
    assert len(looked_at) == 40
    root.rename(tmp_path / "moved")
    counts(tmp_path / "moved")
    assert len(looked_at) == 40


def test_a_file_damaged_later_is_named_on_access(tmp_path: Path) -> None:
    write_classes(tmp_path, 10)
    data = load("image_folder", root=str(tmp_path), size=8)
    for path in tmp_path.rglob("*.png"):
        path.write_bytes(b"gone bad")
    with pytest.raises(InputError, match=r"\d\d.png: cannot be used as an image"):
        data.train.images[:4]


def test_digest_depends_on_files_not_on_their_place(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "here", 10)
    shutil.copytree(root, tmp_path / "there", copy_function=shutil.copyfile)
    first = load("image_folder", root=str(root), size=8).digest
    assert load("image_folder", root=str(tmp_path / "there"), size=8).digest == first
    assert load("image_folder", root=str(root), size=9).digest != first
    write_image(root / "cat" / "00.png")
    assert load("image_folder", root=str(root), size=8).digest != first


@pytest.mark.parametrize(
    "move", [shutil.copytree, shutil.move, partial(shutil.copytree, copy_function=shutil.copyfile)]
)
@pytest.mark.parametrize("data_set", ["image_folder", "images"])
def test_moved_or_copied_data_have_the_same_digest(tmp_path: Path, move: Any, data_set: str) -> None:
    write_classes(tmp_path / "here" / "train", 3)
    write_classes(tmp_path / "here" / "test", 3)
    before = load(data_set, root=str(tmp_path / "here"), size=8)
    (tmp_path / "far").mkdir()
    move(tmp_path / "here", tmp_path / "far" / "there")
    after = load(data_set, root=str(tmp_path / "far" / "there"), size=8)
    assert after.digest == before.digest
    np.testing.assert_array_equal(after.test.labels, before.test.labels)


def test_a_replaced_image_of_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for name in ("cat", "dog"):
        for number in range(3):
            write_image(root / name / f"{number}.bmp")
    first, path = load("image_folder", root=str(root), size=8).digest, root / "cat" / "0.bmp"
    before = path.stat()
    assert load("image_folder", root=str(root), size=8).digest == first
    write_image(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert load("image_folder", root=str(root), size=8).digest != first


def test_a_thousand_files_are_recognised_within_a_tenth_second(tmp_path: Path) -> None:
    """100 000 of them may take ten seconds."""
    for name in ("cat", "dog"):
        write_image(tmp_path / name / "000.png", 8, 8)
        for number in range(1, 500):
            shutil.copyfile(tmp_path / name / "000.png", tmp_path / name / f"{number:03}.png")
    load("image_folder", root=str(tmp_path), size=8)
    started = time.process_time()
    load("image_folder", root=str(tmp_path), size=8)
    assert time.process_time() - started < 0.1


def test_remark_on_classes_missing_in_test(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", 4, ("cat", "dog", "emu"))
    write_classes(tmp_path / "test", 4, ("cat", "emu"))
    beginning = "the test split has no sample of 1 of the 3 classes: dog"
    (remark,) = describe("image_folder", root=str(tmp_path), size=8)["remarks"]
    assert remark.startswith(beginning)
    assert load("image_folder", root=str(tmp_path), size=8).remarks == (remark,)


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
    return "there is no usable image of: emu; emu: endings found: no file; those that are read: .jpg"


def _class_of_gifs(root: Path) -> str:
    for path in (root / "dog").iterdir():
        path.rename(path.with_suffix(".GIF"))
    return r"there is no usable image of: dog; dog: endings found: .gif \(5\); those that are read: .jpg"


def _too_few(root: Path) -> str:
    for path in list((root / "dog").iterdir())[2:]:
        path.unlink()
    return "class 'dog' has 2 sample\\(s\\), but needs at least 3"


def _no_images(root: Path) -> str:
    for path in root.rglob("*.png"):
        path.rename(path.with_suffix(".txt"))
    return r"there are no image files in its class folders; endings found: .txt \(10\); those that are read: .jpg"


@pytest.mark.parametrize(
    "change",
    [_nothing, _one_class, _only_train, _foreign_class, _empty_class, _class_of_gifs, _too_few, _no_images],
)
def test_invalid_folders_are_refused(tmp_path: Path, change: Any) -> None:
    root = write_classes(tmp_path / "images", 5)
    message = change(root)
    for ask in (describe, load):
        with pytest.raises(InputError, match=message):
            ask("image_folder", root=str(root), size=8)
