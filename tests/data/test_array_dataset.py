"""The data set ``arrays``: loaded samples equal the stored ones, and invalid files are refused with a reason."""

# ruff: noqa: E501  (one case a line reads as a table)

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.data_files import RANDOM, arrays, describe, load, pixels, write_npz

from ratefront.errors import InputError

CLOUDS = {"x_train": RANDOM.normal(size=(40, 16, 3)), "x_test": RANDOM.normal(size=(8, 16, 3))}
FLOATS = {"x_train": RANDOM.random((40, 9, 8)), "x_test": RANDOM.random((8, 9, 8))}
COLOURS = {"x_train": pixels(40, 9, 8, 3), "x_test": pixels(8, 9, 8, 3)}
THIN = {"x_train": RANDOM.random((40, 9, 3)), "x_test": RANDOM.random((8, 9, 3))}


@pytest.mark.parametrize("is_compressed", [False, True])
@pytest.mark.parametrize(
    ("changes", "shape", "raw_bits"),
    [
        ({}, (1, 9, 8), 72 * 8),
        (COLOURS, (3, 9, 8), 216 * 8),
        (FLOATS, (1, 9, 8), 72 * 32),
        ({name: x.astype(np.float16) for name, x in FLOATS.items()}, (1, 9, 8), 72 * 16),
        (CLOUDS, (16, 3), 48 * 32),
        ({"y_train": (np.arange(40) % 4).astype(np.uint8)}, (1, 9, 8), 72 * 8),
        ({"x_train": np.asfortranarray(pixels(40, 9, 8))}, (1, 9, 8), 72 * 8),
    ],
)
def test_loaded_samples_equal_the_stored_ones(
    tmp_path: Path, changes: dict[str, Any], shape: tuple[int, ...], raw_bits: int, is_compressed: bool
) -> None:
    path, stored = tmp_path / "own.npz", arrays(**changes)
    (np.savez_compressed if is_compressed else np.savez)(path, **stored)
    facts, data = describe("arrays", path=str(path)), load("arrays", path=str(path))
    assert (facts["classes"], facts["shape"]) == (data.classes, data.shape) == (4, shape)
    assert facts["label_bits"] == 2
    assert data.raw_bits == raw_bits
    expected = stored["x_test"].astype(np.float32) / np.float32(
        255 if stored["x_test"].dtype == np.uint8 else 1
    )
    if len(shape) == 3:
        expected = expected[:, None] if shape[0] == 1 else np.moveaxis(expected, -1, 1)
    np.testing.assert_array_equal(data.test.images[:], expected)
    assert data.test.images[:2].dtype == np.float32
    np.testing.assert_array_equal(np.bincount(data.validation.labels), [1] * 4)


def test_kind_is_required_only_if_the_data_are_ambiguous(tmp_path: Path) -> None:
    path = str(write_npz(tmp_path / "own.npz", **THIN))
    with pytest.raises(
        InputError, match=r"x_train: .* set the data set's parameter kind to images or points"
    ):
        describe("arrays", path=path)
    assert describe("arrays", path=path, kind="images")["shape"] == (1, 9, 3)
    assert load("arrays", path=path, kind="points").shape == (9, 3)


def test_digest_depends_on_the_arrays_not_on_the_file(tmp_path: Path) -> None:
    stored = arrays()
    first = load("arrays", path=str(write_npz(tmp_path / "a.npz", **stored))).digest
    assert load("arrays", path=str(write_npz(tmp_path / "b.npz", **stored))).digest == first
    other = np.roll(stored["y_train"], 1)
    assert (
        load("arrays", path=str(write_npz(tmp_path / "a.npz", **stored | {"y_train": other}))).digest != first
    )


