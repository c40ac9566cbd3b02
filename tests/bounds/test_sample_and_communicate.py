"""Sample and communicate: its ends, a direct computation, and bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from ratefront.bounds import entropy_bits, oracle_rate_bits, prior_from_labels, sample_and_communicate
from ratefront.bounds.curves.tempered_sampling import sampled_points
from ratefront.bounds.source.scores import BLOCK_ENTRIES
from ratefront.errors import InputError


def some_logits(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = 3 * rng.normal(size=(n, k))
    labels = np.array([rng.choice(k, p=row) for row in softmax(logits, axis=1)])
    return logits, labels


def test_points_agree_with_the_papers_formulas() -> None:
    logits, labels = some_logits(300, 7)
    rate, distortion, _ = sampled_points(logits, labels, [0.5, 1.0, 2.0])
    for i, inverse_temperature in enumerate([0.5, 1.0, 2.0]):
        p = softmax(inverse_temperature * logits, axis=1)
        information = entropy_bits(p.mean(axis=0)) - np.mean([entropy_bits(row) for row in p])
        assert rate[i] == pytest.approx(information, abs=1e-10)
        assert distortion[i] == pytest.approx(1 - p[np.arange(300), labels].mean(), abs=1e-12)


def test_from_the_uniform_output_to_the_decision_in_small_steps() -> None:
    logits, labels = some_logits(500, 6)
    curve = sample_and_communicate(logits, labels)
    decisions = logits.argmax(axis=1)
    assert (curve.rate_bits[-1], curve.distortion[-1]) == (0.0, pytest.approx(1 - 1 / 6))
    hard_rate, hard_distortion, _ = sampled_points(logits, labels, [np.inf])
    assert hard_rate[0] == pytest.approx(entropy_bits(prior_from_labels(decisions, 6)))
    assert hard_distortion[0] == pytest.approx(np.mean(decisions != labels))
    assert curve.least_distortion <= hard_distortion[0]
    assert curve.rate_bits.max() > 0.95 * hard_rate[0]
    rate, distortion = curve.line
    assert np.abs(np.diff(rate)).max() < 0.12 * hard_rate[0]
    assert np.abs(np.diff(distortion)).max() < 0.09


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 5), st.floats(0.01, 100))
def test_never_below_the_oracle_of_the_same_labels_for_any_posterior(
    seed: int, n: int, k: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    curve = sample_and_communicate(scale * rng.normal(size=(n, k)), labels, 25)
    oracle = oracle_rate_bits(prior_from_labels(labels, k), curve.distortion)
    assert np.all(oracle <= curve.rate_bits + 1e-9)


def test_a_constant_per_sample_changes_nothing() -> None:
    logits, labels = some_logits(50, 4)
    shifted = logits + 100 * np.arange(50)[:, None]
    one, other = sample_and_communicate(logits, labels, 20), sample_and_communicate(shifted, labels, 20)
    np.testing.assert_allclose(one.rate_bits, other.rate_bits, atol=1e-9)


def test_exact_zeros_stay_zero_except_at_the_uniform_point() -> None:
    with np.errstate(divide="ignore"):
        scores = np.log(np.eye(3)[[0, 1, 2, 0]])
    curve = sample_and_communicate(scores, np.array([0, 1, 2, 1]), 20)
    positive = curve.rate_bits > 0
    assert np.allclose(curve.distortion[positive], 0.25)
    assert np.allclose(curve.rate_bits[positive], 1.5)
    assert (curve.rate_bits[-1], curve.distortion[-1]) == (0.0, pytest.approx(2 / 3))


def test_infinite_inverse_temperature_breaks_ties_like_the_decision() -> None:
    scores, labels = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), np.array([0, 2])
    rate, distortion, expected = sampled_points(scores, labels, [1e9, np.inf])
    assert rate.tolist() == pytest.approx([0.5, 1.0])
    assert (distortion[1], expected[0]) == (0.5, pytest.approx(expected[1]))


def test_memory_depends_on_the_block_not_on_the_samples() -> None:
    scores = np.random.default_rng(0).normal(size=(60_000, 50)).astype(np.float32)
    labels = np.zeros(60_000, dtype=np.int64)
    tracemalloc.start()
    sampled_points(scores, labels, [1.0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 8 * BLOCK_ENTRIES < scores.size * 8


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        ([[np.nan, 0.0]], [0]),
        ([[np.inf, 0.0]], [0]),
        ([[-np.inf, -np.inf]], [0]),
        ([[0.0, 1.0]], [0, 1]),
        ([[0.0, 1.0]], [2]),
        ([0.0, 1.0], [0]),
    ],
)
def test_bad_input_is_refused(scores: object, labels: list[int]) -> None:
    with pytest.raises(InputError):
        sample_and_communicate(scores, labels)  # type: ignore[arg-type]


def test_a_curve_whose_rate_is_not_monotone_is_read_in_order() -> None:
    """I(X; Y^) may fall again as the draw hardens, while the distortion still falls: no order by rate."""
    rng = np.random.default_rng(0)
    u = rng.uniform(0.02, 0.49, 3800)
    unsure = np.column_stack([0.995 - u, np.full(u.size, 0.005), u])
    posterior = np.vstack([unsure, np.tile([0.02, 0.96, 0.02], (200, 1))])
    labels = (posterior.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    curve = sample_and_communicate(np.log(posterior), labels)
    true = sampled_points(np.log(posterior), labels, [1.0, 2.0, 4.0, 8.0])
    assert np.diff(true.rate_bits).max() > 0 > np.diff(true.rate_bits).min()
    for rate, distortion in zip(true.rate_bits, true.distortion, strict=True):
        assert curve.rate_at(distortion) == pytest.approx(rate, abs=1e-3)
