"""TMRD: against a plain solver, closed forms, its labels, both precisions, and bounded memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bounds.calibrated_samples import calibrated_logits
from tests.bounds.random_posteriors import (
    CHORD_BITS,
    EXACT_BITS,
    greatest_difference,
    labelled_in_proportion,
    log_of,
    plain_blahut_arimoto,
    posteriors,
)

from ratefront.bounds import (
    RateDistortionCurve,
    entropy_bits,
    oracle_rate_bits,
    sample_and_communicate,
    task_model_curve,
)
from ratefront.bounds.solver import block_distortion
from ratefront.bounds.solver.blahut_arimoto import solve_kernel
from ratefront.bounds.solver.block_distortion import BlockKernel, MatrixDistortion
from ratefront.bounds.solver.sample_distortion import SampleDistortion
from ratefront.bounds.source import scores as score_blocks
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

slow = settings(deadline=None, max_examples=40)
quick = settings(deadline=None, max_examples=50)

PLAIN_STEPS = 1500
SINGLE_ROUNDING_NATS = 1e-5
EVERYWHERE = np.linspace(0.0, 1.0, 401)


def one_label_each(posterior: np.ndarray) -> np.ndarray:
    return np.asarray(posterior.argmax(axis=1))


def expected_curve(posterior: np.ndarray, points: int = 60) -> RateDistortionCurve:
    return task_model_curve(log_of(posterior), one_label_each(posterior), points).expected()


def assert_each_point_is_optimal(
    curve: RateDistortionCurve, source: np.ndarray, distortion: np.ndarray, rounding_nats: float = 1e-9
) -> None:
    """R + s D of each point lies between the optimum and the optimum and its certified gap."""
    assert curve.slope is not None
    assert curve.gap_bits is not None
    solved = np.isfinite(curve.slope) & (curve.slope < 300.0)
    for slope, bits, d, gap in zip(
        curve.slope[solved],
        curve.rate_bits[solved],
        curve.distortion[solved],
        curve.gap_bits[solved],
        strict=True,
    ):
        lower, upper = plain_blahut_arimoto(source, distortion, slope, PLAIN_STEPS)
        found = bits * np.log(2) + slope * d
        assert found >= lower - rounding_nats
        assert found - gap * np.log(2) <= upper + rounding_nats


@slow
@given(posteriors(classes=6, samples=25))
def test_each_point_is_what_a_plain_solver_finds_on_samples_and_classes(posterior: np.ndarray) -> None:
    curve = expected_curve(posterior, points=8)
    assert curve.gap_bits is not None
    assert curve.gap_bits.max() <= 1e-4
    each = np.full(len(posterior), 1 / len(posterior))
    assert_each_point_is_optimal(curve, each, 1.0 - posterior)


@slow
@given(posteriors(classes=5, samples=20), st.integers(1, 4), st.integers(0, 10**6))
def test_each_point_under_any_cost_is_the_plain_solvers(
    posterior: np.ndarray, actions: int, seed: int
) -> None:
    cost = np.random.default_rng(seed).uniform(0, 3, (posterior.shape[1], actions))
    curve = task_model_curve(log_of(posterior), one_label_each(posterior), 6, cost=cost)
    drawn_as_expected = RateDistortionCurve(
        "under a cost",
        curve.rate_bits,
        np.asarray(curve.distortion_expected),
        gap_bits=curve.gap_bits,
        slope=curve.slope,
        measure=curve.measure,
    )
    each = np.full(len(posterior), 1 / len(posterior))
    assert_each_point_is_optimal(drawn_as_expected, each, posterior @ cost)


@slow
@given(posteriors(classes=6, samples=30))
def test_the_least_distortion_has_the_least_rate(posterior: np.ndarray) -> None:
    """At infinite slope only each sample's likeliest classes may be answered."""
    curve = expected_curve(posterior, points=4)
    assert curve.least_distortion == pytest.approx(1.0 - posterior.max(axis=1).mean(), abs=1e-9)
    assert curve.gap_bits is not None
    allowed = posterior == posterior.max(axis=1, keepdims=True)
    each = np.full(len(posterior), 1 / len(posterior))
    lower, upper = plain_blahut_arimoto(each, np.where(allowed, 0.0, 1e4), 1.0, PLAIN_STEPS)
    assert lower / np.log(2) - 1e-6 <= curve.rate_bits[0]
    assert curve.rate_bits[0] - curve.gap_bits[0] <= upper / np.log(2) + 1e-6
    if allowed.sum() == len(posterior):  # no tie: the decision itself
        counts = np.bincount(one_label_each(posterior))
        assert curve.rate_bits[0] == pytest.approx(entropy_bits(counts / counts.sum()), abs=1e-9)


