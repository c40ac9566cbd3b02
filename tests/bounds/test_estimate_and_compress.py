"""E&C, iE&C and time sharing: end points, order, and agreement with slow, direct computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.bounds.random_posteriors import joints

from ratefront.bounds import (
    Predictions,
    blahut_arimoto,
    entropy_bits,
    estimate_and_compress,
    indirect_estimate_and_compress,
    oracle_rate_bits,
    sample_and_communicate,
    time_sharing,
)
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

relaxed = settings(deadline=None, max_examples=15)
PARTS = 12


@st.composite
def calibrated(draw: st.DrawFn) -> Predictions:
    """Predictions whose posteriors are exactly right: each row, in twelfths, is repeated with its labels in
    proportion.
    """
    k = draw(st.integers(2, 5))
    rows = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    parts = rng.multinomial(PARTS, rng.dirichlet(np.full(k, 0.5), rows))
    labels = np.concatenate([np.repeat(np.arange(k), row) for row in parts])
    return Predictions.from_probabilities(labels, np.repeat(parts / PARTS, PARTS, axis=0))


@relaxed
@given(joints())
def test_end_points_are_the_lossless_estimate_and_the_constant(joint: np.ndarray) -> None:
    d_tm, d0 = 1 - np.trace(joint), 1 - joint.sum(axis=1).max()
    h = entropy_bits(joint.sum(axis=0))
    ec, ts, iec = estimate_and_compress(joint), time_sharing(joint), indirect_estimate_and_compress(joint)
    for curve in (ec, ts):
        at = np.argmin(np.hypot(curve.distortion - d_tm, curve.rate_bits - h))
        assert (curve.distortion[at], curve.rate_bits[at]) == pytest.approx((d_tm, h), abs=1e-9)
    assert iec.least_distortion == pytest.approx(1 - joint.max(axis=0).sum(), abs=1e-9)
    assert (iec.distortion[-1], iec.rate_bits[-1]) == pytest.approx((d0, 0), abs=1e-12)
    assert ec.rate_bits.min() == 0


@relaxed
@given(joints())
def test_no_bound_lies_below_the_oracle_nor_iec_above_ec(joint: np.ndarray) -> None:
    prior, d0 = joint.sum(axis=1), 1 - joint.sum(axis=1).max()
    ec, iec = estimate_and_compress(joint), indirect_estimate_and_compress(joint)
    for curve in (ec, iec):
        assert np.all(oracle_rate_bits(prior, curve.distortion) <= curve.rate_bits + 1e-9)
    assert iec.gap_bits is not None
    assert iec.gap_bits.max() <= 1e-5
    hull = ec.envelope(max(d0, 0))
    for distortion, rate, gap in zip(iec.distortion, iec.rate_bits, iec.gap_bits, strict=True):
        above = hull.rate_at(distortion)
        assert above is None or rate - gap <= above + 1e-9


@relaxed
@given(calibrated())
def test_curves_keep_their_order_if_posteriors_are_the_truth(predictions: Predictions) -> None:
    assert predictions.log_probabilities is not None
    sc = sample_and_communicate(predictions.log_probabilities, predictions.labels, 40)
    prior = predictions.label_prior
    assert np.all(oracle_rate_bits(prior, sc.distortion) <= sc.rate_bits + 1e-9)
    iec = indirect_estimate_and_compress(predictions.joint)
    # the likeliest class of a true posterior is also the likeliest label: iE&C cannot improve on D_TM
    d_tm = float(np.mean(predictions.predicted != predictions.labels))
    assert iec.least_distortion == pytest.approx(d_tm, abs=1e-9)
    assert sc.distortion.min() >= d_tm - 1e-9


@relaxed
@given(joints(), st.integers(0, 10**6))
def test_the_order_of_classes_changes_nothing(joint: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(joint.shape[0])
    shuffled = joint[np.ix_(order, order)]
    d0 = max(0.0, 1 - joint.sum(axis=1).max())
    for bound in (estimate_and_compress, indirect_estimate_and_compress):
        one, other = bound(joint).envelope(d0), bound(shuffled).envelope(d0)
        assert one.least_distortion == pytest.approx(other.least_distortion, abs=1e-9)
        for distortion in np.linspace(one.least_distortion, d0, 30):
            assert one.rate_at(distortion) == pytest.approx(other.rate_at(distortion), abs=3e-3)


@relaxed
@given(joints(), st.floats(0.2, 6))
def test_ec_is_the_solvers_channel_applied_to_the_joint(joint: np.ndarray, slope: float) -> None:
    k, p = joint.shape[0], joint.sum(axis=0)
    solved = blahut_arimoto(p, 1 - np.eye(k), slope, tolerance_bits=1e-10)
    kernel = np.exp(-slope * (1 - np.eye(k)))
    channel = kernel * solved.output / (kernel @ solved.output)[:, None]
    literal = 1 - np.trace(joint @ channel)
    drawn = estimate_and_compress(joint, 400)
    nearest = np.min(np.hypot(drawn.distortion - literal, drawn.rate_bits - solved.rate_bits))
    assert nearest < 0.02


def test_ec_of_a_known_channel_by_hand() -> None:
    # symmetric binary channel: p(y~) uniform, so D_direct = d gives R = 1 - h(d) and D = d(1-e) + (1-d)e
    error = 0.1
    curve = estimate_and_compress([[0.45, 0.05], [0.05, 0.45]])
    direct = (curve.distortion - error) / (1 - 2 * error)
    expected = [1 - entropy_bits([min(d, 1.0), max(1 - d, 0.0)]) for d in np.clip(direct, 0, 1)]
    np.testing.assert_allclose(curve.rate_bits, expected, atol=1e-9)
    assert curve.rate_bits.size >= 200


def test_iec_equals_ec_behind_a_symmetric_channel() -> None:
    joint = (np.full((5, 5), 0.02) + 0.3 * np.eye(5)) / 2.0
    ec, iec = estimate_and_compress(joint), indirect_estimate_and_compress(joint)
    assert iec.distortion.size == 61  # sixty solved slopes and the point at 0 bit
    for distortion, rate in zip(iec.distortion, iec.rate_bits, strict=True):
        assert rate == pytest.approx(ec.rate_at(distortion), abs=2e-4)


def test_time_sharing_is_the_line_of_ma_equation_22() -> None:
    joint = np.array([[0.5, 0.1], [0.05, 0.35]])
    curve = time_sharing(joint)
    h = entropy_bits([0.55, 0.45])
    assert curve.rate_at(0.15) == pytest.approx(h)
    assert curve.rate_at((0.15 + 0.4) / 2) == pytest.approx(h / 2)
    assert curve.rate_at(0.4) == 0.0
    assert curve.rate_at(0.1) is None
    assert curve.rate_bits.size >= 200


def test_sparse_and_dense_joints_give_the_same_curve() -> None:
    joint = np.array([[0.4, 0.1, 0.0], [0.0, 0.3, 0.0], [0.1, 0.0, 0.1]])
    for bound in (estimate_and_compress, indirect_estimate_and_compress, time_sharing):
        np.testing.assert_array_equal(bound(joint).rate_bits, bound(sparse.csr_array(joint)).rate_bits)


@pytest.mark.parametrize(
    "joint",
    [[[0.5, 0.5]], [[0.5, 0.2], [0.2, 0.2]], [[1.5, -0.5], [0, 0]], [[np.nan, 1], [0, 0]], [[0.0]], [1.0]],
)
def test_a_bad_joint_is_refused(joint: object) -> None:
    with pytest.raises(InputError, match="joint"):
        estimate_and_compress(joint)  # type: ignore[arg-type]
