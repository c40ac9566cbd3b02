"""Held-out curves against a known truth: the plug-in is optimistic, they are not; intervals cover."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bounds.calibrated_samples import calibrated_predictions, drawn_decisions, solve_indirect

from ratefront.bounds import indirect_estimate_and_compress
from ratefront.bounds.curve import lower_hull
from ratefront.bounds.curve_names import INDIRECT_CROSS_FITTED
from ratefront.bounds.curve_recipes import curve_names
from ratefront.bounds.source.confusion import Confusion
from ratefront.bounds.source.predictions import Predictions
from ratefront.bounds.statistics.bootstrap import bootstrap_interval
from ratefront.bounds.statistics.channel_fits import (
    fit_estimate_and_compress,
    fit_indirect,
    fit_oracle,
    fit_sampling,
    fit_task_model,
    fit_time_sharing,
)
from ratefront.bounds.statistics.channel_inputs import ClassInputs, LabelOrDecision
from ratefront.bounds.statistics.channels import SampleContributions
from ratefront.bounds.statistics.few_samples import few_samples_warning, samples_per_cell
from ratefront.bounds.statistics.held_out import (
    HeldOut,
    cross_fit,
    indirect_cross_fitted,
    indirect_held_out,
    subset,
)
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

SLOPES = np.array([np.inf, 8.0, 5.0, 3.0])
FINITE = SLOPES[1:]


def confusable(classes: int, seed: int = 0) -> np.ndarray:
    """A joint p(y, y~): 60 % right, the errors spread unevenly."""
    rng = np.random.default_rng(seed)
    given_label = 0.6 * np.eye(classes) + 0.4 * rng.dirichlet(np.full(classes, 0.3), classes)
    return rng.dirichlet(np.full(classes, 5.0))[:, None] * given_label


def price(rate_bits: np.ndarray, distortion: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """R + s D in bit: at its slope, what each point of the curve has least of."""
    return rate_bits + slopes * distortion / np.log(2)


def mean_price(found: HeldOut | SampleContributions) -> np.ndarray:
    return price(found.rate_bits.mean(axis=0), found.distortion.mean(axis=0), SLOPES)[1:]


def truth_at(joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The iE&C curve of the joint itself, as (rate, distortion) at the finite slopes."""
    solved = [solve_indirect(Confusion(joint), slope) for slope in FINITE]
    return np.array([p.rate_bits for p in solved]), np.array([p.distortion for p in solved])


# --- honesty ---------------------------------------------------------------------------------------------------


def test_plug_in_is_optimistic_and_cross_fitted_is_not() -> None:
    """Over 40 draws of 600 samples from a known joint of 12 classes, at each of three slopes s.

    The channel that is best for the joint has the least R + s D on average; on the very samples of each draw it
    is what the others are compared with. The plug-in lies below it, for it has been fitted to those samples.
    The cross-fitted one lies above it, and just as far as channels fitted on four fifths of a draw lie above
    it on 40 000 new samples: what it says is what would happen.
    """
    joint = confusable(12)
    unseen = drawn_decisions(joint, 40_000, 10**6)
    best = replace(fit_indirect(drawn_decisions(joint, 10, 0), SLOPES), **best_channels(joint))
    plug_in, crossed, later = [], [], []
    for seed in range(40):
        drawn = drawn_decisions(joint, 600, seed)
        reference = mean_price(best.contributions(drawn))
        plug_in.append(mean_price(fit_indirect(drawn, SLOPES).contributions(drawn)) - reference)
        crossed.append(mean_price(indirect_held_out(drawn, SLOPES, seed=seed)) - reference)
        four_fifths = fit_indirect(subset(drawn, np.arange(480)), SLOPES)
        later.append(mean_price(four_fifths.contributions(unseen)) - mean_price(best.contributions(unseen)))
    noise = np.std(crossed, axis=0) / np.sqrt(40)
    assert np.all(np.mean(plug_in, axis=0) < -6 * noise)
    assert np.all(np.mean(crossed, axis=0) > 6 * noise)
    assert np.all(np.abs(np.mean(crossed, axis=0) - np.mean(later, axis=0)) < 4 * noise)