@quick
@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_behind_certain_posteriors_it_is_the_oracle_of_the_decisions(decisions: list[int]) -> None:
    posterior = np.eye(7)[decisions]
    curve = task_model_curve(log_of(posterior), decisions, 20)
    prior = np.bincount(decisions, minlength=7) / len(decisions)
    assert curve.gap_bits is not None
    exact = oracle_rate_bits(prior, curve.distortion)
    assert np.all(exact <= curve.rate_bits + EXACT_BITS)
    assert np.all(curve.rate_bits - curve.gap_bits <= exact + EXACT_BITS)
    np.testing.assert_allclose(curve.expected().distortion, curve.distortion, atol=1e-12)


@quick
@given(posteriors(samples=1), st.integers(1, 30))
def test_identical_posteriors_need_no_bit(posterior: np.ndarray, times: int) -> None:
    curve = expected_curve(np.repeat(posterior, times, axis=0))
    assert curve.rate_bits.tolist() == [0.0]
    assert curve.distortion.tolist() == pytest.approx([1.0 - posterior.max()], abs=1e-12)


@pytest.mark.parametrize("p", [0.51, 0.7, 0.9, 1.0])
def test_two_mirrored_posteriors_are_a_binary_source(p: float) -> None:
    """d takes the values 1 - p and p: with a = P(the likelier answer), D = p - a (2p - 1) and R = 1 - h(a)."""
    posterior = np.array([[p, 1 - p], [1 - p, p]] * 5)
    curve = task_model_curve(log_of(posterior), one_label_each(posterior), 60).expected()
    assert curve.distortion[[0, -1]].tolist() == pytest.approx([1 - p, 0.5])
    likelier = np.clip((p - curve.distortion) / (2 * p - 1), 0.0, 1.0)
    exact = np.array([1.0 - entropy_bits([a, 1.0 - a]) for a in likelier])
    np.testing.assert_allclose(curve.rate_bits, exact, atol=1e-4)


@pytest.mark.parametrize(("classes", "sure"), [(4, 0.5), (10, 0.9)])
def test_a_symmetric_model_is_the_closed_form_of_equiprobable_classes(classes: int, sure: float) -> None:
    """p = sure on one class, the rest shared evenly: D is an affine image of the decision's own error."""
    other = (1 - sure) / (classes - 1)
    posterior = np.where(np.eye(classes) == 1, sure, other)
    curve = expected_curve(posterior)
    wrong = np.clip((curve.distortion - (1 - sure)) / (sure - other), 0.0, 1.0)
    exact = oracle_rate_bits(np.full(classes, 1 / classes), wrong)
    np.testing.assert_allclose(curve.rate_bits, exact, atol=1e-4)


@quick
@given(posteriors(classes=5, samples=8), st.integers(0, 100))
def test_true_labels_measure_the_expected_distortion(posterior: np.ndarray, seed: int) -> None:
    labels, repeated = labelled_in_proportion(posterior, 12, seed)
    for curve in (
        task_model_curve(log_of(repeated), labels, 12),
        sample_and_communicate(log_of(repeated), labels, 12),
    ):
        assert curve.distortion_expected is not None
        np.testing.assert_allclose(curve.distortion, curve.distortion_expected, atol=1e-9)


