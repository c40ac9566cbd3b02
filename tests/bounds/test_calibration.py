"""Temperature scaling finds a known factor; the calibration error agrees with its definition."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from tests.bounds.calibrated_samples import calibrated_logits, calibrated_predictions

from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.calibration import calibrated, temperature_of
from ratefront.bounds.statistics.reliability import expected_calibration_error
from ratefront.errors import InputError


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0, 50.0])
def test_the_factor_on_calibrated_logits_is_found(factor: float) -> None:
    labels, logits = calibrated_logits(20_000, 5)
    assert temperature_of(Predictions.from_logits(labels, factor * logits)) == pytest.approx(factor, rel=0.03)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_scaling_the_logits_scales_the_temperature_and_leaves_the_result(seed: int, factor: float) -> None:
    labels, logits = calibrated_logits(200, 4, seed)
    logits = 3 * logits
    one, first = calibrated(Predictions.from_logits(labels, logits))
    two, second = calibrated(Predictions.from_logits(labels, factor * logits))
    assert second.temperature == pytest.approx(factor * first.temperature, rel=1e-4)
    assert second.log_loss_bits_after == pytest.approx(first.log_loss_bits_after, abs=1e-8)
    np.testing.assert_allclose(one.log_probabilities, two.log_probabilities, rtol=1e-3)


def test_the_temperature_is_the_minimum_and_only_the_scores_change() -> None:
    labels, logits = calibrated_logits(500, 4)
    predictions = Predictions.from_logits(labels, 3 * logits)
    mended, calibration = calibrated(predictions)

    def loss_bits(temperature: float) -> float:
        label_scores = log_softmax(3 * logits / temperature, axis=1)[np.arange(500), labels]
        return float(-label_scores.mean() / np.log(2))

    best = calibration.temperature
    assert calibration.log_loss_bits_before == pytest.approx(loss_bits(1.0), abs=1e-12)
    assert calibration.log_loss_bits_after == pytest.approx(loss_bits(best), abs=1e-12)
    assert loss_bits(best) < min(loss_bits(best * 1.01), loss_bits(best / 1.01))
    np.testing.assert_array_equal(mended.predicted, predictions.predicted)
    np.testing.assert_array_equal(mended.labels, predictions.labels)
    assert calibration.excluded == 0


def test_an_overconfident_model_is_calibrated() -> None:
    labels, logits = calibrated_logits(20_000, 5)
    _, calibration = calibrated(Predictions.from_logits(labels, 4 * logits))
    assert calibration.expected_calibration_error_before > 0.1
    assert calibration.expected_calibration_error_after < 0.015
    assert calibration.log_loss_bits_after < calibration.log_loss_bits_before - 0.5


def test_the_error_of_a_calibrated_model_tends_to_zero() -> None:
    few, many = (expected_calibration_error(calibrated_predictions(n, 5, seed=2)) for n in (300, 60_000))
    assert many < 0.006 < few


def test_the_error_is_its_definition() -> None:
    # 15 bins: confidences 0.6 and 0.62 share the bin (0.6, 0.667] but for 0.6 itself, which is in (0.533, 0.6]
    p = np.array([[0.6, 0.4], [0.62, 0.38], [0.64, 0.36], [0.0, 1.0]])
    predictions = Predictions.from_probabilities([0, 1, 0, 1], p)
    by_hand = (abs(1 - 0.6) + abs((0 - 0.62) + (1 - 0.64)) + abs(1 - 1.0)) / 4
    assert expected_calibration_error(predictions) == pytest.approx(by_hand)
    assert expected_calibration_error(predictions, bins=1) == pytest.approx(abs(3 - 2.86) / 4)


def test_labels_of_posterior_zero_are_left_out_and_counted() -> None:
    p = np.array([[0.7, 0.3], [0.9, 0.1], [0.8, 0.2], [1.0, 0.0], [0.0, 1.0]])
    predictions = Predictions.from_probabilities([0, 1, 0, 1, 1], p)
    mended, calibration = calibrated(predictions)
    assert calibration.excluded == 1
    assert np.isfinite([calibration.temperature, calibration.log_loss_bits_before]).all()
    np.testing.assert_array_equal(np.isneginf(mended.log_probabilities), p == 0)
    without = replace(
        predictions,
        labels=np.delete(predictions.labels, 3),
        predicted=np.delete(predictions.predicted, 3),
        log_probabilities=np.delete(predictions.log_probabilities, 3, axis=0),
    )
    assert temperature_of(without) == calibration.temperature


def test_impossible_fits_raise() -> None:
    with pytest.raises(InputError, match="posterior of every label is exactly zero"):
        temperature_of(Predictions.from_probabilities([1, 0], [[1.0, 0.0], [0.0, 1.0]]))
    decisions = Predictions.from_decisions([0, 1], [0, 1])
    for function in (temperature_of, calibrated, expected_calibration_error):
        with pytest.raises(InputError, match="logits or probabilities"):
            function(decisions)
    with pytest.raises(InputError, match="at least 1 bin"):
        expected_calibration_error(calibrated_predictions(10, 2), bins=0)


@pytest.mark.parametrize("logits", [np.zeros((4, 1)), np.full((4, 3), 7.0)])
def test_temperature_is_one_where_it_does_not_matter(logits: np.ndarray) -> None:
    mended, calibration = calibrated(Predictions.from_logits([0, 0, 0, 0], logits))
    assert calibration.temperature == 1.0
    assert calibration.log_loss_bits_after == pytest.approx(np.log2(logits.shape[1]))
    assert np.ptp(mended.log_probabilities) == 0


def test_all_correct_lowers_and_all_wrong_raises_the_temperature() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    right = calibrated(Predictions.from_logits([0, 1, 0], logits))[1]
    wrong = calibrated(Predictions.from_logits([1, 0, 1], logits))[1]
    assert right.temperature < 0.1
    assert right.log_loss_bits_after == pytest.approx(0, abs=1e-9)
    assert wrong.temperature > 900
    assert wrong.log_loss_bits_after == pytest.approx(1, abs=1e-2)


def test_one_sample_and_huge_single_precision_logits_work() -> None:
    logits = np.array([[3e38, -3e38, 0.0]], dtype=np.float32)
    mended, calibration = calibrated(Predictions.from_logits([0], logits))
    assert mended.log_probabilities.dtype == np.float32
    assert mended.log_probabilities[0, 0] == 0
    assert calibration.log_loss_bits_after == 0


def test_calibration_makes_one_copy_of_the_scores() -> None:
    labels, logits = calibrated_logits(20_000, 200)
    predictions = Predictions.from_logits(labels, logits.astype(np.float32))
    tracemalloc.start()
    try:
        temperature_of(predictions)
        expected_calibration_error(predictions)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < predictions.log_probabilities.nbytes
