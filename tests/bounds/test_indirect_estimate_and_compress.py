"""iE&C: its points against a plain solver, from counts, from posteriors and under a cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.bounds.calibrated_samples import calibrated_predictions
from tests.bounds.random_posteriors import (
    CHORD_BITS,
    EXACT_BITS,
    greatest_difference,
    joint_of,
    joints,
    labelled_in_proportion,
    log_of,
    plain_blahut_arimoto,
    posteriors,
)

from ratefront.bounds import (
    Predictions,
    RateDistortionCurve,
    cost_oracle,
    indirect_estimate_and_compress,
    indirect_from_posteriors,
    oracle_rate_bits,
    task_model_curve,
)
from ratefront.bounds.solver import block_distortion
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

relaxed = settings(deadline=None, max_examples=25)
EVERYWHERE = np.linspace(0.0, 1.0, 401)
PLAIN_STEPS = 3000


def costs_of(classes: int, actions: int, seed: int) -> np.ndarray:
    """A price for each answer to each label, with free answers among them."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(0, 5, (classes, actions)) * (rng.random((classes, actions)) < 0.8))


def assert_each_point_is_optimal(
    curve: RateDistortionCurve, joint: np.ndarray, cost: np.ndarray, rounding_nats: float = 1e-9
) -> None:
    """Source: the decisions; d^(y~, y^) = sum_y p(y | y~) cost[y, y^] (MA equation 15)."""
    assert curve.slope is not None
    assert curve.gap_bits is not None
    decided = joint.sum(axis=0) > 0
    source = joint.sum(axis=0)[decided]
    expected = (joint[:, decided] / source).T @ cost
    points = zip(curve.slope, curve.rate_bits, curve.distortion, curve.gap_bits, strict=True)
    for slope, bits, d, gap in points:
        if np.isfinite(slope):
            lower, upper = plain_blahut_arimoto(source, expected, slope, PLAIN_STEPS)
            found = bits * np.log(2) + slope * d
            assert found >= lower - rounding_nats
            assert found - gap * np.log(2) <= upper + rounding_nats


@relaxed
@given(joints())
def test_each_point_is_what_a_plain_solver_finds_on_the_decisions(joint: np.ndarray) -> None:
    curve = indirect_estimate_and_compress(joint, 8)
    assert_each_point_is_optimal(curve, joint, 1.0 - np.eye(len(joint)))


@relaxed
@given(joints(), st.integers(1, 5), st.integers(0, 10**6))
def test_each_point_under_any_cost_is_the_plain_solvers(joint: np.ndarray, actions: int, seed: int) -> None:
    cost = costs_of(len(joint), actions, seed)
    curve = indirect_estimate_and_compress(joint, 6, cost=cost)
    assert_each_point_is_optimal(curve, joint, cost)
    assert not curve.measure.is_error_probability
    constant = float((joint.sum(axis=1) @ cost).min())
    least = float((joint.T @ cost).min(axis=1).sum())
    assert (curve.distortion[-1], curve.rate_bits[-1]) == (pytest.approx(constant, abs=1e-9), 0.0)
    assert curve.least_distortion == pytest.approx(least, abs=1e-9)


@relaxed
@given(joints())
def test_the_gap_holds_in_single_precision(joint: np.ndarray) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(block_distortion, "DOUBLE_ENTRIES", 0)
        curve = indirect_estimate_and_compress(joint, 8, tolerance_bits=1e-4)
    assert curve.gap_bits is not None
    assert curve.gap_bits.max() <= 1e-4
    assert_each_point_is_optimal(curve, joint, 1.0 - np.eye(len(joint)), rounding_nats=1e-5)


@relaxed
@given(joints())
def test_a_cost_of_0_and_1_is_the_error(joint: np.ndarray) -> None:
    errors = indirect_estimate_and_compress(joint, 20)
    priced = indirect_estimate_and_compress(joint, 20, cost=1.0 - np.eye(len(joint)))
    assert greatest_difference(errors, priced, EVERYWHERE)[0] < 1e-4


@pytest.mark.parametrize("price", [1e-6, 1e6])
def test_scaling_the_costs_changes_no_rate(price: float) -> None:
    joint, cost = np.array([[0.4, 0.1, 0.0], [0.05, 0.3, 0.0], [0.05, 0.0, 0.1]]), costs_of(3, 4, 1)
    one = indirect_estimate_and_compress(joint, 20, cost=cost)
    other = indirect_estimate_and_compress(joint, 20, cost=price * cost)
    np.testing.assert_allclose(other.rate_bits, one.rate_bits, atol=1e-6)
    np.testing.assert_allclose(other.distortion, price * one.distortion, rtol=1e-6)


@relaxed
@given(posteriors(classes=5, samples=20), st.integers(1, 4), st.integers(0, 10**6))
def test_the_order_holds_under_any_cost(posterior: np.ndarray, actions: int, seed: int) -> None:
    """oracle <= TMRD <= iE&C with the posteriors for the truth, all of them under one cost."""
    k = posterior.shape[1]
    cost = costs_of(k, actions, seed)
    indirect = indirect_estimate_and_compress(joint_of(posterior), 30, cost=cost)
    oracle = cost_oracle(posterior.mean(axis=0), cost, 60)
    labels, repeated = labelled_in_proportion(posterior, 24, seed)
    measured = indirect_estimate_and_compress(
        Predictions.from_probabilities(labels, repeated).joint, 30, cost=cost
    )
    task_model = task_model_curve(log_of(repeated), labels, 60, cost=cost)
    for lower, upper in ((oracle, indirect), (task_model, measured)):
        for d, bits in zip(upper.distortion, upper.rate_bits, strict=True):
            drawn = lower.rate_at(d + 1e-9)
            assert drawn is not None
            assert drawn <= bits + CHORD_BITS * max(1.0, bits)


