"""Warnings about wrong posteriors: present where they are due, rare where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from tests.bounds.calibrated_samples import calibrated_logits, calibrated_predictions

from ratefront.bounds import (
    SAMPLE_AND_COMMUNICATE,
    TASK_MODEL,
    TASK_MODEL_CALIBRATED,
    Predictions,
    RateDistortionCurve,
    bounds_of,
    curves_from_predictions,
    temperature_of,
)
from ratefront.bounds.curve_warnings import curves_with_warnings
from ratefront.bounds.statistics import order_violation as order_violation_module
from ratefront.bounds.statistics.calibration import cross_calibrated
from ratefront.bounds.statistics.held_out import split_in_folds, subset
from ratefront.bounds.statistics.order_violation import OrderViolation, order_violation
from ratefront.bounds.statistics.reliability import reliability

pytestmark = pytest.mark.medium

PAIR = [TASK_MODEL, SAMPLE_AND_COMMUNICATE]


def biased(samples: int, seed: int = 0) -> Predictions:
    """A model with a bias for some classes: no temperature makes its posteriors right, S&C errs less than TMRD."""
    labels, logits = calibrated_logits(samples, 5, seed)
    return Predictions.from_logits(labels, logits + np.array([3.0, 0.0, 1.5, 0.0, -1.5]))


def hulls(predictions: Predictions, points: int = 20) -> tuple[RateDistortionCurve, RateDistortionCurve]:
    curves = curves_from_predictions(predictions, PAIR, points)
    silent = 1.0 - float(predictions.label_prior.max())
    return curves[TASK_MODEL].envelope(silent), curves[SAMPLE_AND_COMMUNICATE].envelope(silent)


def found_in(predictions: Predictions) -> OrderViolation | None:
    curves = curves_from_predictions(predictions, PAIR, points=20)
    return order_violation(predictions, curves[TASK_MODEL], curves[SAMPLE_AND_COMMUNICATE])


def greatest_lead(task_model: RateDistortionCurve, sampled: RateDistortionCurve) -> float:
    """How much lower S&C's distortion is at the same rate, at most."""
    rates = np.linspace(0.0, float(task_model.rate_bits.max()), 300)
    return max(
        float(task_model.distortion_at(r) or 0.0) - float(sampled.distortion_at(r) or 0.0) for r in rates
    )


@pytest.mark.parametrize(("samples", "classes", "scale", "seeds"), [(200, 2, 1.0, 15), (100, 10, 3.0, 6)])
def test_chance_gives_no_warning(samples: int, classes: int, scale: float, seeds: int) -> None:
    """S&C of a calibrated model is often drawn below TMRD where samples are few; that alone is no warning."""
    looks_so, warned = 0, 0
    for seed in range(seeds):
        predictions = calibrated_predictions(samples, classes, seed, scale)
        looks_so += greatest_lead(*hulls(predictions)) > 0.002
        warned += found_in(predictions) is not None
    assert looks_so >= seeds // 5
    assert warned == 0


def test_the_margin_holds_for_the_population() -> None:
    """The lower limit from few samples lies below the lead that a great many show."""
    lead = greatest_lead(*hulls(biased(40_000, seed=99)))
    limits = [found_in(biased(600, seed)) for seed in range(10)]
    margins = [found.distortion_margin for found in limits if found is not None]
    assert len(margins) >= 8
    assert 0.0 < min(margins) <= max(margins) <= lead


def test_the_warning_says_where_and_by_how_much() -> None:
    predictions = biased(2000)
    task_model, sampled = hulls(predictions, points=60)
    curves = curves_with_warnings(predictions, PAIR)
    (warning,) = [sentence for sentence in curves.warnings if "S&C lies below TMRD" in sentence]
    violation = order_violation(predictions, *(curves.curves[name] for name in PAIR))
    assert violation is not None
    assert violation.sampled_bits == sampled.rate_at(1.0 - violation.accuracy)
    assert violation.task_model_bits == task_model.rate_at(1.0 - violation.accuracy)
    assert violation.task_model_bits is not None
    assert violation.task_model_bits > violation.sampled_bits + 0.01
    for number in (
        f"{violation.accuracy:.2%}",
        f"{violation.sampled_bits:.3f}",
        f"{violation.task_model_bits:.3f}",
        "99%",
    ):
        assert number in warning


def test_a_part_of_many_scores_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found_in(biased(4000))
    monkeypatch.setattr(order_violation_module, "MOST_SCORES", 3000)
    part = found_in(biased(4000))
    assert whole is not None
    assert part is not None
    assert 0.0 < part.distortion_margin < whole.distortion_margin