def _with(array: Any, value: float) -> Any:
    changed = array.copy()
    changed.flat[5] = value
    return changed


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"x_test": None}, "needs the arrays x_train, y_train, x_test, y_test, but x_test is missing; found: x_train, y_train, y_test"),
    ({"x_train": pixels(40, 72)}, "x_train: must be \\(N, H, W\\), \\(N, H, W, C\\) or \\(N, P, 3\\), got uint8 of shape \\(40, 72\\)"),
    ({"x_train": pixels(40, 9, 8, 1, 1)}, "x_train: must be .*got uint8 of shape \\(40, 9, 8, 1, 1\\)"),
    ({"x_train": pixels(40, 9, 8).astype(np.int64)}, "x_train: must be uint8, or floats .*got int64"),
    ({"x_train": pixels(40, 3, 9, 8)}, "x_train: must be \\(N, H, W, C\\), channels last"),
    ({"x_train": np.empty((40, 9, 8), dtype=object)}, "x_train: must hold plain numbers, got objects"),
    ({"y_train": np.array(["a", "b"] * 20)}, "y_train: must be whole numbers of shape \\(N,\\), got <U1"),
    ({"y_train": np.arange(40) % 4 + 0.0}, "y_train: must be whole numbers of shape \\(N,\\), got float64"),
    ({"y_train": np.eye(4, dtype=int)[np.arange(40) % 4]}, "y_train: must be whole numbers of shape \\(N,\\), got int64 of shape \\(40, 4\\)"),
    ({"y_train": np.arange(39) % 4}, "y_train: needs a label for each of the 40 samples of x_train, got 39"),
    ({"x_test": pixels(0, 9, 8), "y_test": np.arange(0)}, "x_test: must not be empty"),
    ({"x_test": pixels(8, 9, 9)}, "x_test: must hold samples as x_train \\(uint8 of shape \\(40, 9, 8\\)\\), got uint8 of shape \\(8, 9, 9\\)"),
    ({"x_test": FLOATS["x_test"]}, "x_test: must hold samples as x_train"),
    ({"y_test": np.full(8, -1)}, "y_test: must hold labels of y_train alone, 0 to 3, got -1: leave out the 8 sample"),
    ({"y_train": np.zeros(40, dtype=int)}, "y_train: needs at least 2 classes, got label 0 alone"),
    ({"x_validation": pixels(6, 9, 8)}, "needs the arrays .*, but y_validation is missing"),
    ({"y_validation": np.arange(6) % 4}, "needs the arrays .*, but x_validation is missing"),
    ({"x_validation": pixels(6, 9, 9), "y_validation": np.arange(6) % 4}, "x_validation: must hold samples as x_train"),
    ({"x_validation": pixels(6, 9, 8), "y_validation": np.arange(5) % 4}, "y_validation: needs a label for each of the 6 samples of x_validation, got 5"),
    ({"x_validation": pixels(6, 9, 8), "y_validation": np.arange(6)}, "y_validation: must hold labels of y_train alone, 0 to 3, got 5"),
    ({"x_val": pixels(6, 9, 8), "y_val": np.arange(6) % 4}, "x_val, y_val: the validation split is called x_validation and y_validation"),
    ({"y_test": np.full(8, 4)}, "y_test: must hold labels of y_train alone, 0 to 3, got 4"),
    ({"y_train": np.array([4] + [0, 1, 2, 3] * 9 + [0, 1, 2])}, "y_train: class 4 has 1 sample\\(s\\), but needs at least 2"),
]  # fmt: skip

#: What the samples tell.
VALUES: list[tuple[dict[str, Any], str]] = [
    ({**FLOATS, "x_train": _with(FLOATS["x_train"], np.nan)}, "x_train: must be finite, got 1 value"),
    ({**FLOATS, "x_test": _with(FLOATS["x_test"], np.inf)}, "x_test: must be finite, got 1 value"),
    ({**CLOUDS, "x_test": _with(CLOUDS["x_test"], -np.inf)}, "x_test: must be finite, got 1 value"),
    ({**FLOATS, "x_test": FLOATS["x_test"] * 255}, "x_test: floats of images must be in \\[0, 1\\], got values from"),
    ({**FLOATS, "x_train": FLOATS["x_train"] - 0.5}, "x_train: floats of images must be in \\[0, 1\\], got values from -0"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_invalid_headers_are_refused_without_reading_samples(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = str(write_npz(tmp_path / "own.npz", **changes))
    for ask in (describe, load):
        with pytest.raises(InputError, match=f"own.npz: {message}"):
            ask("arrays", path=path)


@pytest.mark.parametrize(("changes", "message"), VALUES, ids=[message[:40] for _, message in VALUES])
def test_invalid_values_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = str(write_npz(tmp_path / "own.npz", **changes))
    for ask in (describe, load):
        with pytest.raises(InputError, match=f"own.npz: {message}"):
            ask("arrays", path=path)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"y_train.npy") + 300] ^= 0xFF
    path.write_bytes(content)


def _cut_member(path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.arange(40) % 4)
    with zipfile.ZipFile(path) as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != "y_train.npy"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (others | {"y_train.npy": content.getvalue()[:-8]}).items():
            archive.writestr(name, member)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "own.npz: cannot be read: No such file"),
        (lambda path: path.write_bytes(b""), "own.npz: is not an npz file"),
        (_truncated, "own.npz: is not an npz file but the beginning of one: the file is cut off"),
        (_altered, "own.npz: y_train: cannot be read: Bad CRC-32"),
        (_cut_member, "own.npz: y_train: is truncated or altered: its header says"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, damage: Any, message: str) -> None:
    path = write_npz(tmp_path / "own.npz")
    damage(path)
    for ask in (describe, load):
        with pytest.raises(InputError, match=message):
            ask("arrays", path=str(path))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"corruption": "noise", "severity": 1}, "corruption noise is for images"),
        ({"kind": "images"}, "floats of images must be in"),
    ],
)
def test_corruption_of_clouds_is_refused(tmp_path: Path, parameters: dict[str, Any], message: str) -> None:
    path = write_npz(tmp_path / "own.npz", **CLOUDS)
    with pytest.raises(InputError, match=message):
        load("arrays", path=str(path), **parameters)


def test_images_declared_as_points_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "own.npz")
    with pytest.raises(InputError, match="x_train: point clouds are \\(N, P, 3\\) of floats, got uint8"):
        describe("arrays", path=str(path), kind="points")
