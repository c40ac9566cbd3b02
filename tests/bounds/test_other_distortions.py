"""The oracle under other distortions: top-k lists in closed form, log loss, and any cost matrix."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import (
    blahut_arimoto,
    entropy_bits,
    modelnet40_test_counts,
    oracle_curve,
    oracle_rate_bits,
    prior_from_counts,
)
from ratefront.bounds.closed_form.top_k_water_filling import TopKWaterFilling
from ratefront.bounds.curve_names import COST, LOG_LOSS
from ratefront.bounds.curves.other_distortions import (
    cost_oracle,
    log_loss_oracle,
    top_k_oracle,
    top_k_rate_bits,
)
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

counts = st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any)
few_counts = st.lists(st.integers(0, 30), min_size=2, max_size=5).filter(any)
relaxed = settings(deadline=None, max_examples=50)
solved = settings(deadline=None, max_examples=25)


def misses(classes: int, k: int) -> np.ndarray:
    """d(y, L) for all sets L of k classes, shape (K, number of sets)."""
    sets = itertools.combinations(range(classes), k)
    return np.array([[float(y not in named) for y in range(classes)] for named in sets]).T


# Top-k lists.


@relaxed
@given(counts)
def test_a_list_of_one_class_is_the_oracle(c: list[int]) -> None:
    prior = prior_from_counts(c)
    at = np.linspace(0, 1, 301)
    np.testing.assert_allclose(top_k_rate_bits(prior, 1, at), oracle_rate_bits(prior, at), atol=1e-12)
    ours, theirs = top_k_oracle(prior, 1), oracle_curve(prior)
    np.testing.assert_allclose(ours.distortion, theirs.distortion, atol=1e-9)
    np.testing.assert_allclose(ours.rate_bits, theirs.rate_bits, atol=1e-9)


@pytest.mark.parametrize(("classes", "k"), [(2, 1), (10, 3), (40, 39), (1000, 5)])
def test_equiprobable_classes_have_a_closed_form(classes: int, k: int) -> None:
    d0 = 1 - k / classes
    d = np.linspace(0, d0, 400)
    binary = np.array([entropy_bits([x, 1 - x]) for x in d])
    closed = np.log2(classes) - (1 - d) * np.log2(k) - d * np.log2(classes - k) - binary
    np.testing.assert_allclose(top_k_rate_bits(np.full(classes, 1 / classes), k, d), closed, atol=1e-11)
    curve = top_k_oracle(np.full(classes, 1 / classes), k)
    assert curve.distortion[-1] == pytest.approx(d0, abs=1e-12)
    assert curve.rate_bits.size >= 200


@solved
@given(few_counts, st.integers(1, 3), st.floats(0.05, 12.0))
def test_top_k_lies_within_the_solvers_gap_over_all_sets(c: list[int], k: int, slope: float) -> None:
    prior = prior_from_counts(c)
    k = min(k, prior.size)
    found = blahut_arimoto(prior, misses(prior.size, k), slope, tolerance_bits=1e-7)
    exact = float(top_k_rate_bits(prior, k, min(found.distortion, 1.0)))
    assert found.rate_bits - found.gap_bits - 1e-11 <= exact <= found.rate_bits + 1e-11


@pytest.mark.parametrize(
    "prior", [[0.4, 0.3, 0.2, 0.1], [0.7, 0.1, 0.1, 0.1], [0.25] * 4, [0.5, 0.4, 0.1, 0.0]]
)
def test_rate_at_zero_top_k_distortion_is_the_solvers(prior: list[float]) -> None:
    found = blahut_arimoto(prior, misses(4, 2), np.inf, tolerance_bits=1e-7)
    curve = top_k_oracle(prior, 2)
    assert found.distortion == curve.distortion[0] == 0.0
    assert curve.rate_bits[0] == pytest.approx(found.rate_bits, abs=2e-7)


@relaxed
@given(counts, st.integers(1, 6))
def test_nonincreasing_convex_and_never_dearer_for_a_longer_list(c: list[int], k: int) -> None:
    prior = prior_from_counts(c)
    at = np.linspace(0, 1, 401)
    rate = top_k_rate_bits(prior, k, at)
    d0 = 1 - np.sort(prior)[::-1][:k].sum()
    assert np.all(np.diff(rate) <= 1e-12)
    assert np.all(rate[1:-1] <= (rate[:-2] + rate[2:]) / 2 + 1e-12)
    assert np.all(rate[at >= d0 + 1e-12] == 0)
    assert np.all(rate[at < d0 - 1e-3] > 0)
    assert np.all(top_k_rate_bits(prior, k + 1, at) <= rate + 1e-12)


@relaxed
@given(counts, st.integers(1, 6), st.floats(0.0, 30.0))
def test_every_tangent_lies_under_the_curve(c: list[int], k: int, slope: float) -> None:
    filling = TopKWaterFilling(prior_from_counts(c), k)
    distortion = filling.distortion_at_slope(slope)
    at = np.linspace(0, 1, 201)
    tangent = filling.rate_bits(distortion) - slope / np.log(2) * (at - distortion)
    assert np.all(filling.rate_bits(at) >= tangent - 1e-11)
    assert slope >= filling.critical_slope or distortion == filling.zero_rate_distortion


@relaxed
@given(counts, st.integers(1, 6), st.randoms(use_true_random=False))
def test_class_order_and_empty_classes_change_nothing(c: list[int], k: int, random: object) -> None:
    shuffled = [*c, 0, 0]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at = np.linspace(0, 1, 50)
    np.testing.assert_allclose(
        top_k_rate_bits(prior_from_counts(c), k, at),
        top_k_rate_bits(prior_from_counts(shuffled), k, at),
        atol=1e-12,
    )


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_straight_lines_between_the_drawn_points_hardly_leave_the_curve(k: int) -> None:
    prior = prior_from_counts(list(modelnet40_test_counts().values()))
    curve = top_k_oracle(prior, k)
    at = np.linspace(0, curve.distortion[-1], 3001)
    drawn = np.array([curve.rate_at(d) for d in at])
    assert np.all(np.abs(drawn - top_k_rate_bits(prior, k, at)) < 2e-4)
    assert (curve.distortion[0], curve.rate_bits[-1]) == (0.0, 0.0)
    assert curve.measure.name == f"top_{k}"
    np.testing.assert_array_equal(curve.accuracy, 1 - curve.distortion)


@pytest.mark.parametrize(("prior", "k"), [([1.0], 1), ([0.5, 0.5], 2), ([0.5, 0.0, 0.5], 2), ([0.9, 0.1], 7)])
def test_a_list_of_all_occurring_classes_is_one_point(prior: list[float], k: int) -> None:
    curve = top_k_oracle(prior, k)
    assert (curve.distortion.tolist(), curve.rate_bits.tolist()) == ([0.0], [0.0])


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_a_bad_list_length_is_refused(k: int) -> None:
    with pytest.raises(InputError, match="k"):
        top_k_oracle([0.5, 0.5], k)


@pytest.mark.parametrize("distortion", [-0.01, 1.01, np.nan])
def test_a_bad_distortion_is_refused(distortion: float) -> None:
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        top_k_rate_bits([0.5, 0.5], 1, distortion)


# Log loss.


@relaxed
@given(counts, st.floats(0.0, 4.0))
def test_a_bit_of_log_loss_saves_a_bit_of_rate(c: list[int], loss: float) -> None:
    prior = prior_from_counts(c)
    curve = log_loss_oracle(prior)
    assert curve.rate_at(loss) == pytest.approx(max(0.0, entropy_bits(prior) - loss), abs=1e-12)
    assert curve.measure is LOG_LOSS
    assert curve.distortion[-1] == entropy_bits(prior)


def test_no_channel_beats_the_log_loss_line() -> None:
    rng = np.random.default_rng(5)
    prior = rng.dirichlet(np.ones(4))
    curve = log_loss_oracle(prior)
    for _ in range(50):
        joint = prior[:, None] * rng.dirichlet(np.full(6, 0.3), size=4)
        received = joint.sum(axis=0)
        loss = entropy_bits(joint.ravel()) - entropy_bits(received)
        information = entropy_bits(prior) - loss
        bound = curve.rate_at(max(loss, 0.0))
        assert bound is not None
        assert information >= bound - 1e-9


# Costs.


@solved
@given(few_counts, st.integers(1, 2))
def test_the_cost_of_a_miss_is_the_oracle(c: list[int], k: int) -> None:
    prior = prior_from_counts(c)
    k = min(k, prior.size)
    curve = cost_oracle(prior, misses(prior.size, k))
    exact = top_k_rate_bits(prior, k, np.clip(curve.distortion, 0, 1))
    assert curve.gap_bits is not None
    assert np.all(curve.rate_bits >= exact - 1e-9)
    assert np.all(curve.rate_bits - curve.gap_bits <= exact + 1e-9)
    assert curve.measure is COST


@solved
@given(few_counts, st.integers(0, 10**6))
def test_both_ends_are_exact(c: list[int], seed: int) -> None:
    prior = prior_from_counts(c)
    cost = np.random.default_rng(seed).integers(0, 6, size=(prior.size, 4)).astype(float)
    curve = cost_oracle(prior, cost, points=8)
    least, constant = prior @ cost.min(axis=1), (prior @ cost).min()
    assert curve.distortion[0] == pytest.approx(least, abs=1e-12)
    assert curve.distortion[-1] == pytest.approx(constant, abs=1e-12)
    assert curve.rate_bits[-1] == 0
    assert curve.rate_bits.size > 1 or constant == pytest.approx(least, abs=1e-12)


def test_scaling_or_shifting_the_costs_changes_no_rate() -> None:
    prior = [0.5, 0.2, 0.2, 0.1]
    cost = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    plain = cost_oracle(prior, cost)
    dear = cost_oracle(prior, 1e6 * (cost + np.array([[3.0], [0.0], [1.0], [0.0]])))
    np.testing.assert_allclose(dear.rate_bits, plain.rate_bits, atol=1e-9)
    np.testing.assert_allclose(dear.distortion, 1e6 * (plain.distortion + 1.7), rtol=1e-12)


def test_cost_oracle_points_lie_where_the_curve_bends() -> None:
    prior = np.full(8, 1 / 8)
    cost = np.subtract.outer(np.arange(8.0), np.arange(8.0)) ** 2
    few, many = cost_oracle(prior, cost, points=15), cost_oracle(prior, cost, points=120)
    drawn = np.array([few.rate_at(d) for d in many.distortion])
    assert np.all(np.abs(drawn - many.rate_bits) < 0.02)
    assert np.count_nonzero(few.rate_bits > 0.05) >= 12


def test_an_answer_that_abstains_at_a_cost_is_used() -> None:
    """Errors cost 1, abstaining a quarter: at 0 bit nobody answers, and no rate is spent on being unsure."""
    prior = [0.25, 0.25, 0.25, 0.25]
    cost = np.hstack([1.0 - np.eye(4), np.full((4, 1), 0.25)])
    curve = cost_oracle(prior, cost)
    assert curve.distortion[-1] == pytest.approx(0.25, abs=1e-15)
    assert curve.rate_bits[0] == pytest.approx(2.0, abs=1e-5)
    for d in np.linspace(0, 0.25, 30):
        rate, plain = curve.rate_at(d), float(oracle_rate_bits(prior, d))
        assert rate is not None
        assert rate <= plain + 1e-4


@pytest.mark.parametrize("cost", [[[1.0, 1.0], [2.0, 2.0]], [[0.0, 1.0], [3.0, 3.0]], [[2.0], [5.0]]])
def test_one_answer_best_for_every_label_is_one_point(cost: list[list[float]]) -> None:
    curve = cost_oracle([0.5, 0.5], cost)
    assert curve.rate_bits.tolist() == [0.0]
    assert curve.distortion[0] == pytest.approx(np.mean(np.min(cost, axis=1)), abs=1e-15)


def test_labels_that_never_occur_change_nothing() -> None:
    cost = np.array([[0.0, 1.0, 5.0], [1.0, 0.0, 5.0], [9.0, 9.0, 0.0]])
    with_it = cost_oracle([0.6, 0.4, 0.0], cost)
    without = cost_oracle([0.6, 0.4], cost[:2])
    np.testing.assert_allclose(with_it.rate_bits, without.rate_bits, atol=1e-12)
    np.testing.assert_allclose(with_it.distortion, without.distortion, atol=1e-12)


@pytest.mark.parametrize(
    "cost", [[[0.0, 1.0]], [0.0, 1.0], [[0.0, -1.0], [1.0, 0.0]], [[0.0, np.inf], [1.0, 0.0]]]
)
def test_a_bad_cost_is_refused(cost: list[object]) -> None:
    with pytest.raises(InputError, match="cost matrix"):
        cost_oracle([0.5, 0.5], cost)