def best_channels(joint: np.ndarray) -> dict[str, object]:
    """Fields of the channels fitted to the joint itself; every label and decision of it occurs."""
    confusion = Confusion(joint)
    weight = np.array([solve_indirect(confusion, slope).output for slope in SLOPES])
    table = confusion.posterior_given_estimate
    inputs = ClassInputs(LabelOrDecision.DECISION, table, np.arange(12))
    output = []
    for w, slope in zip(weight, SLOPES, strict=True):
        gain = table.toarray() - table.toarray().max(axis=1, keepdims=True)
        channel = w * ((gain == 0) if np.isinf(slope) else np.exp(slope * gain))
        output.append(confusion.estimate_prior @ (channel / channel.sum(axis=1, keepdims=True)))
    return {"inputs": inputs, "weight": weight, "output": np.array(output), "limit_bits": np.inf}


def test_at_equal_distortion_the_cross_fitted_rate_is_the_greater() -> None:
    joint = confusable(12, seed=1)
    for seed in range(3):
        drawn = drawn_decisions(joint, 1000, seed)
        plug_in = indirect_estimate_and_compress(drawn.joint)
        crossed = indirect_cross_fitted(drawn, seed=seed).envelope(float(1 - drawn.label_prior.max()))
        middle = np.linspace(crossed.least_distortion, crossed.distortion[-1], 12)[1:-1]
        assert all(crossed.rate_at(d) > plug_in.rate_at(d) for d in middle)


def test_all_estimates_meet_the_truth_with_many_samples() -> None:
    joint = confusable(4)
    drawn = drawn_decisions(joint, 100_000, 0)
    crossed = indirect_cross_fitted(drawn, FINITE)
    rate, distortion = truth_at(joint)
    np.testing.assert_allclose(crossed.rate_bits, rate, atol=0.03)
    np.testing.assert_allclose(crossed.distortion, distortion, atol=0.01)


# --- cross-fitting ---------------------------------------------------------------------------------------------

FITS = {
    "oracle": partial(fit_oracle, slopes=SLOPES),
    "estimate_and_compress": partial(fit_estimate_and_compress, slopes=SLOPES),
    "indirect": partial(fit_indirect, slopes=SLOPES),
    "sampling": partial(fit_sampling, inverse_temperatures=SLOPES),
    "task_model": partial(fit_task_model, slopes=SLOPES),
    "time_sharing": partial(fit_time_sharing, shares=[1.0, 0.5, 0.25, 0.0]),
}


@pytest.mark.parametrize("name", list(FITS))
def test_every_curve_can_be_held_out(name: str) -> None:
    predictions = calibrated_predictions(83, 4)
    found = cross_fit(predictions, FITS[name])
    assert found.rate_bits.shape == found.distortion.shape == (83, 4)
    assert np.all(np.isfinite(found.rate_bits) & (found.rate_bits >= 0))
    curve = found.curve("estimate_and_compress", slope=SLOPES)
    np.testing.assert_allclose(np.sort(found.mean_distortion), curve.distortion)
    assert not curve.convex


def test_no_sample_is_coded_by_what_was_fitted_on_it() -> None:
    predictions = calibrated_predictions(11, 3)
    fitted: list[tuple[bytes, int]] = []

    def spy(some: Predictions) -> object:
        fitted.extend((row.tobytes(), id(some)) for row in some.log_probabilities)
        assert some.classes == 3
        return fit_sampling(some, [1.0])

    found = cross_fit(predictions, spy, folds=4)
    rows = [row.tobytes() for row in predictions.log_probabilities]
    assert all(sum(seen == row for seen, _ in fitted) == 3 for row in rows)  # in three of four fits
    alone = fit_sampling(subset(predictions, np.arange(1, 11)), [1.0]).contributions(
        subset(predictions, np.arange(1))
    )
    left_out = cross_fit(predictions, partial(fit_sampling, inverse_temperatures=[1.0]), folds=99)
    np.testing.assert_allclose(left_out.rate_bits[0], alone.rate_bits[0])
    assert found.samples == 11


