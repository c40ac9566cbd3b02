"""Channels applied to samples: the arithmetic, agreement with the curves, and inputs outside the fit."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax
from tests.bounds.calibrated_samples import calibrated_predictions, solve_indirect

from ratefront.bounds.curves.estimate_and_compress import estimate_and_compress
from ratefront.bounds.curves.indirect_estimate_and_compress import indirect_estimate_and_compress
from ratefront.bounds.curves.oracle import oracle_point_at_slope
from ratefront.bounds.curves.task_model_curve import task_model_curve
from ratefront.bounds.curves.tempered_sampling import sampled_points
from ratefront.bounds.curves.time_sharing import time_sharing
from ratefront.bounds.source.confusion import Confusion
from ratefront.bounds.source.distributions import entropy_bits
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.channel_fits import (
    fit_estimate_and_compress,
    fit_indirect,
    fit_oracle,
    fit_sampling,
    fit_task_model,
    fit_time_sharing,
)
from ratefront.bounds.statistics.channels import Channels, SampleContributions
from ratefront.bounds.statistics.held_out import subset
from ratefront.errors import InputError

SLOPES = np.array([np.inf, 20.0, 5.0, 2.0, 0.5, 0.0])
FITS: dict[str, Callable[[Predictions], Channels]] = {
    "oracle": lambda p: fit_oracle(p, SLOPES),
    "estimate_and_compress": lambda p: fit_estimate_and_compress(p, SLOPES),
    "indirect": lambda p: fit_indirect(p, SLOPES),
    "sampling": lambda p: fit_sampling(p, SLOPES),
    "task_model": lambda p: fit_task_model(p, SLOPES),
    "time_sharing": lambda p: fit_time_sharing(p, np.linspace(0, 1, SLOPES.size)),
}
every_fit = pytest.mark.parametrize("name", list(FITS))


def means(found: SampleContributions) -> tuple[np.ndarray, np.ndarray]:
    return found.rate_bits.mean(axis=0), found.distortion.mean(axis=0)


def check_sane(found: SampleContributions, samples: int) -> None:
    assert found.rate_bits.shape == found.distortion.shape == (samples, SLOPES.size)
    assert found.zero_rate_distortion.shape == (samples,)
    assert np.all(np.isfinite(found.rate_bits))
    assert np.all(found.rate_bits >= 0)
    assert np.all((found.distortion >= 0) & (found.distortion <= 1))


# --- on the samples fitted on ----------------------------------------------------------------------------------


def test_in_sample_the_oracle_is_its_curve() -> None:
    predictions = calibrated_predictions(400, 6)
    slopes = [np.inf, 8.0, 3.0, 1.0, 0.3, 0.0]
    rate, distortion = means(fit_oracle(predictions, slopes).contributions(predictions))
    points = [oracle_point_at_slope(predictions.label_prior, slope) for slope in slopes]
    np.testing.assert_allclose(np.transpose([rate, distortion]), points, atol=1e-6)


def test_in_sample_estimate_and_compress_is_its_curve() -> None:
    predictions = calibrated_predictions(400, 6)
    curve = estimate_and_compress(predictions.joint, 30)
    rate, distortion = means(fit_estimate_and_compress(predictions, curve.slope).contributions(predictions))
    np.testing.assert_allclose(rate, curve.rate_bits, atol=1e-6)
    np.testing.assert_allclose(distortion, curve.distortion, atol=1e-6)


def test_in_sample_indirect_is_its_curve() -> None:
    predictions = calibrated_predictions(400, 6)
    curve = indirect_estimate_and_compress(predictions.joint, 12, tolerance_bits=1e-10)
    fitted = fit_indirect(predictions, curve.slope[:-1], tolerance_bits=1e-10)
    rate, distortion = means(fitted.contributions(predictions))
    np.testing.assert_allclose(rate, curve.rate_bits[:-1], atol=1e-5)
    np.testing.assert_allclose(distortion, curve.distortion[:-1], atol=1e-5)
    for m, slope in enumerate(curve.slope[:-1]):
        solved = solve_indirect(Confusion(predictions.joint), slope, tolerance_bits=1e-10)
        assert (rate[m], distortion[m]) == pytest.approx((solved.rate_bits, solved.distortion), abs=1e-6)


def test_in_sample_sampling_is_its_curve() -> None:
    predictions = calibrated_predictions(400, 6)
    lambdas = [0.0, 0.3, 1.0, 4.0, 1e6, np.inf]
    rate, distortion = means(fit_sampling(predictions, lambdas).contributions(predictions))
    expected = sampled_points(predictions.log_probabilities, predictions.labels, lambdas)
    np.testing.assert_allclose((rate, distortion), expected[:2], atol=1e-6)


def test_in_sample_the_task_model_is_its_curve() -> None:
    predictions = calibrated_predictions(300, 5)
    curve = task_model_curve(predictions.log_probabilities, predictions.labels, 8, tolerance_bits=1e-9)
    solved = curve.rate_bits > 0
    fitted = fit_task_model(predictions, curve.slope[solved], tolerance_bits=1e-9)
    rate, distortion = means(fitted.contributions(predictions))
    np.testing.assert_allclose(rate, curve.rate_bits[solved], atol=1e-5)
    np.testing.assert_allclose(distortion, curve.distortion[solved], atol=1e-5)


def test_in_sample_time_sharing_is_its_curve() -> None:
    predictions = calibrated_predictions(400, 6)
    curve = time_sharing(predictions.joint, 11)
    shares = np.linspace(1, 0, 11)
    rate, distortion = means(fit_time_sharing(predictions, shares).contributions(predictions))
    np.testing.assert_allclose(rate, shares * entropy_bits(Confusion(predictions.joint).estimate_prior))
    np.testing.assert_allclose((rate, distortion), (curve.rate_bits, curve.distortion), atol=1e-9)


@pytest.mark.parametrize("slope", [0.7, 3.0, 40.0])
def test_each_contribution_is_the_divergence_and_the_error(slope: float) -> None:
    predictions, others = calibrated_predictions(200, 5), calibrated_predictions(50, 5, seed=1)
    p = softmax(others.log_probabilities, axis=1)
    for fitted, exponent in (
        (fit_sampling(predictions, [slope]), slope * np.log(p)),
        (fit_task_model(predictions, [slope]), slope * p),
    ):
        q = fitted.output[0]
        channel = fitted.weight[0] * np.exp(exponent)
        channel /= channel.sum(axis=1, keepdims=True)
        found = fitted.contributions(others)
        expected = rel_entr(channel, q).sum(axis=1) / np.log(2)
        sent = expected < fitted.limit_bits
        assert sent.mean() > 0.9
        np.testing.assert_allclose(found.rate_bits[sent, 0], expected[sent], atol=1e-10)
        literal = 1 - channel[np.arange(50), others.labels]
        np.testing.assert_allclose(found.distortion[sent, 0], literal[sent], atol=1e-12)


def test_class_channels_are_the_literal_ones() -> None:
    predictions, others = calibrated_predictions(200, 5), calibrated_predictions(50, 5, seed=1)
    fitted = fit_estimate_and_compress(predictions, [1.5])
    q, decided = fitted.output[0], others.predicted
    channel = q * np.exp(1.5 * np.eye(5)[decided])
    channel /= channel.sum(axis=1, keepdims=True)
    found = fitted.contributions(others)
    np.testing.assert_allclose(found.rate_bits[:, 0], rel_entr(channel, q).sum(axis=1) / np.log(2))
    np.testing.assert_allclose(found.distortion[:, 0], 1 - channel[np.arange(50), others.labels])


# --- on other samples ------------------------------------------------------------------------------------------


def test_unseen_decision_costs_and_carries_nothing_in_ec() -> None:
    fitted = fit_estimate_and_compress(
        Predictions.from_decisions([0, 0, 1, 1], [0, 0, 0, 1], 3), [np.inf, 2.0]
    )
    found = fitted.contributions(Predictions.from_decisions([0, 1, 2], [2, 2, 2], 3))
    assert np.all(found.rate_bits < 1e-12)
    np.testing.assert_allclose(found.distortion, 1 - fitted.output[:, :3].T)


def test_unseen_decision_has_the_prior_as_its_posterior_in_iec() -> None:
    fitted = fit_indirect(Predictions.from_decisions([0, 0, 0, 1], [0, 0, 0, 1], 3), [np.inf, 2.0])
    found = fitted.contributions(Predictions.from_decisions([0, 1], [2, 2], 3))
    q = fitted.output[1]
    channel = q * np.exp(2.0 * np.array([0.75, 0.25, 0.0]))
    channel /= channel.sum()
    np.testing.assert_allclose(found.distortion[:, 1], 1 - channel[:2])
    # at infinite slope: the likeliest label, in its code
    np.testing.assert_allclose(found.distortion[:, 0], [0, 1])
    np.testing.assert_allclose(found.rate_bits[:, 0], -np.log2(fitted.output[0, 0]))


def test_unseen_decision_is_time_shared_as_the_likeliest_label() -> None:
    fitted = fit_time_sharing(Predictions.from_decisions([1, 1, 1, 0], [0, 1, 1, 0], 3), [1.0, 0.5])
    found = fitted.contributions(Predictions.from_decisions([1, 2], [2, 2], 3))
    np.testing.assert_allclose(found.rate_bits, [[1, 0.5], [1, 0.5]])
    np.testing.assert_allclose(found.distortion, [[0, 0], [1, 1]])
    uncoded = fit_time_sharing(Predictions.from_decisions([2, 2, 0], [0, 0, 1], 3), [1.0])
    assert uncoded.contributions(Predictions.from_decisions([0], [2], 3)).distortion[0, 0] == 0


def test_a_posterior_unlike_all_others_is_not_sent() -> None:
    # no sample fitted on ever puts weight on class 2
    seen = Predictions.from_probabilities(
        [0, 1, 0, 1], [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.3, 0], [0, 1, 0]]
    )
    unseen = Predictions.from_probabilities([0, 2, 1], [[0, 0, 1], [0, 0, 1], [0.4, 0.6, 0]])
    fitted = fit_sampling(seen, [1.0, np.inf])
    found = fitted.contributions(unseen)
    assert np.all(fitted.output[:, 2] == 0)
    np.testing.assert_array_equal(found.rate_bits[:2], 0)
    np.testing.assert_allclose(found.distortion[:2], 1 - fitted.output[:, [0, 2]].T)
    assert found.rate_bits[2, 1] == pytest.approx(1)


def test_a_rare_output_costs_no_more_than_a_training_sample_could() -> None:
    logits = np.array([[40.0, 0.0], [41.0, 0.0], [39.0, 0.0], [42.0, 0.0]])
    fitted = fit_sampling(Predictions.from_logits([0, 0, 0, 0], logits), [5.0])
    found = fitted.contributions(Predictions.from_logits([1], [[0.0, 40.0]]))
    assert 0 < fitted.output[0, 1] < 1e-80
    assert (found.rate_bits[0, 0], found.distortion[0, 0]) == (0.0, 1.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_contributions_are_finite_and_in_range_for_any_fit(
    seed: int, fitted_on: int, samples: int, classes: int
) -> None:
    rng = np.random.default_rng(seed)
    n = fitted_on + samples
    parts = rng.multinomial(4, np.full(classes, 1 / classes), n)  # many exact zeros and ones
    predictions = Predictions.from_probabilities(rng.integers(0, classes, n), parts / 4)
    seen, rest = (subset(predictions, rows) for rows in np.split(np.arange(n), [fitted_on]))
    for fit in FITS.values():
        channels = fit(seen)
        assert channels.count == SLOPES.size
        for given_ in (seen, rest):
            check_sane(channels.contributions(given_), given_.samples)


@every_fit
def test_one_class_costs_nothing_and_loses_nothing(name: str) -> None:
    predictions = Predictions.from_logits([0, 0, 0], np.zeros((3, 1)))
    found = FITS[name](predictions).contributions(predictions)
    np.testing.assert_allclose(found.rate_bits, 0, atol=1e-12)
    np.testing.assert_allclose(found.distortion, 0, atol=1e-12)


@every_fit
def test_a_constant_classifier_sends_nothing(name: str) -> None:
    logits = np.tile([1.0, 3.0, 0.0], (9, 1))
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 2, 1])
    predictions = Predictions.from_logits(labels, logits)
    rate, distortion = means(FITS[name](predictions).contributions(predictions))
    if name == "oracle":
        assert rate[0] == pytest.approx(entropy_bits(predictions.label_prior))
        return
    np.testing.assert_allclose(rate, 0, atol=1e-4)
    if name != "sampling":
        np.testing.assert_allclose(distortion[1:], 1 / 3, atol=1e-3)


# --- blocks and refusals ---------------------------------------------------------------------------------------


@every_fit
def test_blocks_change_nothing_and_samples_keep_their_places(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions, others = calibrated_predictions(60, 4), calibrated_predictions(50, 4, seed=3)
    channels = FITS[name](predictions)
    whole = channels.contributions(others)
    monkeypatch.setattr("ratefront.bounds.source.scores.BLOCK_ENTRIES", 12)
    small = channels.contributions(others)
    reversed_order = np.arange(50)[::-1]
    back = channels.contributions(subset(others, reversed_order))
    for one, two in ((whole, small), (subset_of(whole, reversed_order), back)):
        np.testing.assert_allclose(one.rate_bits, two.rate_bits, atol=1e-12)
        np.testing.assert_allclose(one.distortion, two.distortion, atol=1e-12)


def subset_of(found: SampleContributions, rows: np.ndarray) -> SampleContributions:
    return SampleContributions(
        found.rate_bits[rows], found.distortion[rows], found.zero_rate_distortion[rows]
    )


def test_memory_stays_bounded() -> None:
    predictions = calibrated_predictions(4000, 400)
    scores = predictions.log_probabilities
    single = replace(predictions, log_probabilities=scores.astype(np.float32))
    tracemalloc.start()
    try:
        fit_sampling(single, [0.5, 2.0]).contributions(single)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < scores.nbytes


@every_fit
def test_another_number_of_classes_is_refused(name: str) -> None:
    channels = FITS[name](calibrated_predictions(20, 3))
    with pytest.raises(InputError, match="fitted for 3 classes cannot code predictions of 4"):
        channels.contributions(calibrated_predictions(20, 4))


def test_channels_that_need_posteriors_refuse_decisions() -> None:
    decisions = Predictions.from_decisions([0, 1], [0, 1])
    for fit in (fit_sampling, fit_task_model):
        with pytest.raises(InputError, match="logits or probabilities"):
            fit(decisions, [1.0])
        with pytest.raises(InputError, match="logits or probabilities"):
            fit(calibrated_predictions(20, 2), [1.0]).contributions(decisions)


@pytest.mark.parametrize("bad", [[], [-1.0], [np.nan], 3.0])
def test_bad_slopes_are_refused(bad: object) -> None:
    predictions = calibrated_predictions(20, 3)
    for fit in (fit_oracle, fit_indirect, fit_sampling, fit_time_sharing):
        with pytest.raises(InputError, match="must have shape"):
            fit(predictions, bad)
    with pytest.raises(InputError, match="shares must lie in"):
        fit_time_sharing(predictions, [1.5])