@quick
@given(posteriors(classes=5, samples=20))
def test_the_measured_channel_sums_to_one_for_each_sample(posterior: np.ndarray) -> None:
    """Were all labels c, 1 - D would be how often c is answered; over the classes that sums to 1."""
    n, k = posterior.shape
    answered: dict[float, list[float]] = {}
    for label in range(k):
        curve = task_model_curve(log_of(posterior), np.full(n, label), 6)
        assert curve.slope is not None
        for slope, distortion in zip(curve.slope, curve.distortion, strict=True):
            answered.setdefault(float(slope), []).append(1.0 - distortion)
    whole = [sum(shares) for shares in answered.values() if len(shares) == k]
    assert whole
    np.testing.assert_allclose(whole, 1.0, atol=1e-9)


def test_the_expected_distortion_does_not_depend_on_labels() -> None:
    logits = 3.0 * np.random.default_rng(0).normal(size=(200, 5))
    right, drawn = logits.argmax(axis=1), np.random.default_rng(1).integers(0, 5, 200)
    for bound in (task_model_curve, sample_and_communicate):
        one, other = bound(logits, right).expected(), bound(logits, drawn).expected()
        assert one.least_distortion == pytest.approx(other.least_distortion, abs=1e-9)
        assert greatest_difference(one, other, EVERYWHERE)[0] < CHORD_BITS


def single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_distortion, "DOUBLE_ENTRIES", 0)