def test_folds_are_reproducible_and_depend_on_the_seed() -> None:
    predictions = calibrated_predictions(60, 4)
    one, same, other = (indirect_held_out(predictions, SLOPES, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.rate_bits, same.rate_bits)
    assert not np.array_equal(one.rate_bits, other.rate_bits)


def test_too_few_samples_or_folds_are_refused() -> None:
    with pytest.raises(InputError, match="at least 2 samples"):
        indirect_cross_fitted(Predictions.from_decisions([0], [0]))
    with pytest.raises(InputError, match="at least 2 folds"):
        indirect_cross_fitted(calibrated_predictions(9, 2), folds=1)


def test_fewer_samples_than_folds_leave_one_out() -> None:
    found = indirect_held_out(Predictions.from_decisions([0, 1, 0], [0, 1, 1]), SLOPES)
    assert found.samples == 3
    assert np.all(np.isfinite(found.rate_bits))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.integers(2, 15), st.integers(1, 6))
def test_any_small_predictions_give_a_curve(seed: int, samples: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    predictions = Predictions.from_decisions(
        rng.integers(0, classes, samples), rng.integers(0, classes, samples), classes
    )
    curve = indirect_cross_fitted(predictions)
    assert curve.name == INDIRECT_CROSS_FITTED
    assert curve.slope.shape == curve.rate_bits.shape
    interval = indirect_held_out(predictions, SLOPES).bootstrap(20)
    assert not np.any(np.isnan(interval.rate_high_bits))


def test_the_curve_has_the_slopes_of_the_plug_in_one() -> None:
    predictions = calibrated_predictions(500, 5)
    plug_in = indirect_estimate_and_compress(predictions.joint)
    np.testing.assert_allclose(np.sort(indirect_cross_fitted(predictions).slope), np.sort(plug_in.slope))


# --- bootstrap -------------------------------------------------------------------------------------------------


def literal_interval(found: HeldOut, resamples: int, seed: int) -> np.ndarray:
    """Rates of the replicates at the points' distortions, one sample and one replicate at a time."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(resamples):
        drawn = rng.integers(0, found.samples, found.samples)
        d0 = found.zero_rate_distortion[drawn].mean()
        r, d = found.rate_bits[drawn].mean(axis=0), found.distortion[drawn].mean(axis=0)
        d, r = np.append(d[d < d0], d0), np.append(r[d < d0], 0.0)
        hull = lower_hull(d, r)
        rows.append(np.interp(found.mean_distortion, d[hull], r[hull], left=np.inf))
    return np.array(rows)


def test_intervals_are_the_order_statistics_of_the_replicates() -> None:
    found = indirect_held_out(calibrated_predictions(150, 4), SLOPES)
    interval = found.bootstrap(101, seed=5, level=0.8)
    literal = np.sort(literal_interval(found, 101, 5), axis=0)
    np.testing.assert_allclose(interval.rate_low_bits, literal[10], atol=1e-12)
    np.testing.assert_allclose(interval.rate_high_bits, literal[90], atol=1e-12)
    np.testing.assert_allclose(interval.reached, np.isfinite(literal).mean(axis=0))
    assert np.all(interval.distortion_low <= found.mean_distortion)
    assert np.all(found.mean_distortion <= interval.distortion_high)


def test_seeds_change_the_intervals_and_block_size_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    found = indirect_held_out(calibrated_predictions(100, 4), SLOPES)
    whole, other = found.bootstrap(50, seed=1), found.bootstrap(50, seed=2)
    monkeypatch.setattr("ratefront.bounds.statistics.bootstrap.BLOCK_WEIGHTS", 700)
    small = found.bootstrap(50, seed=1)
    np.testing.assert_allclose(whole.rate_low_bits, small.rate_low_bits, atol=1e-12)
    np.testing.assert_allclose(whole.distortion_high, small.distortion_high, atol=1e-12)
    assert not np.allclose(whole.distortion_high, other.distortion_high)


def test_intervals_cover_the_true_point_as_often_as_their_level() -> None:
    """The oracle's channel of another draw, on 200 draws of 300 labels: the means are known exactly."""
    prior = np.array([0.4, 0.3, 0.2, 0.1])

    def labels(count: int, seed: int) -> Predictions:
        y = np.random.default_rng(seed).choice(4, count, p=prior)
        return Predictions.from_decisions(y, y, 4)

    channels = fit_oracle(labels(500, 10**6), [np.inf, 3.0, 2.0])
    each = channels.contributions(Predictions.from_decisions(np.arange(4), np.arange(4), 4))
    rate, distortion, d0 = prior @ each.rate_bits, prior @ each.distortion, prior @ each.zero_rate_distortion
    covered, moved = [], []
    for seed in range(200):
        found = channels.contributions(labels(300, seed))
        interval = bootstrap_interval(
            found.rate_bits, found.distortion, found.zero_rate_distortion, 199, seed
        )
        true = np.interp(found.distortion.mean(axis=0), np.append(distortion, d0), np.append(rate, 0.0))
        covered.append((interval.rate_low_bits <= true) & (true <= interval.rate_high_bits))
        moved.append((interval.distortion_low <= distortion) & (distortion <= interval.distortion_high))
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) < 0.05)
    assert np.all(np.abs(np.mean(moved, axis=0)[1:] - 0.95) < 0.05)