@relaxed
@given(posteriors(classes=6, samples=40), st.integers(0, 10**6))
def test_from_posteriors_equals_plug_in_if_posteriors_are_the_truth(posterior: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, posterior.shape[1], len(posterior))
    fitted = indirect_from_posteriors(Predictions.from_probabilities(labels, posterior))
    plug_in = indirect_estimate_and_compress(joint_of(posterior))
    assert fitted.distortion_expected is not None
    expected = RateDistortionCurve(fitted.name, fitted.rate_bits, fitted.distortion_expected)
    assert expected.least_distortion == pytest.approx(plug_in.least_distortion, abs=1e-9)
    assert expected.distortion.max() == pytest.approx(plug_in.distortion.max(), abs=1e-9)
    assert greatest_difference(expected, plug_in, EVERYWHERE)[0] < CHORD_BITS


@relaxed
@given(posteriors(classes=5, samples=8), st.integers(0, 10**6))
def test_from_posteriors_measures_its_expectation_on_true_labels(posterior: np.ndarray, seed: int) -> None:
    labels, repeated = labelled_in_proportion(posterior, 12, seed)
    predictions = Predictions.from_probabilities(labels, repeated)
    fitted = indirect_from_posteriors(predictions, 12)
    assert fitted.distortion_expected is not None
    np.testing.assert_allclose(fitted.distortion, fitted.distortion_expected, atol=1e-9)
    plug_in = indirect_estimate_and_compress(predictions.joint, 12)
    assert greatest_difference(fitted, plug_in, EVERYWHERE)[0] < 1e-3


@relaxed
@given(posteriors(classes=5, samples=20), st.integers(0, 10**6))
def test_from_posteriors_never_lies_below_the_oracle_of_the_labels(posterior: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, posterior.shape[1], len(posterior))
    predictions = Predictions.from_probabilities(labels, posterior)
    fitted, plug_in = (
        indirect_from_posteriors(predictions, 12),
        indirect_estimate_and_compress(predictions.joint),
    )
    oracle = oracle_rate_bits(predictions.label_prior, fitted.distortion)
    assert np.all(oracle <= fitted.rate_bits + EXACT_BITS)
    for d, bits in zip(fitted.distortion, fitted.rate_bits, strict=True):
        best = plug_in.rate_at(float(d) + 1e-9)
        assert best is not None  # the labels' own channel comes at least as far down
        assert best <= bits + CHORD_BITS * max(1.0, bits)


def test_sparse_and_dense_confusions_give_the_same_curve() -> None:
    """Two kernels serve them: one of a tenth and one of nine tenths of the cells, the same numbers in both."""
    k, rng = 30, np.random.default_rng(4)
    joint = np.diag(rng.uniform(1, 3, k))
    joint[rng.integers(0, k, 25), rng.integers(0, k, 25)] += 0.5
    joint /= joint.sum()
    leaky = np.maximum(joint, 1e-12)
    one = indirect_estimate_and_compress(sparse.csr_array(joint), 20)
    other = indirect_estimate_and_compress(leaky / leaky.sum(), 20)
    assert greatest_difference(one, other, EVERYWHERE)[0] < 1e-4
    assert one.gap_bits is not None
    assert one.gap_bits.max() <= 1e-5


@pytest.mark.parametrize(("classes", "samples"), [(2, 200), (3, 7), (7, 200), (40, 200)])
def test_a_perfect_task_model_loses_nothing(classes: int, samples: int) -> None:
    labels = np.random.default_rng(classes).integers(0, classes, samples)
    predictions = Predictions.from_probabilities(labels, np.eye(classes)[labels])
    for curve in (indirect_estimate_and_compress(predictions.joint), indirect_from_posteriors(predictions)):
        exact = oracle_rate_bits(predictions.label_prior, curve.distortion)
        assert curve.least_distortion == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose(curve.rate_bits, exact, atol=2e-5)


def test_posteriors_in_blocks_or_half_precision_give_the_same_curve() -> None:
    predictions = calibrated_predictions(300, 6)
    assert predictions.log_probabilities is not None
    one = indirect_from_posteriors(predictions, 12)
    halved = Predictions.from_logits(
        predictions.labels.astype(np.uint8), predictions.log_probabilities.astype(np.float16)
    )
    other = indirect_from_posteriors(halved, 12)
    assert greatest_difference(one, other, EVERYWHERE)[0] < 0.05


def test_from_posteriors_refuses_decisions() -> None:
    with pytest.raises(InputError, match="posterior"):
        indirect_from_posteriors(Predictions.from_decisions([0, 1], [0, 1]))


@pytest.mark.parametrize("cost", [[[0.0]], [[0.0, 1.0]], [[-1.0], [0.0]], [[np.nan], [0.0]], [1.0, 0.0]])
def test_a_bad_cost_is_refused(cost: object) -> None:
    with pytest.raises(InputError, match="cost"):
        indirect_estimate_and_compress([[0.5, 0.0], [0.0, 0.5]], cost=cost)  # type: ignore[arg-type]


def test_ties_hidden_by_rounding_are_ties() -> None:
    """1 - 30/66 as a sum of costs and as a difference: at the least distortion both take the cheaper answer."""
    joint = np.array([[1, 0, 30, 0], [0, 1, 1, 0], [0, 0, 30, 0], [0, 0, 5, 31]]) / 99
    errors = indirect_estimate_and_compress(joint, 20)
    priced = indirect_estimate_and_compress(joint, 20, cost=1.0 - np.eye(4))
    assert priced.rate_at(priced.least_distortion) == pytest.approx(errors.rate_bits[0], abs=1e-5)
