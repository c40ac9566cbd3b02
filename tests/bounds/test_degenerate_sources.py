"""Extreme inputs: a correct answer or a clear refusal, never NaN, never a stray warning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bounds.random_posteriors import greatest_difference, log_of, posteriors

from ratefront.bounds import (
    Bootstrap,
    Bounds,
    Predictions,
    RateDistortionCurve,
    bounds_of,
    cost_oracle,
    curves_from_predictions,
    entropy_bits,
    estimate_and_compress,
    indirect_estimate_and_compress,
    oracle_curve,
    oracle_rate_bits,
    prior_from_counts,
    sample_and_communicate,
    task_model_curve,
    time_sharing,
)
from ratefront.bounds.curves.indirect_estimate_and_compress import indirect_from_posteriors
from ratefront.bounds.statistics.channel_fits import fit_estimate_and_compress
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

LABELS = np.array([0, 0, 0, 1, 1, 2])
CROSS_FITTED = "indirect_estimate_and_compress_cross_fitted"
EVERYTHING = {"points": 12, "bootstrap": Bootstrap(resamples=5), "calibrate": True}


def one_hot(decisions: list[int], classes: int) -> Predictions:
    return Predictions.from_probabilities(LABELS, np.eye(classes)[decisions])


CASES = {
    "one class": Predictions.from_logits([0, 0, 0], np.zeros((3, 1))),
    "one class, one sample": Predictions.from_logits([0], [[7.0]]),
    "one sample, right": Predictions.from_logits([1], [[0.0, 2.0]]),
    "one sample, wrong": Predictions.from_logits([0], [[0.0, 2.0]]),
    "one certain sample": Predictions.from_probabilities([1], [[0.0, 1.0, 0.0]]),
    "two samples": Predictions.from_logits([1, 0], [[0.0, 2.0], [1.0, 0.0]]),
    "a class that never occurs": one_hot([0, 0, 1, 1, 1, 2], 4),
    "a class that is never predicted": one_hot([0, 0, 1, 1, 1, 0], 3),
    "perfect": one_hot([0, 0, 0, 1, 1, 2], 3),
    "perfect, unevenly": Predictions.from_decisions([0, 0, 1, 1, 1, 2, 2], [0, 0, 1, 1, 1, 2, 2]),
    "perfect and unsure": Predictions.from_logits(LABELS, 2 * np.eye(3)[LABELS]),
    "constant majority": one_hot([0] * 6, 3),
    "constant minority": one_hot([2] * 6, 3),
    "constant class that never occurs": one_hot([3] * 6, 4),
    "always wrong": one_hot([1, 1, 1, 2, 2, 0], 3),
    "all scores equal": Predictions.from_logits(LABELS, np.zeros((6, 3))),
    "scores tied in pairs": Predictions.from_probabilities([0, 3], [[0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.4, 0.4]]),
    "huge logits": Predictions.from_logits(LABELS, 1e30 * np.eye(3)[LABELS]),
    "tiny differences": Predictions.from_logits(LABELS, 1e-13 * np.eye(3)[LABELS]),
    "zeros and ones": Predictions.from_probabilities(LABELS, [[1, 0, 0], [0.5, 0.5, 0]] * 3),
    "half precision": Predictions.from_logits(LABELS, np.float16([[60000, 0, -60000], [1, 2, 3]] * 3)),
    "small unsigned labels": Predictions.from_logits(LABELS.astype(np.uint8), 2.0 * np.eye(300)[LABELS]),
    "every other row, reversed": Predictions.from_logits(
        np.repeat(LABELS, 2)[::-2], np.asfortranarray(np.repeat(2 * np.eye(3)[LABELS], 2, axis=0))[::-2]
    ),
    "tied prior": Predictions.from_decisions([0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 0]),
    "a rare class": Predictions.from_decisions([0] * 999 + [1], [0] * 1000),
}  # fmt: skip


def assert_writable(bounds: Bounds) -> None:
    """JSON has no NaN and no infinity: to write them is an error."""
    assert bounds.to_json()["curves"].keys() == bounds.keys()


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_finite_and_every_plug_in_curve_reaches_zero_rate(case: str) -> None:
    bounds = bounds_of(CASES[case])
    assert_writable(bounds)
    zero = bounds.zero_rate_distortion
    for name, curve in bounds.items():
        assert curve.envelope(zero).rate_at(zero) == pytest.approx(0, abs=1e-12)
        if name != CROSS_FITTED:  # its channels met no sample that they are measured on
            assert curve.rate_bits.min() == 0.0


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_finite_with_intervals_and_calibration(case: str) -> None:
    predictions = CASES[case]
    wanted = dict(EVERYTHING)
    if predictions.samples < 2:
        wanted["bootstrap"] = None
    if predictions.log_probabilities is None or not np.any(
        predictions.log_probabilities[np.arange(predictions.samples), predictions.labels] > -np.inf
    ):
        wanted["calibrate"] = False
    assert_writable(bounds_of(predictions, **wanted))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=20)
@given(posteriors(classes=5, samples=12), st.integers(0, 10**6))
def test_every_number_is_finite_for_any_small_model(posterior: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, posterior.shape[1], len(posterior))
    predictions = Predictions.from_probabilities(labels, posterior)
    bootstrap = Bootstrap(resamples=5) if predictions.samples > 1 else None
    bounds = bounds_of(predictions, points=8, bootstrap=bootstrap)
    assert_writable(bounds)
    for curve in bounds.values():
        oracle = oracle_rate_bits(predictions.label_prior, curve.distortion)
        assert np.all(oracle <= curve.rate_bits + 1e-9), curve.name


def test_one_class_costs_nothing_and_is_never_wrong() -> None:
    bounds = bounds_of(CASES["one class"])
    assert bounds.label_entropy_bits == bounds.zero_rate_distortion == 0.0
    for name in ("oracle", "indirect_estimate_and_compress", "task_model", "estimate_and_compress"):
        assert bounds[name].distortion.tolist() == [0.0]


@pytest.mark.parametrize("case", ["perfect", "perfect, unevenly", "huge logits"])
def test_behind_a_perfect_model_every_plug_in_curve_is_the_oracle(case: str) -> None:
    curves = bounds_of(CASES[case])
    for distortion in np.linspace(0, 0.5, 40):
        oracle = curves["oracle"].rate_at(distortion)
        for name in ("estimate_and_compress", "indirect_estimate_and_compress", "task_model"):
            if name in curves:
                assert curves[name].rate_at(distortion) == pytest.approx(oracle, abs=2e-3)


@pytest.mark.parametrize(
    ("case", "zero_rate"),
    [
        ("constant majority", 0.5),
        ("constant minority", 5 / 6),
        ("constant class that never occurs", 1.0),
    ],
)
def test_a_constant_model_offers_the_zero_rate_point_alone(case: str, zero_rate: float) -> None:
    curves = bounds_of(CASES[case])
    for name in ("estimate_and_compress", "task_model", "indirect_estimate_and_compress_posterior"):
        assert curves[name].distortion.tolist() == pytest.approx([zero_rate])
        assert curves[name].rate_bits.tolist() == [0.0]
    assert curves["indirect_estimate_and_compress"].distortion.tolist() == pytest.approx([0.5])
    assert curves["time_sharing"].rate_at(0.5) == 0.0


def test_iec_uses_the_information_of_a_model_that_is_always_wrong() -> None:
    curves = bounds_of(CASES["always wrong"])
    for name in ("estimate_and_compress", "task_model", "sample_and_communicate"):
        assert curves[name].envelope(0.5).distortion.tolist() == pytest.approx([0.5])
    assert curves["indirect_estimate_and_compress"].least_distortion == pytest.approx(0.0)
    assert curves["indirect_estimate_and_compress"].rate_bits[0] == pytest.approx(1.459148, abs=1e-5)


def test_a_class_that_never_occurs_costs_nothing() -> None:
    labels, decisions = [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]
    two_classes = curves_from_predictions(Predictions.from_decisions(labels, decisions, 2))
    five_classes = curves_from_predictions(Predictions.from_decisions(labels, decisions, 5))
    for name in ("oracle", "estimate_and_compress", "indirect_estimate_and_compress", "time_sharing"):
        np.testing.assert_allclose(two_classes[name].rate_bits, five_classes[name].rate_bits, atol=1e-6)


def test_exact_zeros_are_the_limit_of_small_probabilities() -> None:
    zeros = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.3, 0.7], [0.0, 0.0, 1.0]])
    small = zeros + 1e-12
    one = task_model_curve(log_of(zeros), [0, 1, 2, 2]).expected()
    other = task_model_curve(np.log(small), [0, 1, 2, 2]).expected()
    assert greatest_difference(one, other, np.linspace(0, 1, 101))[0] < 1e-3


def test_only_the_uniform_draw_leaves_the_zeros_of_a_posterior() -> None:
    """Without zeros the curve comes down to (1 - 1/K, 0 bit); with zeros it jumps there at the last."""
    posterior = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    labels = np.array([0, 1, 2])
    smooth = sample_and_communicate(np.log(posterior), labels)
    assert (smooth.distortion[-1], smooth.rate_bits[-1]) == (pytest.approx(2 / 3), 0.0)
    assert smooth.rate_bits[-2] < 0.02
    zeros = np.array([[0.7, 0.3, 0.0], [0.0, 0.8, 0.2], [0.4, 0.0, 0.6]])
    jumping = sample_and_communicate(log_of(zeros), labels)
    assert (jumping.distortion[-1], jumping.rate_bits[-1]) == (pytest.approx(2 / 3), 0.0)
    # at the smallest inverse temperature each sample draws evenly from its two possible classes
    assert jumping.rate_bits[-2] == pytest.approx(np.log2(3) - 1, abs=0.02)
    assert jumping.distortion[-2] == pytest.approx(0.5, abs=0.02)


MASK = np.random.default_rng(2).normal(size=(60, 4)) * 3
MASKED_LABELS = MASK.argmax(axis=1)


@pytest.mark.parametrize(
    "mask",
    [
        -1e2,
        -1e9,
        float(np.finfo(np.float32).min),
    ],
)
def test_a_masked_class_is_an_impossible_class(mask: float) -> None:
    """A very negative logit in place of -inf, as models mask classes, changes no curve that is drawn."""
    masked = np.column_stack([MASK, np.full(60, mask)])
    impossible = np.column_stack([MASK, np.full(60, -np.inf)])
    for bound in (task_model_curve, sample_and_communicate):
        one, other = bound(masked, MASKED_LABELS), bound(impossible, MASKED_LABELS)
        lowest_jump = 0.74  # beyond, S&C draws the class from which it is barred, at the uniform draw's end
        assert greatest_difference(one, other, np.linspace(0, lowest_jump, 200))[0] < 0.01


def test_one_sample_with_a_huge_score_does_not_coarsen_the_others() -> None:
    scores = np.vstack([MASK, [[1e6, 0.0, 0.0, 0.0]]])
    labels = np.append(MASKED_LABELS, 0)
    calm = np.vstack([MASK, [[1e3, 0.0, 0.0, 0.0]]])
    one, other = sample_and_communicate(scores, labels), sample_and_communicate(calm, labels)
    assert greatest_difference(one, other, np.linspace(0, 0.74, 200))[0] < 0.01


@pytest.mark.parametrize("bound", [task_model_curve, sample_and_communicate])
def test_scores_at_both_ends_of_double_precision_work(bound: Callable[..., RateDistortionCurve]) -> None:
    curve = bound([[1e308, -1e308], [-1e308, 1e308]], [0, 1])
    assert (curve.distortion[0], curve.rate_bits[0]) == (pytest.approx(0.0), pytest.approx(1.0))


NOT_NUMBERS: dict[str, Callable[[], object]] = {
    "ragged scores": lambda: task_model_curve([[1.0, 2.0], [1.0]], [0, 1]),
    "ragged scores to sample": lambda: sample_and_communicate([[1.0, 2.0], [1.0]], [0, 1]),
    "ragged logits": lambda: Predictions.from_logits([0, 1], [[1.0, 2.0], [1.0]]),
    "ragged labels": lambda: Predictions.from_decisions([[0, 1], [0]], [0, 1]),
    "ragged joint": lambda: indirect_estimate_and_compress([[1.0, 2.0], [1.0]]),
    "words in a joint": lambda: estimate_and_compress([["a"]]),
    "a complex joint": lambda: estimate_and_compress(0.5j * np.eye(2)),
    "words in a prior": lambda: oracle_curve(["a"]),
    "words in counts": lambda: prior_from_counts(["many"]),
    "a word for a distortion": lambda: oracle_rate_bits([0.5, 0.5], "much"),
    "a ragged cost": lambda: cost_oracle([0.5, 0.5], [[1.0, 2.0], [1.0]]),
    "words in a curve": lambda: RateDistortionCurve("drawn", np.array(["a"]), np.array([0.1])),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", NOT_NUMBERS)
def test_bad_arrays_raise_input_errors(case: str) -> None:
    with pytest.raises(InputError):
        NOT_NUMBERS[case]()


BAD_SETTINGS: dict[str, Callable[[], object]] = {
    "no point of TMRD": lambda: task_model_curve([[0.0, 1.0], [1.0, 0.0]], [0, 1], 0),
    "half a point of TMRD": lambda: task_model_curve([[0.0, 1.0], [1.0, 0.0]], [0, 1], 2.5),  # type: ignore[arg-type]
    "no point of iE&C": lambda: indirect_estimate_and_compress(0.5 * np.eye(2), 0),
    "no point of E&C": lambda: estimate_and_compress(0.5 * np.eye(2), 0),
    "no point of an oracle": lambda: oracle_curve([0.5, 0.5], 0),
    "no number for a tolerance": lambda: task_model_curve([[0.0, 1.0], [2.0, 0.0]], [0, 1], 9, float("nan")),
    "nothing tolerated": lambda: task_model_curve(MASK, MASKED_LABELS, 9, 0.0),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_meaningless_settings_are_refused(case: str) -> None:
    with pytest.raises(InputError):
        BAD_SETTINGS[case]()


def test_time_sharing_without_points_is_refused() -> None:
    with pytest.raises(InputError):
        time_sharing(0.5 * np.eye(2), 0)


def test_a_prior_with_one_certain_class_works() -> None:
    curve = oracle_curve([0.0, 1.0, 0.0])
    assert (curve.distortion.tolist(), curve.rate_bits.tolist()) == ([0.0], [0.0])
    assert entropy_bits([0.0, 1.0, 0.0]) == 0.0


def test_many_classes_take_no_dense_square() -> None:
    """10⁵ classes, of which 40 occur: classes × classes numbers would take 75 GiB."""
    classes, rng = 100_000, np.random.default_rng(0)
    labels = rng.integers(0, classes, 40)
    logits = rng.normal(size=(40, classes)).astype(np.float32)
    logits[np.arange(40), labels] += 12.0
    predictions = Predictions.from_logits(labels, logits)
    curve = indirect_from_posteriors(predictions, points=3)
    assert curve.least_distortion == np.mean(predictions.predicted != labels)
    fitted = fit_estimate_and_compress(predictions, [np.inf])
    assert fitted.contributions(predictions).rate_bits.mean() == pytest.approx(np.log2(40), abs=0.2)
