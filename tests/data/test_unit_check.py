"""Splits in different units get a remark; splits that differ for other reasons do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data.data_files import describe, load

from ratefront.data.arrays import npz_samples
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

Array = NDArray[Any]
COUNTS = {"train": 300, "validation": 40, "test": 60}


def _photographs(draw: np.random.Generator, count: int) -> Array:
    """Each of another brightness and contrast."""
    brightness, contrast = draw.uniform(0.1, 1, (2, count, 1, 1, 1))
    return (brightness * (1 - contrast * draw.random((count, 8, 8, 3)))).astype(np.float32)


def _strokes(draw: np.random.Generator, count: int) -> Array:
    """Black, with a few pixels of white."""
    return (draw.random((count, 8, 8)) > 0.9).astype(np.float32)


def _rarely_bright(draw: np.random.Generator, count: int) -> Array:
    """Nearly all of them are black but for some noise."""
    stars = draw.random((count, 1, 1)) > 0.98
    return np.where(stars, draw.random((count, 8, 8)), 0.05 * draw.random((count, 8, 8)))


def _black_but_rarely(draw: np.random.Generator, count: int) -> Array:
    return (draw.random((count, 1, 1)) > 0.8) * draw.random((count, 8, 8))


def _flat(draw: np.random.Generator, count: int) -> Array:
    """Each of a single brightness."""
    return np.broadcast_to(draw.random((count, 1, 1)), (count, 8, 8)).copy()


def _over_decades(draw: np.random.Generator, count: int) -> Array:
    return draw.random((count, 8, 8)) * 10 ** -draw.uniform(0, 2, (count, 1, 1))


def _clouds(draw: np.random.Generator, count: int) -> Array:
    """Objects of sizes that differ by several times, anywhere in a room."""
    sizes = np.exp(draw.normal(0, 0.7, (count, 1, 1)))
    return draw.normal(0, 20, (count, 1, 3)) + sizes * draw.normal(size=(count, 16, 3))


KINDS = (_photographs, _strokes, _rarely_bright, _black_but_rarely, _flat, _over_decades, _clouds)


def _file(path: Path, samples: dict[str, Array], save: Callable[..., None] = np.savez) -> str:
    named = {f"x_{split}": x for split, x in samples.items()}
    save(path, **named, **{f"y_{split}": np.arange(len(x)) % 2 for split, x in samples.items()})
    return str(path)


def _remarks(path: str) -> list[str]:
    """Of samples, by both doors."""
    remarks = describe("arrays", path=path)["remarks"]
    assert load("arrays", path=path).remarks == tuple(remarks)
    return [remark for remark in remarks if remark.startswith("x_")]


def _stored(x: Array, number: Any) -> Array:
    """Bytes or floats."""
    return np.rint(x * 255).astype(np.uint8) if number is np.uint8 else x.astype(number)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("few", [0, 1, 2, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_splits_of_one_distribution_get_no_remark(tmp_path: Path, kind: Any, few: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    numbers = (np.float32,) if kind is _clouds else (np.uint8, np.float32)
    samples = {split: kind(draw, few or count) for split, count in COUNTS.items() if split != "train"}
    samples = {"train": kind(draw, 30 if few == 8 else 300), **samples}
    for number in numbers:
        stored = {split: _stored(x, number) for split, x in samples.items()}
        assert _remarks(_file(tmp_path / "own.npz", stored)) == []


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("kind", "number", "factor", "message"),
    [
        (_photographs, np.float32, 1 / 16, "times darker"),
        (_strokes, np.float16, 1 / 16, "times darker"),
        (_strokes, np.uint8, 1 / 16, "about 15.9 times darker"),
        (_rarely_bright, np.float64, 1 / 8, "times darker"),
        (_photographs, np.uint8, 1 / 255, "times darker"),
        (_flat, np.float32, 1 / 16, "times darker"),
        (_clouds, np.float32, 1 / 1000, "times smaller"),
        (_clouds, np.float64, 1000, "times larger"),
        (_clouds, np.float64, 1e35, "times larger"),
    ],
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_remark_on_a_split_in_other_units(
    tmp_path: Path, kind: Any, number: Any, factor: float, message: str, split: str, order: Any, save: Any
) -> None:
    draw = np.random.default_rng(0)
    samples = {name: kind(draw, count) for name, count in COUNTS.items()}
    samples[split] = samples[split] * factor
    stored = {name: np.array(_stored(x, number), order=order) for name, x in samples.items()}
    (remark,) = _remarks(_file(tmp_path / "own.npz", stored, save))
    assert remark.startswith(f"x_{split} is about")
    assert message in remark
    assert "is it in other units?" in remark


def test_remark_on_all_others_if_train_has_other_units(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    samples = {name: _strokes(draw, count) for name, count in COUNTS.items()}
    samples["train"] /= 16
    remarks = _remarks(_file(tmp_path / "own.npz", samples))
    assert [remark[:42] for remark in remarks] == [
        "x_validation is about 16 times brighter th",
        "x_test is about 16 times brighter than x_t",
    ]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_floats_divided_twice_are_refused(tmp_path: Path, split: str) -> None:
    draw = np.random.default_rng(0)
    samples = {name: _photographs(draw, count) for name, count in COUNTS.items()}
    samples[split] /= 255
    path = _file(tmp_path / "own.npz", samples)
    for ask in (describe, load):
        with pytest.raises(InputError, match=rf"x_{split}: no value is brighter than 1/255"):
            ask("arrays", path=path)


@pytest.mark.parametrize("number", [np.uint8, np.float32])
def test_remark_on_a_black_split(tmp_path: Path, number: Any) -> None:
    """As floats in [0, 1] do that are stored as bytes; by chance all are black only where many of train are."""
    draw = np.random.default_rng(0)
    samples = {name: _stored(_photographs(draw, count), number) for name, count in COUNTS.items()}
    samples["test"][:] = 0
    (remark,) = _remarks(_file(tmp_path / "own.npz", samples))
    assert remark.startswith("x_test: the 60 samples that were looked at are all black")


def test_night_photographs_with_a_lamp_get_no_remark(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    samples = {name: _photographs(draw, count) for name, count in COUNTS.items()}
    samples["test"] = samples["test"] / 20
    samples["test"][::10, 3, 3] = 1
    assert _remarks(_file(tmp_path / "own.npz", samples)) == []


def test_moved_clouds_get_no_remark(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    samples = {name: _clouds(draw, count) for name, count in COUNTS.items()}
    samples["test"] = samples["test"] + 1e4
    assert _remarks(_file(tmp_path / "own.npz", samples)) == []


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    ("save", "lead", "last"),
    [(np.savez, 2**26, 999), (np.savez_compressed, 2**26, 999), (np.savez_compressed, 9600, 99)],
)
def test_spread_samples_are_those_of_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    save: Callable[..., None],
    lead: int,
    last: int,
    order: Any,
) -> None:
    """From its beginning to its end; of what is compressed, to where it is read, which tells nothing of columns."""
    monkeypatch.setattr(npz_samples, "_LEAD_BYTES", lead)
    samples = np.arange(24_000, dtype=np.float32).reshape(1000, 2, 12)
    save(tmp_path / "own.npz", other=np.zeros(7), x_train=np.array(samples, order=order))
    read = list(npz_samples.read_spread_samples(tmp_path / "own.npz", "x_train"))
    if order == "F" and last < 999:
        assert not read
        return
    positions = [int(sample[0, 0]) // 24 for sample in read]
    assert np.array_equal(read, samples[positions])
    assert (positions[0], positions[-1], len(set(positions))) == (0, last, min(256, last + 1))
