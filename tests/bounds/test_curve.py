"""The curve as a value: its readings, and the values that it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import RateDistortionCurve
from ratefront.errors import InputError


def curve(rate: list[float], distortion: list[float], **claims: object) -> RateDistortionCurve:
    return RateDistortionCurve("test", np.array(rate), np.array(distortion), **claims)  # type: ignore[arg-type]


CONVEX = curve([3.0, 1.0, 0.0], [0.1, 0.3, 0.7], monotone=True, convex=True)
WAVY = curve([2.0, 2.5, 0.5, 0.9, 0.0], [0.1, 0.2, 0.3, 0.5, 0.8])


def test_points_are_sorted_by_distortion_with_their_gaps() -> None:
    unsorted = curve([0.0, 3.0, 1.0], [0.7, 0.1, 0.3], gap_bits=np.array([0.0, 3e-6, 1e-6]))
    assert unsorted.rate_bits.tolist() == [3.0, 1.0, 0.0]
    assert unsorted.gap_bits is not None
    assert unsorted.gap_bits.tolist() == [3e-6, 1e-6, 0.0]
    assert unsorted.accuracy.tolist() == pytest.approx([0.9, 0.7, 0.3])


@pytest.mark.parametrize(
    ("distortion", "rate"),
    [(0.0999, None), (0.1, 3.0), (0.2, 2.0), (0.3, 1.0), (0.5, 0.5), (0.7, 0.0), (0.95, 0.0), (np.nan, None)],
)
def test_rate_at_interpolates(distortion: float, rate: float | None) -> None:
    assert CONVEX.rate_at(distortion) == (None if rate is None else pytest.approx(rate))


@pytest.mark.parametrize(
    ("rate", "distortion"), [(9.0, 0.1), (3.0, 0.1), (2.0, 0.2), (0.5, 0.5), (0.0, 0.7), (-0.1, None)]
)
def test_distortion_at_interpolates(rate: float, distortion: float | None) -> None:
    assert CONVEX.distortion_at(rate) == (None if distortion is None else pytest.approx(distortion))


def test_of_several_points_at_one_distortion_the_cheapest_counts() -> None:
    steep = curve([5.0, 0.0, 2.0], [0.4, 0.4, 0.4])
    assert steep.rate_at(0.4) == 0.0
    assert steep.distortion_at(1.0) == 0.4


def test_least_distortion_at_a_rate_on_a_curve_that_comes_back_up() -> None:
    assert WAVY.distortion_at(0.7) == pytest.approx(0.29)


def test_envelope_is_the_lower_hull_with_the_zero_rate_point() -> None:
    hull = WAVY.envelope(0.6)
    assert hull.distortion.tolist() == [0.1, 0.3, 0.6]
    assert hull.rate_bits.tolist() == [2.0, 0.5, 0.0]
    assert hull.monotone
    assert hull.convex


def test_envelope_of_a_useless_curve_is_the_zero_rate_point() -> None:
    assert WAVY.envelope(0.05).distortion.tolist() == [0.05]
    assert WAVY.envelope(0.05).rate_at(0.5) == 0.0


points = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=15)


@settings(deadline=None, max_examples=100)
@given(points, st.floats(0.01, 1))
def test_envelope_never_lies_above_a_point_and_claims_what_it_is(
    pairs: list[tuple[float, float]], zero: float
) -> None:
    raw = curve([r for r, _ in pairs], [d for _, d in pairs])
    hull = raw.envelope(zero)
    for rate, distortion in pairs:
        below = hull.rate_at(distortion)
        assert below is None or below <= rate + 1e-9
    assert hull.rate_at(1.0) == 0.0
    assert set(hull.distortion) <= {*raw.distortion, zero}


def test_a_false_shape_claim_is_refused_with_the_amount() -> None:
    with pytest.raises(InputError, match=r"nonincreasing.*0\.5 bit"):
        curve([1.0, 1.5], [0.1, 0.2], monotone=True)
    with pytest.raises(InputError, match=r"convex.*0\.9 bit"):
        curve([2.0, 1.9, 0.0], [0.0, 0.5, 1.0], convex=True)


def test_the_certified_gap_loosens_a_claim() -> None:
    gap = np.full(3, 0.91)
    assert curve([2.0, 1.9, 0.0], [0.0, 0.5, 1.0], convex=True, gap_bits=gap).convex


@pytest.mark.parametrize(
    ("rate", "distortion"),
    [([], []), ([1.0], [0.1, 0.2]), ([np.nan], [0.1]), ([-1.0], [0.1]), ([1.0], [1.5]), ([np.inf], [0.1])],
)
def test_values_out_of_range_are_refused(rate: list[float], distortion: list[float]) -> None:
    with pytest.raises(InputError, match="test"):
        curve(rate, distortion)


def test_a_curve_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        CONVEX.rate_bits[0] = 7.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        CONVEX.name = "other"  # type: ignore[misc]


def test_per_divides_rates_and_gaps_and_sets_the_unit() -> None:
    per_pixel = curve([8.0], [0.1], gap_bits=np.array([0.8])).per(16)
    assert per_pixel.rate_bits.tolist() == [0.5]
    assert per_pixel.gap_bits is not None
    assert per_pixel.gap_bits.tolist() == pytest.approx([0.05])
    assert per_pixel.unit == "bit/pixel"
    with pytest.raises(InputError, match="positive"):
        CONVEX.per(0, "bit/point")


def test_where_the_distortion_turns_back_the_lowest_passage_counts() -> None:
    # from 0.5 back to 0.2, then on to 0.8
    way = np.arange(5.0)
    back = curve([3.0, 2.5, 2.0, 1.0, 0.0], [0.5, 0.3, 0.2, 0.4, 0.8], along=way)
    assert back.turns_back
    assert back.rate_at(0.45) == pytest.approx(0.875)
    assert back.rate_at(0.25) == pytest.approx(1.75)
    assert back.rate_at(0.8) == back.rate_at(0.99) == 0.0
    assert back.distortion_at(2.75) == pytest.approx(0.2)
    assert back.distortion_at(1.5) == pytest.approx(0.3)
    assert back.line[0].tolist() == [3.0, 2.5, 2.0, 1.0, 0.0]
    assert back.line[1].tolist() == [0.5, 0.3, 0.2, 0.4, 0.8]


def test_a_large_gap_loosens_the_claim_at_its_own_point_only() -> None:
    gap = np.array([0.9, 0.0, 0.0])
    with pytest.raises(InputError, match="convex"):
        curve([3.0, 2.5, 0.0], [0.1, 0.3, 0.7], gap_bits=gap, convex=True)
    assert curve([3.0, 1.0, 0.0], [0.1, 0.3, 0.7], gap_bits=gap, convex=True).convex


def test_repr_is_one_line() -> None:
    assert repr(CONVEX) == "<curve test: 3 points, 0 to 3 bit/sample, distortion 0.1 to 0.7>"
    longest = RateDistortionCurve("mine", np.linspace(3, 0, 1000), np.linspace(0, 1, 1000))
    assert len(repr(longest)) < 100
