"""Equiprobable classes: RA equation 4, also where K does not fit into a float."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import oracle_curve, oracle_rate_bits, uniform_rate_bits
from ratefront.bounds.closed_form.equiprobable import EquiprobableClasses
from ratefront.bounds.curves.oracle import uniform_curve, uniform_curve_log2, uniform_rate_bits_log2
from ratefront.bounds.examples.detection import detection_count
from ratefront.errors import InputError

GIGANTIC = 10**400
relaxed = settings(deadline=None, max_examples=50)


def reference_bits(classes: int, distortion: float) -> float:
    """RA equation 4 in 500 decimal digits."""
    with localcontext() as context:
        context.prec = 500
        d, k = Decimal(distortion), Decimal(classes)
        binary = sum((x * x.ln() for x in (d, 1 - d) if x > 0), Decimal(0))
        return float((k.ln() - d * (k - 1).ln() + binary) / Decimal(2).ln())


@pytest.mark.parametrize("classes", [2, 3, 1000, 2**53 + 1, detection_count(), GIGANTIC])
@pytest.mark.parametrize("distortion", [0.0, 1e-9, 0.1, 0.4999])
def test_rates_agree_with_long_decimals(classes: int, distortion: float) -> None:
    exact = reference_bits(classes, distortion)
    assert uniform_rate_bits(classes, distortion) == pytest.approx(exact, rel=1e-14, abs=1e-14)
    assert uniform_rate_bits_log2(math.log2(classes), distortion) == pytest.approx(
        exact, rel=1e-14, abs=1e-14
    )


def test_detection_needs_152_bit_and_about_half_at_half_the_accuracy() -> None:
    assert uniform_rate_bits(detection_count(), 0.0) == pytest.approx(152.1745, abs=1e-4)
    assert uniform_rate_bits(detection_count(), 0.5) == pytest.approx(152.1745 / 2 - 1, abs=1e-4)


@pytest.mark.parametrize("classes", [1, 2, 10, 40, 1000])
def test_the_curve_agrees_with_water_filling(classes: int) -> None:
    curve = uniform_curve(classes)
    assert curve.distortion[-1] == pytest.approx(1 - 1 / classes, abs=1e-15)
    assert curve.rate_bits[0] == pytest.approx(math.log2(classes), abs=1e-12)
    np.testing.assert_allclose(
        curve.rate_bits, oracle_rate_bits(np.full(classes, 1 / classes), curve.distortion), atol=1e-11
    )
    assert curve.rate_bits.size == oracle_curve(np.full(classes, 1 / classes)).rate_bits.size


@pytest.mark.parametrize("classes", [2, 3, 1000, detection_count(), GIGANTIC])
def test_straight_lines_between_the_drawn_points_hardly_leave_the_curve(classes: int) -> None:
    curve = uniform_curve(classes)
    at = np.linspace(0, 1 - 1 / classes, 5003)
    drawn = np.array([curve.rate_at(d) for d in at])
    assert curve.rate_bits.size >= 200
    assert np.all(drawn - uniform_rate_bits(classes, at) > -1e-9 * math.log2(classes))
    assert np.all(drawn - uniform_rate_bits(classes, at) < 2e-4)
    assert curve.rate_bits[-1] == 0


@relaxed
@given(st.floats(0.0, 1e4), st.floats(0.0, 2e4))
def test_every_tangent_lies_under_the_curve(log2_classes: float, slope: float) -> None:
    source = EquiprobableClasses(log2_classes)
    distortion = source.distortion_at_slope(slope)
    at = np.linspace(0, 1, 101)
    tangent = source.rate_bits(distortion) - slope / np.log(2) * (at - distortion)
    assert 0 <= distortion <= source.zero_rate_distortion
    assert np.all(source.rate_bits(at) >= tangent - 1e-11 * max(1.0, log2_classes, slope))


def test_curves_reach_as_far_as_rounding_allows() -> None:
    assert uniform_curve_log2(1e12).rate_bits[0] == pytest.approx(1e12)
    with pytest.raises(InputError, match="finite"):
        uniform_curve_log2(np.inf)


@pytest.mark.parametrize("classes", [0, -1, pytest.param(-(10**5000), id="far below")])
def test_fewer_than_one_class_is_refused(classes: int) -> None:
    with pytest.raises(InputError, match="classes >= 1"):
        uniform_rate_bits(classes, 0.1)
    with pytest.raises(InputError, match="classes >= 1"):
        uniform_curve(classes)


@pytest.mark.parametrize("log2_classes", [-0.1, np.nan, np.inf])
def test_a_bad_logarithm_of_classes_is_refused(log2_classes: float) -> None:
    with pytest.raises(InputError, match="log2 of the number of classes"):
        uniform_rate_bits_log2(log2_classes, 0.1)


def test_distortions_outside_0_1_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        uniform_rate_bits(GIGANTIC, [0.5, 1.5])
