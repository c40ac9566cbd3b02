"""The order of the curves and their shapes, on made-up task models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.bounds.random_posteriors import (
    CHORD_BITS,
    EXACT_BITS,
    Truth,
    assert_not_above,
    assert_order,
    greatest_difference,
    joint_of,
    joints,
    labelled_in_proportion,
    log_of,
    posteriors,
)

from ratefront.bounds import (
    Predictions,
    RateDistortionCurve,
    below_oracle,
    curves_from_predictions,
    entropy_bits,
    estimate_and_compress,
    huffman_code,
    indirect_estimate_and_compress,
    oracle_curve,
    oracle_rate_bits,
    prior_from_labels,
    sample_and_communicate,
    task_model_curve,
    time_sharing,
)

pytestmark = pytest.mark.medium

slow = settings(deadline=None, max_examples=12)
quick = settings(deadline=None, max_examples=30)

TIED = np.array([[0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.4, 0.4]])
"""Behind ties a channel draws among several answers, which these labels (the first of them) call errors."""


@slow
@given(posteriors())
@example(TIED)
def test_the_order_holds_if_posteriors_are_the_truth(posterior: np.ndarray) -> None:
    assert_order(Truth(posterior))


@slow
@given(posteriors(classes=5, samples=10), st.integers(0, 100))
def test_the_order_holds_on_labels_drawn_from_the_posteriors(posterior: np.ndarray, seed: int) -> None:
    labels, repeated = labelled_in_proportion(posterior, 12, seed)
    predictions = Predictions.from_probabilities(labels, repeated)
    task_model = task_model_curve(log_of(repeated), labels)
    indirect = indirect_estimate_and_compress(predictions.joint)
    zero_rate = float(1.0 - predictions.label_prior.max())
    assert np.all(
        oracle_rate_bits(predictions.label_prior, task_model.distortion) <= task_model.rate_bits + EXACT_BITS
    )
    assert_not_above(task_model, indirect)
    assert_not_above(indirect, estimate_and_compress(predictions.joint).envelope(zero_rate))
    assert_not_above(task_model, sample_and_communicate(log_of(repeated), labels).envelope(zero_rate))


@slow
@given(posteriors(classes=6, samples=30), st.integers(0, 10**6))
def test_no_curve_on_labels_lies_below_their_oracle_for_any_model(posterior: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, posterior.shape[1], len(posterior))
    predictions = Predictions.from_probabilities(labels, posterior)
    names = ("task_model", "estimate_and_compress", "indirect_estimate_and_compress", "time_sharing")
    sampled_too = (*names, "indirect_estimate_and_compress_posterior", "sample_and_communicate")
    for curve in curves_from_predictions(predictions, sampled_too, points=20).values():
        oracle = oracle_rate_bits(predictions.label_prior, curve.distortion)
        assert np.all(oracle <= curve.rate_bits + EXACT_BITS), curve.name
        assert curve.rate_bits.max() <= entropy_bits(
            np.full(predictions.classes, 1 / predictions.classes)
        ) + (EXACT_BITS)


def assert_rate_distortion_function(curve: RateDistortionCurve, zero_rate: float) -> None:
    d, r = curve.distortion, curve.rate_bits
    gap = np.zeros(r.size) if curve.gap_bits is None else curve.gap_bits
    assert curve.monotone
    assert curve.convex
    assert (d[-1], r[-1]) == (pytest.approx(zero_rate, abs=1e-12), 0.0)
    assert np.all(np.diff(d) > 0)
    assert np.all(r[1:] - gap[1:] <= r[:-1] + EXACT_BITS)
    share = (d[1:-1] - d[:-2]) / (d[2:] - d[:-2])
    chord = r[:-2] + share * (r[2:] - r[:-2])
    assert np.all(r[1:-1] - gap[1:-1] <= chord + EXACT_BITS)


@slow
@given(posteriors())
def test_rate_distortion_functions_fall_are_convex_and_end_at_d0(posterior: np.ndarray) -> None:
    truth = Truth(posterior)
    for curve in (oracle_curve(truth.prior), truth.indirect(), truth.task_model()):
        assert_rate_distortion_function(curve, truth.zero_rate_distortion)


@quick
@given(joints())
def test_curve_shapes_hold_behind_a_useless_task_model(joint: np.ndarray) -> None:
    zero_rate = max(0.0, float(1.0 - joint.sum(axis=1).max()))
    assert_rate_distortion_function(indirect_estimate_and_compress(joint, 20), zero_rate)


@slow
@given(posteriors(classes=6, samples=40), st.integers(0, 10**6))
def test_the_order_of_classes_changes_nothing(posterior: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = posterior.shape[1]
    labels = rng.integers(0, k, len(posterior))
    moved = rng.permutation(k)  # class moved[j] becomes class j
    decisions, place = posterior.argmax(axis=1), np.argsort(moved)
    zero_rate = float(1.0 - prior_from_labels(labels, k).max())

    def all_curves(p: np.ndarray, y: np.ndarray, decided: np.ndarray) -> list[RateDistortionCurve]:
        joint = Predictions.from_decisions(y, decided, k).joint
        return [
            oracle_curve(prior_from_labels(y, k)),
            task_model_curve(log_of(p), y).envelope(zero_rate),
            sample_and_communicate(log_of(p), y).envelope(zero_rate),
            indirect_estimate_and_compress(joint),
            estimate_and_compress(joint).envelope(zero_rate),
            time_sharing(joint).envelope(zero_rate),
        ]

    before = all_curves(posterior, labels, decisions)
    after = all_curves(posterior[:, moved], place[labels], place[decisions])
    for one, other in zip(before, after, strict=True):
        assert one.least_distortion == pytest.approx(other.least_distortion, abs=1e-6), one.name
        apart, where = greatest_difference(one, other, np.linspace(0.0, 1.0, 101))
        assert apart < CHORD_BITS, (one.name, where)


@quick
@given(
    st.integers(1, 8),
    st.lists(st.integers(0, 7), min_size=1, max_size=60),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_no_deterministic_code_lies_below_the_oracle_of_its_own_samples(
    classes: int, drawn: list[int], seed: int, sees_the_label: bool
) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array(drawn) % classes
    if sees_the_label:
        decoded = rng.integers(0, classes, classes)[labels]
    else:
        decoded = np.where(rng.random(labels.size) < 0.7, labels, rng.integers(0, classes, labels.size))
    counts = np.bincount(decoded, minlength=classes)
    errors = float(np.mean(decoded != labels))
    oracle = float(oracle_rate_bits(prior_from_labels(labels, classes), errors))
    ideal = entropy_bits(counts / counts.sum())
    coded = huffman_code(counts).length_bits(decoded) / labels.size
    assert oracle <= ideal + EXACT_BITS
    assert ideal <= coded + EXACT_BITS
    assert below_oracle(labels, decoded, ideal, classes) is None
    if oracle > 1e-6:
        assert below_oracle(labels, decoded, oracle - 1e-6, classes) == pytest.approx(1e-6, rel=1e-2)


@quick
@given(posteriors(classes=6, samples=30), st.integers(0, 10**6))
def test_no_operational_code_lies_below_the_oracle_of_its_own_samples(
    posterior: np.ndarray, seed: int
) -> None:
    k = posterior.shape[1]
    labels = np.random.default_rng(seed).integers(0, k, len(posterior))
    predictions = Predictions.from_decisions(labels, posterior.argmax(axis=1), k)
    codes = ("fixed_length", "huffman", "block_codes", "merged_classes")
    for curve in curves_from_predictions(predictions, codes).values():
        oracle = oracle_rate_bits(predictions.label_prior, curve.distortion)
        assert np.all(oracle <= curve.rate_bits + EXACT_BITS), curve.name


class TestResolution:
    """The curves drawn through few points are those through many: 0.005 bit or 0.5 %, at every distortion."""

    at = np.linspace(0.0, 1.0, 1001)

    @slow
    @given(joints())
    def test_indirect_curve_is_resolved(self, joint: np.ndarray) -> None:
        few, many = indirect_estimate_and_compress(joint), indirect_estimate_and_compress(joint, 400)
        assert greatest_difference(few, many, self.at)[0] <= CHORD_BITS

    @slow
    @given(posteriors())
    @example(np.random.default_rng(10).dirichlet(np.full(8, 0.5), 6))
    def test_expected_tmrd_is_resolved(self, posterior: np.ndarray) -> None:
        few, many = Truth(posterior).task_model(), Truth(posterior, 400).task_model()
        assert greatest_difference(few, many, self.at)[0] <= CHORD_BITS

    @slow
    @given(posteriors())
    @example(TIED)
    def test_closed_forms_are_resolved(self, posterior: np.ndarray) -> None:
        truth = Truth(posterior)
        joint, zero_rate = joint_of(posterior), truth.zero_rate_distortion
        few, many = oracle_curve(truth.prior), oracle_curve(truth.prior, 2000)
        assert greatest_difference(few, many, self.at)[0] <= CHORD_BITS
        few = estimate_and_compress(joint).envelope(zero_rate)
        many = estimate_and_compress(joint, 2000).envelope(zero_rate)
        assert greatest_difference(few, many, self.at)[0] <= CHORD_BITS

    @pytest.mark.parametrize("sharpened", [0.5, 1.0, 3.0])
    def test_tmrd_and_sc_on_labels_are_resolved(self, sharpened: float) -> None:
        scores, labels = drawn_labels(600, 8, seed=6, sharpened=sharpened)
        fine = task_model_curve(scores, labels, 400)
        assert greatest_difference(task_model_curve(scores, labels), fine, self.at)[0] <= CHORD_BITS
        fine = sample_and_communicate(scores, labels, 600)
        for points in (60, 200):
            drawn = sample_and_communicate(scores, labels, points)
            assert greatest_difference(drawn, fine, self.at)[0] <= CHORD_BITS

    def test_a_curve_that_turns_back_at_zero_rate_is_resolved(self) -> None:
        scores, labels = drawn_labels(50, 10, seed=18, sharpened=3.0)
        fine = task_model_curve(scores, labels, 400)
        assert greatest_difference(task_model_curve(scores, labels), fine, self.at)[0] <= CHORD_BITS


def drawn_labels(samples: int, classes: int, seed: int, sharpened: float) -> tuple[np.ndarray, np.ndarray]:
    """(scores, labels): labels drawn from the softmax of the scores / `sharpened`."""
    rng = np.random.default_rng(seed)
    logits = 3.0 * rng.normal(size=(samples, classes))
    return sharpened * logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
