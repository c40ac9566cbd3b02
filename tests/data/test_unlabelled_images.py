"""Image files without labels: cropped the same way on each access, and refused by a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.data_files import describe, load, write_image

from ratefront.errors import InputError, SpecError
from ratefront.spec.load_spec import load_spec

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(10):
        write_image(tmp_path / "images" / "deep" / f"{number}.png", 20 + number, 16)
    return tmp_path / "images"


def test_undivided_images_are_split(folder: Path) -> None:
    data = load("images", root=str(folder), size=8, crops_per_image=3)
    assert (len(data.train), len(data.validation), len(data.test)) == (24, 1, 1)
    assert (data.classes, data.shape, data.raw_bits) == (0, (3, 8, 8), 8 * 192)
    assert not data.train.labels.any()
    assert describe("images", root=str(folder), size=8) == {"classes": 0, "shape": (3, 8, 8)}


def test_folders_define_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for number in range(count):
            write_image(tmp_path / split / f"{number}.png")
    data = load("images", root=str(tmp_path), size=8)
    assert (len(data.train), len(data.validation), len(data.test)) == (4, 2, 3)


def test_crops_are_parts_of_the_image_and_repeatable(tmp_path: Path) -> None:
    # Every pixel of these images says where it is.
    rows, columns = np.mgrid[0:20, 0:30].astype(np.uint8)
    for number in range(4):
        path = tmp_path / ("train", "test")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.stack([rows, columns, rows], axis=-1)).save(path)
    data = load("images", root=str(tmp_path), size=8, crops_per_image=50)
    crops = np.rint(data.train.images[:] * 255).astype(int)
    tops, lefts = crops[:, 0, 0, 0], crops[:, 1, 0, 0]
    for crop, top, left in zip(crops, tops, lefts, strict=True):
        np.testing.assert_array_equal(crop[0], top + np.arange(8)[:, None].repeat(8, 1))
        np.testing.assert_array_equal(crop[1], left + np.arange(8)[None].repeat(8, 0))
    assert len(set(zip(tops.tolist(), lefts.tolist(), strict=True))) > 20
    some = np.array([31, 4, 31])
    np.testing.assert_array_equal(data.train.images[some], data.train.images[:][some])
    np.testing.assert_array_equal(np.rint(data.test.images[:][:, :2, 0, 0] * 255), [[6, 11]] * 2)


def test_digest_depends_on_the_crops(folder: Path) -> None:
    contents = [
        load("images", root=str(folder), **parameters).digest
        for parameters in (
            {"size": 8},
            {"size": 9},
            {"size": 8, "crop": "centre"},
            {"size": 8, "split_seed": 1},
        )
    ]
    assert len(set(contents)) == 4


def test_images_smaller_than_the_crop_are_refused_or_skipped(folder: Path) -> None:
    write_image(folder / "small.png", 12, 30)
    with pytest.raises(
        InputError, match=r"1 of 11 .*small.png \(is 12×30 pixels, smaller than the 16 a side"
    ):
        load("images", root=str(folder), size=16)
    assert len(load("images", root=str(folder), size=16, skip_corrupt=True).train) == 8


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    with pytest.raises(InputError, match="needs at least 3 usable images, found 1"):
        load("images", root=str(tmp_path), size=8)
    (tmp_path / "1.png").rename(tmp_path / "1.gif")
    with pytest.raises(InputError, match=r"found 0; endings found: .gif \(1\); those that are read: .jpg"):
        load("images", root=str(tmp_path), size=8)


def test_a_sweep_over_unlabelled_images_is_refused(folder: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(DIGITS, {"dataset": {"name": "images", "root": str(folder), "size": 8}})
    assert caught.value.problems == (
        "dataset: images has no labels: no task model can be trained on it; it serves reconstruction codecs",
    )
