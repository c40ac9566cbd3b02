"""The oracle: published values, the closed form, its shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import (
    blahut_arimoto,
    entropy_bits,
    modelnet40_test_counts,
    oracle_curve,
    oracle_point_at_slope,
    oracle_rate_bits,
    prior_from_counts,
    uniform_rate_bits,
)
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)
relaxed = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize(
    ("classes", "distortion", "bits"),
    [(10, 0.0056, 3.25423), (10, 0.009, 3.21931), (40, 0.2, 3.54292), (1000, 0.239, 6.79093)],
)
def test_equiprobable_classes_have_the_published_values(classes: int, distortion: float, bits: float) -> None:
    assert uniform_rate_bits(classes, distortion) == pytest.approx(bits, abs=1e-5)
    assert oracle_rate_bits(np.full(classes, 1 / classes), distortion) == pytest.approx(bits, abs=1e-5)


def test_modelnet40_entropy_and_point_at_slope_4_are_published() -> None:
    shapes = list(modelnet40_test_counts().values())
    prior = prior_from_counts(shapes)
    assert sum(shapes) == 2468
    assert entropy_bits(prior) == pytest.approx(5.00697, abs=1e-5)
    assert oracle_point_at_slope(prior, 4.0) == pytest.approx((2.02910, 0.38313), abs=1e-5)


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 1000])
def test_water_filling_agrees_with_the_equiprobable_closed_form(classes: int) -> None:
    distortion = np.linspace(0, 1, 997)
    exact = uniform_rate_bits(classes, distortion)
    np.testing.assert_allclose(oracle_rate_bits(np.full(classes, 1 / classes), distortion), exact, atol=1e-12)


def test_binary_source_is_the_textbook_formula() -> None:
    q, distortion = 0.3, np.linspace(0, 0.3, 50)
    expected = [entropy_bits([q, 1 - q]) - entropy_bits([d, 1 - d]) for d in distortion]
    np.testing.assert_allclose(oracle_rate_bits([q, 1 - q], distortion), expected, atol=1e-13)


@relaxed
@given(counts, st.floats(0.05, 12.0))
def test_water_filling_lies_within_the_solver_s_certified_gap(c: list[int], slope: float) -> None:
    prior = prior_from_counts(c)
    solved = blahut_arimoto(prior, 1.0 - np.eye(prior.size), slope, tolerance_bits=1e-6)
    exact = float(oracle_rate_bits(prior, solved.distortion))
    assert solved.converged
    assert solved.rate_bits - solved.gap_bits - 1e-11 <= exact <= solved.rate_bits + 1e-11


@relaxed
@given(counts)
def test_nonincreasing_convex_from_the_entropy_to_zero_rate(c: list[int]) -> None:
    prior = prior_from_counts(c)
    at = np.linspace(0, 1, 401)
    rate = oracle_rate_bits(prior, at)
    assert rate[0] == pytest.approx(entropy_bits(prior), abs=1e-12)
    assert np.all(np.diff(rate) <= 1e-12)
    assert np.all(rate[1:-1] <= (rate[:-2] + rate[2:]) / 2 + 1e-12)
    assert np.all(rate[at >= 1 - prior.max()] == 0)
    assert np.all(rate[at < 1 - prior.max() - 1e-3] > 0)


@relaxed
@given(counts, st.randoms(use_true_random=False))
def test_the_order_of_classes_changes_nothing(c: list[int], random: object) -> None:
    shuffled = list(c)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at = np.linspace(0, 1, 50)
    np.testing.assert_allclose(
        oracle_rate_bits(prior_from_counts(c), at),
        oracle_rate_bits(prior_from_counts(shuffled), at),
        atol=1e-12,
    )


@relaxed
@given(counts)
def test_straight_lines_between_the_drawn_points_hardly_leave_the_curve(c: list[int]) -> None:
    prior = prior_from_counts(c)
    curve = oracle_curve(prior, points=200)
    at = np.linspace(0, curve.distortion[-1], 777)
    drawn = np.array([curve.rate_at(d) for d in at])
    assert np.all(np.abs(drawn - oracle_rate_bits(prior, at)) < 5e-4)
    assert curve.distortion[0] == 0 or curve.distortion.size == 1
    assert curve.rate_bits[-1] == 0


def test_more_equiprobable_classes_than_a_float_can_count_work() -> None:
    half = uniform_rate_bits(2**5000, 0.5)
    assert half == pytest.approx(2499.0, abs=1e-9)
    assert uniform_rate_bits(2**5000, [0.0, 1.0]).tolist() == [5000.0, 0.0]


def test_a_degenerate_prior_gives_one_point() -> None:
    assert oracle_curve([0.5, 0.3, 0.2]).rate_bits.size >= 200
    assert oracle_curve([0.0, 1.0]).rate_bits.tolist() == [0.0]


@pytest.mark.parametrize("prior", [[], [0.5, 0.6], [-0.1, 1.1], [np.nan, 1.0], [[0.5, 0.5]]])
def test_a_bad_distribution_is_refused(prior: object) -> None:
    with pytest.raises(InputError):
        oracle_rate_bits(prior, 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("distortion", [-0.01, 1.01, np.nan])
def test_a_bad_distortion_is_refused(distortion: float) -> None:
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        oracle_rate_bits([0.5, 0.5], distortion)
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        uniform_rate_bits(2, distortion)
