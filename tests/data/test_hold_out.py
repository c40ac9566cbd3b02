"""A given validation split is used; every data set says whether its own was held out of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.data_files import (
    RANDOM,
    arrays,
    describe,
    load,
    pixels,
    write_classes,
    write_image,
    write_mnist,
    write_npz,
)

from ratefront.data.dataset import Dataset

OWN = {"x_validation": pixels(6, 9, 8), "y_validation": np.arange(6) % 4}
CLOUDS = {f"x_{split}": RANDOM.normal(size=(8, 16, 3)) for split in ("train", "validation", "test")}


def test_a_given_validation_split_of_arrays_is_used(tmp_path: Path) -> None:
    path = str(write_npz(tmp_path / "own.npz", **OWN))
    data = load("arrays", path=path)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 6, 8)
    expected = OWN["x_validation"][:, None].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(data.validation.images[:], expected)
    np.testing.assert_array_equal(data.validation.labels, OWN["y_validation"])
    assert describe("arrays", path=path)["samples"] == {"train": 40, "validation": 6, "test": 8}


def test_a_given_validation_split_of_clouds_is_used(tmp_path: Path) -> None:
    labels = {f"y_{split}": np.arange(8) % 4 for split in ("train", "validation", "test")}
    data = load("arrays", path=str(write_npz(tmp_path / "own.npz", **CLOUDS, **labels)))
    np.testing.assert_array_equal(data.validation.images[:], CLOUDS["x_validation"].astype(np.float32))


def test_one_sample_per_class_suffices_if_none_is_held_out(tmp_path: Path) -> None:
    labels = np.array([4] + [0, 1, 2, 3] * 9 + [0, 1, 2])
    assert load("arrays", path=str(write_npz(tmp_path / "own.npz", **OWN, y_train=labels))).classes == 5


@pytest.mark.parametrize("array", ["x_validation", "y_validation"])
def test_digest_depends_on_the_validation_split(tmp_path: Path, array: str) -> None:
    changed = {**OWN, array: OWN[array][::-1]}
    others = arrays()
    contents = [
        load("arrays", path=str(write_npz(tmp_path / "own.npz", **others | validation))).digest
        for validation in (OWN, OWN, changed, {})
    ]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("count", [2, 5, 25, 64])
def test_described_sizes_are_those_of_the_loaded_splits(tmp_path: Path, count: int, seed: int) -> None:
    labels = np.concatenate([np.arange(3 * count) % 3, np.full(count + 7, 3)])
    path = write_npz(tmp_path / "own.npz", x_train=pixels(len(labels), 9, 8), y_train=labels)
    data = load("arrays", path=str(path), split_seed=seed)
    described = describe("arrays", path=str(path), split_seed=seed)["samples"]
    assert described == {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)}


def _arrays(root: Path, **changes: Any) -> Dataset:
    return load("arrays", path=str(write_npz(root / "own.npz", **changes)))


def _folder(root: Path, *splits: str) -> Dataset:
    for split in splits:
        write_classes(root / split, 4)
    return load("image_folder", root=str(root), size=8)


def _images(root: Path, *splits: str) -> Dataset:
    for split in splits:
        for number in range(4):
            write_image(root / split / f"{number}.png")
    return load("images", root=str(root), size=8)


def _mnist(root: Path) -> Dataset:
    write_mnist(root)
    return load("mnist", root=str(root), download=False)


@pytest.mark.parametrize(
    ("made", "is_held_out"),
    [
        (lambda root: load("digits"), True),
        (lambda root: load("digits", corruption="noise", severity=1), True),
        (_mnist, True),
        (_arrays, True),
        (lambda root: _arrays(root, **OWN), False),
        (lambda root: _folder(root, "."), True),
        (lambda root: _folder(root, "train", "test"), True),
        (lambda root: _folder(root, "train", "val"), True),
        (lambda root: _folder(root, "train", "val", "test"), False),
        (lambda root: _images(root, "."), True),
        (lambda root: _images(root, "train", "test"), True),
        (lambda root: _images(root, "train", "val", "test"), False),
    ],
)
def test_data_sets_know_whether_validation_was_held_out(tmp_path: Path, made: Any, is_held_out: bool) -> None:
    assert made(tmp_path).validation_is_held_out_of_train is is_held_out