def not_kept(monkeypatch: pytest.MonkeyPatch, entries: int = 100) -> None:
    monkeypatch.setattr(block_distortion, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(block_distortion, "PASS_ENTRIES", entries)
    monkeypatch.setattr(score_blocks, "BLOCK_ENTRIES", entries)


@slow
@given(posteriors(classes=8, samples=40))
def test_the_gap_holds_in_single_precision(posterior: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        single_precision(monkeypatch)
        curve = expected_curve(posterior, points=8)
    each = np.full(len(posterior), 1 / len(posterior))
    assert curve.gap_bits is not None
    assert curve.gap_bits.max() <= 1e-4
    assert_each_point_is_optimal(curve, each, 1.0 - posterior, SINGLE_ROUNDING_NATS)
    double = expected_curve(posterior, points=8)
    assert curve.least_distortion == pytest.approx(double.least_distortion, abs=1e-7)
    assert curve.rate_bits.max() == pytest.approx(double.rate_bits.max(), abs=2e-4)


@pytest.mark.parametrize("cost", [None, np.random.default_rng(3).uniform(size=(7, 4))])
def test_neither_blocks_nor_memory_nor_precision_change_the_curve(cost: np.ndarray | None) -> None:
    labels, logits = calibrated_logits(150, 7)
    whole = task_model_curve(logits, labels, 10, cost=cost)
    with pytest.MonkeyPatch.context() as monkeypatch:
        not_kept(monkeypatch)
        in_blocks = task_model_curve(logits, labels, 10, cost=cost)
        single_precision(monkeypatch)
        single = task_model_curve(logits, labels, 10, cost=cost)
    at = np.linspace(whole.least_distortion, whole.distortion[-1], 50)
    assert greatest_difference(whole, in_blocks, at)[0] < 1e-6
    assert greatest_difference(whole, single, at)[0] < 1e-3
    for curve in (in_blocks, single):
        assert curve.rate_bits.size == whole.rate_bits.size


def test_kernels_of_one_matrix_at_several_slopes_do_not_mix() -> None:
    rng = np.random.default_rng(0)
    d, q = rng.random((9, 4)), rng.dirichlet(np.ones(4))
    shared = MatrixDistortion(d)
    kernels = [BlockKernel(shared, slope) for slope in (1.0, 7.0, np.inf)]
    for _ in range(2):
        for kernel in kernels:
            alone = BlockKernel(MatrixDistortion(d), kernel.slope)
            np.testing.assert_array_equal(kernel.apply(q), alone.apply(q))
            np.testing.assert_array_equal(kernel.apply_excess(q), alone.apply_excess(q))
            np.testing.assert_array_equal(
                kernel.apply_transposed(np.ones(9)), alone.apply_transposed(np.ones(9))
            )


def test_memory_is_bounded_where_the_matrix_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, logits = calibrated_logits(20_000, 40)
    logits = logits.astype(np.float32)
    single_precision(monkeypatch)
    not_kept(monkeypatch, entries=1 << 14)
    tracemalloc.start()
    task_model_curve(logits, labels, 2, tolerance_bits=1e-2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < logits.nbytes + 8 * 8 * labels.size
    assert peak < 0.5 * 8 * logits.size


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int64])
def test_scores_and_labels_of_any_numeric_type_and_layout_work(kind: type) -> None:
    labels, logits = calibrated_logits(80, 6)
    scores = np.round(4 * logits).astype(kind)
    plain = task_model_curve(scores.astype(np.float64), labels, 10)
    for given_scores, given_labels in (
        (scores, labels.astype(np.uint8)),
        (np.asfortranarray(scores), labels.astype(np.int16)),
        (np.repeat(scores, 2, axis=0)[::2], np.repeat(labels, 2)[::2]),
        (scores.tolist(), labels.tolist()),
    ):
        curve = task_model_curve(given_scores, given_labels, 10)
        np.testing.assert_allclose(curve.rate_bits, plain.rate_bits, atol=1e-12)
        np.testing.assert_allclose(curve.distortion, plain.distortion, atol=1e-12)


def test_a_constant_per_sample_changes_nothing() -> None:
    labels, logits = calibrated_logits(60, 5)
    one = task_model_curve(logits, labels, 12)
    other = task_model_curve(logits + 1e3 * np.arange(60)[:, None], labels, 12)
    assert greatest_difference(one, other, EVERYWHERE)[0] < CHORD_BITS


def test_a_zero_one_cost_is_the_error_at_any_scale() -> None:
    labels, logits = calibrated_logits(60, 5)
    errors = task_model_curve(logits, labels, 12)
    for price in (1.0, 1e-6, 1e6):
        priced = task_model_curve(logits, labels, 12, cost=price * (1.0 - np.eye(5)))
        np.testing.assert_allclose(priced.rate_bits, errors.rate_bits, atol=1e-6)
        np.testing.assert_allclose(priced.distortion, price * errors.distortion, rtol=1e-6)
    assert not priced.measure.is_error_probability


@pytest.mark.parametrize(
    ("scores", "labels", "cost"),
    [
        ([[np.nan, 0.0]], [0], None),
        ([[np.inf, 0.0]], [0], None),
        ([[-np.inf, -np.inf]], [0], None),
        ([[0.0, 1.0]], [0, 1], None),
        ([[0.0, 1.0]], [2], None),
        ([[0.0, 1.0]], [-1], None),
        ([[0.0, 1.0]], [0.0], None),
        ([[1j, 1.0]], [0], None),
        ([0.0, 1.0], [0], None),
        ([], [], None),
        ([[0.0, 1.0]], [0], [[1.0, 0.0]]),
        ([[0.0, 1.0]], [0], [[-1.0], [0.0]]),
        ([[0.0, 1.0]], [0], [[np.inf], [0.0]]),
    ],
)
def test_bad_input_is_refused(scores: object, labels: object, cost: object) -> None:
    with pytest.raises(InputError):
        task_model_curve(scores, labels, cost=cost)  # type: ignore[arg-type]


@pytest.mark.parametrize("slope", [2.0, 20.0])
def test_the_single_precision_gap_holds_for_many_equal_rows(slope: float) -> None:
    """Sums of equal terms are the worst case of rounding: 100 000 samples with one of two posteriors each."""
    rng = np.random.default_rng(0)
    scores = np.log(rng.dirichlet(np.full(80, 0.3), 2))[rng.integers(0, 2, 100_000)]
    found = {}
    for tolerance_bits in (1e-4, 1e-7):
        distortion = SampleDistortion(scores, None, tolerance_bits)
        assert distortion.is_single_precision == (tolerance_bits == 1e-4)
        kernel = BlockKernel(distortion, slope)
        found[tolerance_bits] = solve_kernel(np.full(100_000, 1e-5), kernel, None, tolerance_bits)
    single, double = (r.rate_bits + slope * r.distortion / np.log(2) for r in found.values())
    assert -1e-6 - found[1e-7].gap_bits <= single - double <= found[1e-4].gap_bits + 1e-6
