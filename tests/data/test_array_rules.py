"""The advice on invalid labels and values: data that follow it are valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.data_files import RANDOM, arrays, describe, load, pixels, write_npz

from ratefront.errors import InputError

Change = Callable[[Any], Any]

LABELS = {
    f"y_{split}": np.arange(count) % 4 for split, count in (("train", 40), ("validation", 8), ("test", 8))
}
IMAGES = {
    f"x_{split}": RANDOM.random((count, 9, 8))
    for split, count in (("train", 40), ("validation", 8), ("test", 8))
}
BYTES = {name: np.rint(x * 255) for name, x in IMAGES.items()}


def _refused(path: Path, message: str) -> None:
    for ask in (describe, load):
        with pytest.raises(InputError) as caught:
            ask("arrays", path=str(path))
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "advice", "mend"),
    [
        (lambda y: y + 1, "these are 1 … 4: subtract 1 (y - 1), in every split", lambda y: y - 1),
        (lambda y: (y + 1).astype(np.uint8), "subtract 1 (y - 1)", lambda y: y - 1),
        (lambda y: y + 10**12, "subtract 1000000000000 (y - ", lambda y: y - 10**12),
        (lambda y: y - 1, "these are -1 … 2: add 1 (y + 1), in every split", lambda y: y + 1),
        (lambda y: y + 0.0, "where the values are whole, y.astype('int64')", lambda y: y.astype("int64")),
        (lambda y: y[:, None], "y.ravel() makes one axis of it", lambda y: y.ravel()),
        (lambda y: np.eye(4)[y], "one-hot labels y.argmax(axis=1)", lambda y: y.argmax(axis=1)),
        (lambda y: np.eye(4, dtype=int)[y], "y.argmax(axis=1)", lambda y: y.argmax(axis=1)),
        (
            lambda y: np.array(["cat", "dog", "emu", "fox"])[y],
            "numpy.unique(y, return_inverse=True)[1] numbers names",
            lambda y: np.unique(y, return_inverse=True)[1],
        ),
    ],
)  # fmt: skip
def test_advice_repairs_labels(tmp_path: Path, fault: Change, advice: str, mend: Change) -> None:
    faulty = {name: fault(y) for name, y in LABELS.items()}
    _refused(write_npz(tmp_path / "own.npz", **IMAGES, **faulty), advice)
    mended = {name: mend(y) for name, y in faulty.items()}
    data = load("arrays", path=str(write_npz(tmp_path / "own.npz", **IMAGES, **mended)))
    np.testing.assert_array_equal(data.train.labels, LABELS["y_train"])
    np.testing.assert_array_equal(data.test.labels, LABELS["y_test"])


@pytest.mark.parametrize("known", [(0, 2, 4, 6), (1, 2, 3, 7), (-1, 1, 2, 3), (3, 10, 100, 10**12)])
def test_advice_renumbers_labels_with_gaps(tmp_path: Path, known: tuple[int, ...]) -> None:
    faulty = {name: np.array(known)[y] for name, y in LABELS.items()}
    gap = next(label for label in range(known[0], known[-1]) if label not in known)
    message = f"these are 4 different ones from {known[0]} to {known[-1]}, and {gap} is not among them"
    _refused(write_npz(tmp_path / "own.npz", **IMAGES, **faulty), message)
    classes, train = np.unique(faulty["y_train"], return_inverse=True)
    mended = {name: np.searchsorted(classes, y) for name, y in faulty.items()} | {"y_train": train}
    assert load("arrays", path=str(write_npz(tmp_path / "own.npz", **IMAGES, **mended))).classes == 4


def test_shifted_labels_of_one_split_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "own.npz", **IMAGES, **LABELS | {"y_test": LABELS["y_test"] + 1})
    _refused(path, "y_test: must hold labels of y_train alone, 0 to 3, got 1 to 4: subtract 1 (y - 1)")


def test_remark_on_classes_missing_in_test(tmp_path: Path) -> None:
    labels = {**LABELS, "y_test": LABELS["y_test"] % 2}
    path = str(write_npz(tmp_path / "own.npz", **IMAGES, **labels))
    remark = "the test split has no sample of 2 of the 4 classes: class 2, class 3; its accuracy says nothing of them"
    assert describe("arrays", path=path)["remarks"] == [remark]
    assert load("arrays", path=path).remarks == (remark,)
    assert describe("arrays", path=str(write_npz(tmp_path / "own.npz", **IMAGES, **LABELS)))["remarks"] == []


MEAN, STD = 0.48, 0.29


@pytest.mark.parametrize("number", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("fault", "advice", "mend"),
    [
        (lambda x: np.rint(x * 255), "divide by 255, or store uint8 (x.astype('uint8'))", lambda x: x / 255),
        (lambda x: x * 254.9, "divide by 255, or store uint8 (numpy.rint(x)", lambda x: x / 255),
        (lambda x: np.rint(x * 16), "divide by the largest value that is possible", lambda x: x / 16),
        (lambda x: np.rint(x * 4095), "4095 for 12", lambda x: x / 4095),
        (lambda x: x * 2 - 1, "they look like [-1, 1]: (x + 1) / 2", lambda x: (x + 1) / 2),
        (lambda x: x - 0.5, "they look like [-0.5, 0.5]: x + 0.5", lambda x: x + 0.5),
        (lambda x: (x - MEAN) / STD, "they look standardised (mean", lambda x: x * STD + MEAN),
        (lambda x: x * 255 - 120, "0 … 255 less a mean", lambda x: (x + 120) / 255),
    ],
)  # fmt: skip
def test_advice_repairs_values(tmp_path: Path, fault: Change, advice: str, mend: Change, number: Any) -> None:
    faulty = {name: fault(x).astype(number) for name, x in IMAGES.items()}
    _refused(write_npz(tmp_path / "own.npz", **faulty, **LABELS), advice)
    mended = {name: mend(x.astype(np.float64)).clip(0, 1).astype(np.float32) for name, x in faulty.items()}
    data = load("arrays", path=str(write_npz(tmp_path / "own.npz", **mended, **LABELS)))
    np.testing.assert_allclose(data.test.images[:][:, 0], IMAGES["x_test"], atol=0.04)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("position", [0, -1])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1.001, -0.001])
def test_an_invalid_value_is_found_anywhere(tmp_path: Path, split: str, position: int, value: float) -> None:
    images = {name: x.copy() for name, x in IMAGES.items()}
    images[f"x_{split}"].flat[position] = value
    _refused(write_npz(tmp_path / "own.npz", **images, **LABELS), f"x_{split}: ")


@pytest.mark.parametrize(
    "images",
    [{n: (x > 0.5).astype(np.uint8) for n, x in IMAGES.items()}, {n: x / 255 for n, x in IMAGES.items()}],
)
def test_nearly_black_images_are_refused(tmp_path: Path, images: dict[str, Any]) -> None:
    _refused(write_npz(tmp_path / "own.npz", **images, **LABELS), "x_train: no value is brighter than 1/255")
    mended = {name: x * 255 for name, x in images.items()}
    load("arrays", path=str(write_npz(tmp_path / "own.npz", **mended, **LABELS)))


def test_describing_does_not_read_all_bytes(tmp_path: Path) -> None:
    """Of a large file of bytes the check must not read gigabytes: here it would meet a broken sum at the end."""
    path = write_npz(tmp_path / "own.npz", x_train=pixels(60_000, 9, 8), y_train=np.arange(60_000) % 4)
    content = bytearray(path.read_bytes())
    content[content.index(b"y_train.npy") - 200] ^= 0xFF
    path.write_bytes(content)
    assert describe("arrays", path=str(path))["classes"] == 4
    with pytest.raises(InputError, match="x_train: cannot be read: Bad CRC"):
        load("arrays", path=str(path))


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"x_train": pixels(40, 9, 8) > 9}, "x.astype('uint8') * 255"),
        ({"x_train": pixels(40, 9, 8).astype(np.uint16)}, "of 16 bits x / numpy.float32(65535)"),
        ({"x_train": RANDOM.random((40, 9, 8)).astype(">f4")}, "x.astype('float32')"),
        ({"x_train": RANDOM.random((40, 9, 8)).astype(">f8")}, "x.astype('float32')"),
        ({"x_train": RANDOM.random((40, 9, 8)).astype(np.longdouble)}, "x.astype('float32')"),
        ({"x_train": pixels(40, 72)}, "x.reshape(-1, H, W)"),
        ({"x_train": pixels(40, 3, 9, 8)}, "numpy.moveaxis(x, 1, -1)"),
        ({"x_train": np.array([pixels(9, 8), pixels(8, 8)] * 20, dtype=object)}, "numpy.stack(list(x))"),
    ],
)  # fmt: skip
def test_advice_for_arrays_of_another_type_or_shape(
    tmp_path: Path, changes: dict[str, Any], advice: str
) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, **arrays(**changes), allow_pickle=True)
    _refused(path, advice)