@pytest.mark.parametrize(
    "predictions",
    [
        Predictions.from_logits([0], [[2.0, 0.0]]),
        biased(4),
        Predictions.from_logits([1] * 40, [[2.0, 0.0]] * 40),
        Predictions.from_logits([0, 0], [[1.0], [2.0]]),
        Predictions.from_logits([0, 1, 2], np.zeros((3, 3))),
        Predictions.from_probabilities([1, 0, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_no_warning_where_no_test_is_possible(predictions: Predictions) -> None:
    assert found_in(predictions) is None


def test_calibrated_tmrd_is_added_to_default_curves_with_a_warning() -> None:
    wrong, right = biased(1500), calibrated_predictions(1500, 5)
    drawn = curves_with_warnings(wrong, points=10)
    assert TASK_MODEL_CALIBRATED in drawn.curves
    assert "is drawn beside it" in drawn.warnings[-1]
    assert TASK_MODEL_CALIBRATED not in curves_with_warnings(right, points=10).curves
    selected = curves_with_warnings(wrong, PAIR, points=10)
    assert list(selected.curves) == PAIR
    assert "is the curve task_model_calibrated" in selected.warnings[-1]
    assert "huffman" in curves_with_warnings(right, points=10, besides=["huffman"]).curves


def test_calibrated_tmrd_of_a_sharpened_model_is_the_true_one() -> None:
    labels, logits = calibrated_logits(3000, 5)
    sharp = Predictions.from_logits(labels, 8.0 * logits)
    curve = curves_from_predictions(sharp, [TASK_MODEL_CALIBRATED], 20)[TASK_MODEL_CALIBRATED]
    true, raw = (
        curves_from_predictions(Predictions.from_logits(labels, f), [TASK_MODEL], 20)[TASK_MODEL]
        for f in (logits, 8.0 * logits)
    )
    at = np.linspace(true.least_distortion + 0.01, 0.7, 20)
    apart = [abs(float(curve.rate_at(d) or 0.0) - float(true.rate_at(d) or 0.0)) for d in at]
    assert max(apart) < 0.02
    assert max(float(raw.rate_at(d) or 0.0) - float(curve.rate_at(d) or 0.0) for d in at) > 0.1


def test_cross_calibration_uses_no_samples_own_label() -> None:
    predictions = biased(50)
    labels = predictions.labels.copy()
    part, rest = split_in_folds(50)[0]
    labels[part] = (labels[part] + 1) % 5
    changed = cross_calibrated(replace(predictions, labels=labels)).log_probabilities
    before = cross_calibrated(predictions).log_probabilities
    assert changed is not None
    assert before is not None
    assert predictions.log_probabilities is not None
    np.testing.assert_array_equal(changed[part], before[part])
    assert not np.array_equal(changed[rest], before[rest])
    scores = predictions.log_probabilities[part]
    centred = scores - scores.max(axis=1, keepdims=True)
    np.testing.assert_allclose(before[part], centred / temperature_of(subset(predictions, rest)))


@pytest.mark.parametrize("samples", [15, 100, 1000])
def test_chance_alone_hardly_ever_exceeds_its_limit(samples: int) -> None:
    found = [reliability(calibrated_predictions(samples, 5, seed)) for seed in range(300)]
    assert all(one.error <= one.error_by_chance for one in found)
    assert np.mean([one.error / one.error_by_chance for one in found]) > 0.4


@pytest.mark.parametrize(
    ("factor", "cause"), [(8.0, "overfitting"), (0.1, "probabilities in place of logits")]
)
def test_a_large_calibration_error_gives_a_warning_with_its_cause(factor: float, cause: str) -> None:
    labels, logits = calibrated_logits(1000, 5)
    predictions = Predictions.from_logits(labels, factor * logits)
    (warning,) = curves_with_warnings(predictions, [TASK_MODEL], 5).warnings
    found = reliability(predictions)
    assert found.error > 0.1
    assert (found.confidence < found.accuracy) == (factor < 1)
    for part in (
        f"{found.error:.3f}",
        f"{found.confidence:.1%}",
        f"{found.accuracy:.1%}",
        cause,
        "`calibrate` of `ratefront bounds` tempers",
    ):
        assert part in warning
    assert curves_with_warnings(predictions, ["oracle"]).warnings == ()


def test_a_small_or_chance_calibration_error_gives_no_warning() -> None:
    labels, logits = calibrated_logits(3000, 5)
    mild = Predictions.from_logits(labels, 1.3 * logits)
    assert 0.03 < reliability(mild).error < 0.1
    few = [calibrated_predictions(25, 5, seed) for seed in range(20)]
    assert max(reliability(one).error for one in few) > 0.15
    for predictions in (mild, *few):
        assert curves_with_warnings(predictions, [TASK_MODEL], 4).warnings == ()


def test_probabilities_taken_for_logits_give_a_warning() -> None:
    labels, logits = calibrated_logits(1000, 10, scale=4.0)
    insisted = Predictions.from_logits(labels, softmax(logits, axis=1), insist=True)
    (warning,) = bounds_of(insisted, PAIR, points=5).warnings
    assert "probabilities in place of logits" in warning


def test_warning_after_tempering_only_if_the_error_remains() -> None:
    labels, logits = calibrated_logits(1500, 5)
    sharp = Predictions.from_logits(labels, 8.0 * logits)
    assert len(bounds_of(sharp, [TASK_MODEL], points=5).warnings) == 1
    assert bounds_of(sharp, [TASK_MODEL], points=5, calibrate=True).warnings == ()
    left = bounds_of(biased(1500), PAIR, points=20, calibrate=True).warnings
    assert "One temperature does not correct it" in left[-1]


@pytest.mark.parametrize(("scale", "is_known"), [(1.0, True), (1e-9, True), (1e-12, False), (0.0, True)])
def test_an_uncertain_task_model_curve_is_said(scale: float, is_known: bool) -> None:
    """Logits that differ by rounding alone leave the decision bits above TMRD; right in 28 % of 5 classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 2000)
    logits = rng.normal(size=(2000, 5)) + 0.3 * np.eye(5)[labels]
    bounds = bounds_of(Predictions.from_logits(labels, scale * logits), PAIR, points=10)
    gap = float(np.max(bounds[TASK_MODEL].gap_bits))
    assert (gap < 1e-3) == is_known
    assert any("is not known at an accuracy" in sentence for sentence in bounds.warnings) == (not is_known)
    if not is_known:
        assert gap > 2.3
        assert any(f"may lie {gap:.3f} bit above it" in sentence for sentence in bounds.warnings)
        assert any("badly calibrated" in sentence for sentence in bounds.warnings)
        assert bounds.expected_calibration_error is not None
        assert bounds.expected_calibration_error < 0.1