def test_rate_interval_is_open_where_replicates_miss_the_distortion() -> None:
    found = indirect_held_out(calibrated_predictions(300, 4), SLOPES)
    interval = found.bootstrap(200)
    least = int(np.argmin(found.mean_distortion))
    assert 0.2 < interval.reached[least] < 0.8
    assert np.isinf(interval.rate_high_bits[least])
    assert np.isfinite(interval.rate_low_bits[least])
    assert np.all(
        np.isfinite(interval.rate_high_bits[found.mean_distortion > interval.distortion_high[least]])
    )


def test_identical_samples_have_intervals_of_width_zero() -> None:
    ones = np.ones((7, 1))
    interval = bootstrap_interval(2 * ones, 0.25 * ones, ones[:, 0], 30)
    assert (interval.rate_low_bits[0], interval.rate_high_bits[0]) == pytest.approx((2, 2))
    assert (interval.distortion_low[0], interval.distortion_high[0]) == pytest.approx((0.25, 0.25))
    assert interval.reached[0] == 1


def test_bad_bootstraps_are_refused() -> None:
    found = indirect_held_out(calibrated_predictions(20, 3), SLOPES)
    for bad in ({"resamples": 0}, {"level": 1.0}, {"level": np.nan}):
        with pytest.raises(InputError, match="a bootstrap needs"):
            found.bootstrap(**bad)


# --- the warning -----------------------------------------------------------------------------------------------


def test_the_warning_appears_below_twenty_samples_a_cell() -> None:
    enough = Predictions.from_decisions(np.repeat([0, 1], 20), np.repeat([0, 1], 20))
    few = Predictions.from_decisions(np.repeat([0, 1], 19), np.repeat([0, 1], 19))
    assert (samples_per_cell(enough), samples_per_cell(few)) == (20, 19)
    assert few_samples_warning(enough, curve_names(enough)) is None
    warning = few_samples_warning(few, curve_names(few))
    assert warning is not None
    assert warning.startswith("19 samples")
    assert "optimistic" in warning
    assert "cross-fitted" in warning
    assert "posterior" not in warning


def test_the_warning_names_only_drawn_curves() -> None:
    few = calibrated_predictions(50, 5)
    assert "posterior-based" in str(few_samples_warning(few, curve_names(few)))
    assert "No other estimate" in str(few_samples_warning(few, ["oracle", "indirect_estimate_and_compress"]))
    assert few_samples_warning(few, ["oracle", "task_model"]) is None
