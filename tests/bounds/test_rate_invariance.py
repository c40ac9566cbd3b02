"""LL Theorem 2 and the entropies of known maximal invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import entropy_bits
from ratefront.bounds.curve_names import LOG_LOSS
from ratefront.bounds.curves.rate_invariance import (
    coin_flips_entropy_bits,
    finite_set_entropy_bits,
    rate_invariance_curve,
    supervised_entropy_bits,
)
from ratefront.errors import InputError

relaxed = settings(deadline=None, max_examples=50)


@relaxed
@given(st.floats(1e-3, 1e6), st.floats(0.0, 2.0))
def test_a_bit_of_log_loss_saves_a_bit(entropy: float, share: float) -> None:
    curve = rate_invariance_curve(entropy)
    loss = share * entropy
    assert curve.rate_at(loss) == pytest.approx(max(0.0, entropy - loss), abs=1e-9 * entropy)
    assert curve.measure is LOG_LOSS
    assert (curve.name, curve.monotone, curve.convex) == ("rate_invariance", True, True)


def test_ends_of_the_line() -> None:
    curve = rate_invariance_curve(3.25)
    assert (curve.distortion[0], curve.rate_bits[0]) == (0.0, 3.25)
    assert (curve.distortion[-1], curve.rate_bits[-1]) == (3.25, 0.0)


def test_zero_entropy_costs_nothing() -> None:
    curve = rate_invariance_curve(supervised_entropy_bits([0.0, 1.0]))
    assert curve.rate_bits.tolist() == [0.0]
    assert curve.distortion.tolist() == [0.0]


def test_log_loss_has_no_accuracy() -> None:
    with pytest.raises(InputError, match="no probability of error"):
        _ = rate_invariance_curve(2.0).accuracy


@pytest.mark.parametrize("entropy", [-0.1, np.nan, np.inf])
def test_a_bad_entropy_is_refused(entropy: float) -> None:
    with pytest.raises(InputError, match="entropy"):
        rate_invariance_curve(entropy)


def test_a_line_of_one_point_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 points"):
        rate_invariance_curve(2.0, points=1)


def test_labels_and_finite_sets() -> None:
    assert supervised_entropy_bits(np.full(10, 0.1)) == pytest.approx(math.log2(10), abs=1e-12)
    assert finite_set_entropy_bits(1) == 0.0
    assert finite_set_entropy_bits(50_000) == pytest.approx(15.609640, abs=1e-6)
    assert finite_set_entropy_bits(10**400) == pytest.approx(400 * math.log2(10), rel=1e-14)


@pytest.mark.parametrize("flips", [0, 1, 2, 3, 10, 101, 1000])
def test_coin_flips_agree_with_the_exact_binomial(flips: int) -> None:
    probabilities = [math.comb(flips, k) / 2**flips for k in range(flips + 1)]
    assert coin_flips_entropy_bits(flips) == pytest.approx(entropy_bits(probabilities), abs=1e-11)


@pytest.mark.parametrize("flips", [10**5, 10**6, 10**6 + 1, 10**9])
def test_many_flips_need_half_the_logarithm_of_their_number(flips: int) -> None:
    """The entropy of a binomial is that of the normal less 1/(12 n log 2) ... in the order of 1/n."""
    normal = 0.5 * math.log2(math.pi * math.e * flips / 2)
    assert coin_flips_entropy_bits(flips) == pytest.approx(normal, abs=1 / flips + 1e-12)


def test_the_order_is_most_of_a_million_flips_information() -> None:
    assert coin_flips_entropy_bits(10**6) == pytest.approx(11.01288, abs=1e-5)


@pytest.mark.parametrize("number", [-1, 2.5, 10**13])
def test_a_bad_number_of_flips_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="the number of flips"):
        coin_flips_entropy_bits(number)


@pytest.mark.parametrize("number", [0, -3, 2.5])
def test_sets_without_elements_are_refused(number: int) -> None:
    with pytest.raises(InputError, match="elements of a set"):
        finite_set_entropy_bits(number)
