"""The data sets of torchvision: found and checked on the disk, and named if they are missing."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
from tests.data.data_files import load, pixels, write_idx, write_mnist
from torchvision import datasets

from ratefront.data.official.idx_files import map_idx
from ratefront.errors import InputError

pytestmark = pytest.mark.medium


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_pixels_and_labels_are_those_of_the_files(tmp_path: Path, name: str, folder: str) -> None:
    raw = write_mnist(tmp_path, folder)
    data = load(name, root=str(tmp_path), download=False)
    stored = map_idx(raw / "t10k-images-idx3-ubyte", 3)
    np.testing.assert_array_equal(data.test.images[:][:, 0], stored.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(data.test.labels, np.arange(30) % 10)
    assert (data.name, data.classes, data.shape, data.raw_bits) == (name, 10, (1, 28, 28), 28 * 28 * 8)


def test_validation_is_a_tenth_of_each_training_class(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    data = load("mnist", root=str(tmp_path))
    np.testing.assert_array_equal(np.bincount(data.validation.labels), [2] * 10)
    np.testing.assert_array_equal(np.bincount(data.train.labels), [18] * 10)
    both = np.concatenate([data.train.images[:], data.validation.images[:]]) * 255
    stored = map_idx(raw / "train-images-idx3-ubyte", 3)[:, None]
    assert {one.tobytes() for one in np.rint(both).astype(np.uint8)} == {one.tobytes() for one in stored}


def test_samples_are_read_by_slice_and_by_position(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    images = load("mnist", root=str(tmp_path)).train.images
    np.testing.assert_array_equal(images[np.array([7, 2, 7])], images[:][[7, 2, 7]])
    assert images[3:5].dtype == np.float32
    assert images[3:5].flags.c_contiguous


def test_digest_depends_on_data_seed_and_corruption(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path / "here")
    (tmp_path / "there").symlink_to(tmp_path / "here")

    def content(folder: str = "here", **parameters: Any) -> str | None:
        return load("mnist", root=str(tmp_path / folder), **parameters).digest

    noise = {"corruption": "noise", "severity": 1}
    first = content()
    assert content("there") == first
    assert len({first, content(split_seed=1), content(**noise), content(**noise, corrupted="all")}) == 4
    stored = np.array(map_idx(raw / "t10k-images-idx3-ubyte", 3))
    stored[0, 0, 0] ^= 1
    write_idx(raw / "t10k-images-idx3-ubyte", stored)
    assert content() != first


def test_files_are_found_by_environment_else_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path / "cache" / "data", train=100)
    write_mnist(tmp_path / "own", train=200)
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RATEFRONT_DATA", raising=False)
    assert len(load("mnist").train) == 90
    monkeypatch.setenv("RATEFRONT_DATA", str(tmp_path / "own"))
    assert len(load("mnist").train) == 180
    assert len(load("mnist", root=str(tmp_path / "cache" / "data")).train) == 90


def test_a_missing_file_is_named_with_advice(tmp_path: Path) -> None:
    raw = write_mnist(tmp_path)
    (raw / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError) as caught:
        load("mnist", root=str(tmp_path), download=False)
    assert str(raw / "t10k-labels-idx1-ubyte") in str(caught.value)
    assert str(raw / "t10k-images-idx3-ubyte") not in str(caught.value)
    assert "RATEFRONT_DATA" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("cifar100", "cifar-100-python/train"),
        ("stl10", "stl10_binary/test_X.bin"),
    ],
)
def test_without_a_network_all_missing_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise URLError("no network here")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(InputError, match=r"the download failed: .*no network here") as caught:
        load(name, root=str(tmp_path))
    assert str(tmp_path / file) in str(caught.value)


def _cut(raw: Path) -> str:
    path = raw / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    return rf"{path}: is truncated or altered: its header says 200×28×28 bytes"


def _no_idx(raw: Path) -> str:
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"<html>not found</html>")
    return "t10k-images-idx3-ubyte: is not an idx file of bytes with 3 dimension"


def _empty(raw: Path) -> str:
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"")
    return "t10k-labels-idx1-ubyte: is not an idx file"


def _fewer_labels(raw: Path) -> str:
    write_idx(raw / "train-labels-idx1-ubyte", np.zeros(199, dtype=np.uint8))
    return "train-labels-idx1-ubyte: has 199 labels for the 200 images of train-images-idx3-ubyte"


def _eleventh_class(raw: Path) -> str:
    write_idx(raw / "t10k-labels-idx1-ubyte", np.full(30, 10, dtype=np.uint8))
    return "the labels of mnist go from 0 to 9, got 10"


@pytest.mark.parametrize("damage", [_cut, _no_idx, _empty, _fewer_labels, _eleventh_class])
def test_a_damaged_file_is_named(tmp_path: Path, damage: Any) -> None:
    message = damage(write_mnist(tmp_path))
    with pytest.raises(InputError, match=message):
        load("mnist", root=str(tmp_path))


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_stl10_needs_only_its_labelled_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    stored = {"train": pixels(40, 3, 96, 96), "test": pixels(10, 3, 96, 96)}
    for split, images in stored.items():
        (folder / f"{split}_X.bin").write_bytes(images.tobytes())
        (folder / f"{split}_y.bin").write_bytes((np.arange(len(images), dtype=np.uint8) % 10 + 1).tobytes())
    listed = {
        split: [[path.name, _md5(path)] for path in (folder / f"{split}_X.bin", folder / f"{split}_y.bin")]
        for split in stored
    }
    monkeypatch.setattr(datasets.STL10, "train_list", [*listed["train"], ["unlabeled_X.bin", "0"]])
    monkeypatch.setattr(datasets.STL10, "test_list", listed["test"])
    data = load("stl10", root=str(tmp_path), download=False)
    # The file holds columns before rows.
    np.testing.assert_array_equal(np.rint(data.test.images[:] * 255), stored["test"].transpose(0, 1, 3, 2))
    np.testing.assert_array_equal(data.test.labels, np.arange(10))
    (folder / "train_X.bin").write_bytes(stored["train"].tobytes()[:-1])
    with pytest.raises(InputError, match=r"train_X.bin: is truncated or altered: its MD5 is not"):
        load("stl10", root=str(tmp_path))


def test_cifar_has_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    stored = {"train": pixels(200, 3 * 32 * 32), "test": pixels(100, 3 * 32 * 32)}
    for split, images in stored.items():
        labels = (np.arange(len(images)) % 100).tolist()
        (folder / split).write_bytes(pickle.dumps({"data": images, "fine_labels": labels}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": []}))
    for split in stored:
        monkeypatch.setattr(datasets.CIFAR100, f"{split}_list", [[split, _md5(folder / split)]])
    monkeypatch.setitem(datasets.CIFAR100.meta, "md5", _md5(folder / "meta"))
    data = load("cifar100", root=str(tmp_path))
    assert (data.classes, data.shape, len(data.train), len(data.validation)) == (100, (3, 32, 32), 100, 100)
    np.testing.assert_array_equal(np.rint(data.test.images[:] * 255).reshape(100, -1), stored["test"])


WITHOUT = """
import sys
sys.modules["sklearn"] = None
from tests.data.data_files import describe, load
assert describe("arrays", path=sys.argv[2])["classes"] == 4
assert not {"torch", "torchvision"} & set(sys.modules)
assert len(load("arrays", path=sys.argv[2]).test) == 8
assert len(load("mnist", root=sys.argv[1]).test) == 30
"""


def test_loading_needs_no_sklearn_and_describing_no_torch(tmp_path: Path) -> None:
    from tests.data.data_files import write_npz

    write_mnist(tmp_path)
    path = write_npz(tmp_path / "own.npz")
    subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path), str(path)], check=True, cwd=Path(__file__).parents[2]
    )
