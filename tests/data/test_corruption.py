"""Corrupted images: the same bits in any order of access, with the documented strength."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.data_files import load, write_mnist

from ratefront.data.corruption import CorruptedImages
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec, to_plain

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
IMAGES = np.random.default_rng(1).random((9, 3, 8, 8)).astype(np.float32)


def corrupted(corruption: Literal["noise", "blur"] = "noise", **changes: Any) -> CorruptedImages:
    return CorruptedImages(
        **{"images": IMAGES, "corruption": corruption, "severity": 3, "split": "test", "seed": 0} | changes
    )


@pytest.mark.parametrize("corruption", ["noise", "blur"])
@settings(max_examples=30, deadline=None)
@given(order=st.lists(st.integers(0, 8), max_size=12))
def test_noise_of_a_sample_is_independent_of_other_samples(
    corruption: Literal["noise", "blur"], order: list[int]
) -> None:
    images = corrupted(corruption)
    positions = np.array(order, dtype=np.int64)
    np.testing.assert_array_equal(images[positions], images[:][positions])
    np.testing.assert_array_equal(images[2:7:2], images[:][2:7:2])


@pytest.mark.parametrize("change", [{"split": "validation"}, {"severity": 4}, {"seed": 1}])
def test_noise_differs_for_another_setting(change: dict[str, Any]) -> None:
    assert not np.array_equal(corrupted()[:], corrupted(**change)[:])


def test_each_sample_has_its_own_noise() -> None:
    grey = np.full((2, 1, 8, 8), 0.5, dtype=np.float32)
    first, second = corrupted(images=grey)[:]
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("side", "deviations"), [(64, (0.04, 0.06, 0.08, 0.09, 0.10)), (65, (0.08, 0.12, 0.18, 0.26, 0.38))]
)
def test_noise_has_the_deviation_of_its_severity(side: int, deviations: tuple[float, ...]) -> None:
    grey = np.full((20, 1, side, side), 0.5, dtype=np.float32)
    for severity, deviation in enumerate(deviations, start=1):
        clipped = np.clip(0.5 + deviation * np.random.default_rng(2).standard_normal(100_000), 0, 1)
        assert corrupted(images=grey, severity=severity)[:].std() == pytest.approx(clipped.std(), rel=0.02)


def test_blur_keeps_flat_images_and_smooths_more_with_severity() -> None:
    flat = np.full((2, 1, 8, 8), 51 / 255, dtype=np.float32)
    np.testing.assert_array_equal(corrupted("blur", images=flat)[:], flat)
    spread = [corrupted("blur", severity=severity)[:].std() for severity in (1, 2, 3, 4, 5)]
    assert IMAGES.std() > spread[0]
    assert sorted(spread, reverse=True) == spread


@pytest.mark.parametrize("corruption", ["noise", "blur"])
def test_corrupted_images_have_eight_bits(corruption: Literal["noise", "blur"]) -> None:
    images = corrupted(corruption)[:]
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, np.rint(images * 255).astype(np.float32) / np.float32(255))


@pytest.mark.parametrize(
    ("which", "changes"), [("evaluation", (False, True, True)), ("all", (True, True, True))]
)
def test_only_the_requested_splits_are_corrupted(
    tmp_path: Path, which: str, changes: tuple[bool, ...]
) -> None:
    write_mnist(tmp_path)
    clean = load("mnist", root=str(tmp_path))
    worse = load("mnist", root=str(tmp_path), corruption="noise", severity=1, corrupted=which)
    for name, changed in zip(("train", "validation", "test"), changes, strict=True):
        before, after = getattr(clean, name), getattr(worse, name)
        np.testing.assert_array_equal(before.labels, after.labels)
        assert np.array_equal(before.images[:], after.images[:]) != changed


def test_digits_can_be_corrupted() -> None:
    worse = load("digits", corruption="blur", severity=5)
    assert worse.test.images[:].std() < load("digits").test.images[:].std()
    assert worse.raw_bits == 8 * 64


def test_a_corruption_needs_a_severity() -> None:
    with pytest.raises(SpecError, match=r"dataset: severity \(1 to 5\) is needed when corruption is noise"):
        load_spec(DIGITS, {"dataset.corruption": "noise"})
    with pytest.raises(SpecError, match=r"dataset.severity: must be ≤ 5, got 6"):
        load_spec(DIGITS, {"dataset.corruption": "noise", "dataset.severity": 6})


def test_no_corruption_adds_no_parameters() -> None:
    """So that a sweep begun before there were corruptions is gone on with."""
    assert to_plain(load_spec(DIGITS).spec)["dataset"] == {"name": "digits", "split_seed": 0}
    noisy = load_spec(DIGITS, {"dataset.corruption": "noise", "dataset.severity": 2}).spec
    assert to_plain(noisy)["dataset"] == {
        "name": "digits",
        "split_seed": 0,
        "corruption": "noise",
        "severity": 2,
        "corrupted": "evaluation",
    }
