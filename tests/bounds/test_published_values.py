"""The published values, each to 1e-4 bit, by every function of the package that gives it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ratefront.bounds import (
    Predictions,
    RateDistortionCurve,
    accuracy_per_bit,
    blahut_arimoto,
    curves_from_predictions,
    detection_count,
    detection_log2_count,
    entropy_bits,
    finite_set_entropy_bits,
    linear_rule,
    mixture_curves,
    modelnet40_test_counts,
    oracle_curve,
    oracle_point_at_slope,
    oracle_rate_bits,
    prior_from_counts,
    rate_invariance_curve,
    supervised_entropy_bits,
    uniform_curve,
    uniform_rate_bits,
    uniform_rate_bits_log2,
)

BITS = 1e-4
DRAWN_BITS = 5e-4
"""What a straight line between two of 256 drawn points may add."""

EQUIPROBABLE = [
    (10, 0.0056, 3.25423),
    (10, 0.009, 3.21931),
    (40, 0.2, 3.54292),
    (1000, 0.239, 6.79093),
]
MODELNET40_POINTS = [(0.73, 2.7384635), (0.78, 3.0840173), (0.87, 3.7624311), (0.9545496, 4.5)]
"""Accuracy and bit of the published optimum (RA Fig. 3), from where it is no longer loose."""


def modelnet40() -> np.ndarray:
    return prior_from_counts(list(modelnet40_test_counts().values()))


@pytest.mark.parametrize(("classes", "distortion", "bits"), EQUIPROBABLE)
def test_oracle_of_equiprobable_classes(classes: int, distortion: float, bits: float) -> None:
    """RA equation 4, by its formula, by water-filling, as drawn."""
    prior = np.full(classes, 1 / classes)
    assert uniform_rate_bits(classes, distortion) == pytest.approx(bits, abs=BITS)
    assert uniform_rate_bits_log2(math.log2(classes), distortion) == pytest.approx(bits, abs=BITS)
    assert oracle_rate_bits(prior, distortion) == pytest.approx(bits, abs=BITS)
    assert uniform_curve(classes).rate_at(distortion) == pytest.approx(bits, abs=DRAWN_BITS)
    assert oracle_curve(prior).rate_at(distortion) == pytest.approx(bits, abs=DRAWN_BITS)


@pytest.mark.parametrize(("classes", "distortion", "bits"), EQUIPROBABLE)
def test_equiprobable_oracle_by_the_iterative_solver(classes: int, distortion: float, bits: float) -> None:
    slope = math.log((classes - 1) * (1 - distortion) / distortion)
    solved = blahut_arimoto(np.full(classes, 1 / classes), 1.0 - np.eye(classes), slope)
    assert (solved.rate_bits, solved.distortion) == pytest.approx((bits, distortion), abs=BITS)
    assert solved.gap_bits <= 1e-5


def test_modelnet40_entropy_and_the_point_at_slope_4() -> None:
    prior = modelnet40()
    assert sum(modelnet40_test_counts().values()) == 2468
    assert entropy_bits(prior) == pytest.approx(5.00697, abs=BITS)
    assert oracle_curve(prior).rate_bits[0] == pytest.approx(5.00697, abs=BITS)
    assert oracle_point_at_slope(prior, 4.0) == pytest.approx((2.02910, 0.38313), abs=BITS)
    solved = blahut_arimoto(prior, 1.0 - np.eye(40), 4.0, tolerance_bits=1e-7)
    assert (solved.rate_bits, solved.distortion) == pytest.approx((2.02910, 0.38313), abs=BITS)


@pytest.mark.parametrize(("accuracy", "bits"), MODELNET40_POINTS)
def test_modelnet40_curve_as_published(accuracy: float, bits: float) -> None:
    assert oracle_rate_bits(modelnet40(), 1.0 - accuracy) == pytest.approx(bits, abs=BITS)


@pytest.fixture(scope="module")
def mixture() -> dict[str, RateDistortionCurve]:
    return mixture_curves()


def test_mixture_least_error(mixture: dict[str, RateDistortionCurve]) -> None:
    """MA Fig. 1: what is left to err however many bits X is sent with."""
    for name in ("indirect", "estimate_and_compress", "compress_and_estimate"):
        assert mixture[name].least_distortion == pytest.approx(0.158655, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "bits"), [("oracle", 0.18872), ("indirect", 0.37382), ("estimate_and_compress", 0.43223)]
)
def test_mixture_rates_at_distortion_one_quarter(
    mixture: dict[str, RateDistortionCurve], name: str, bits: float
) -> None:
    assert mixture[name].rate_at(0.25) == pytest.approx(bits, abs=BITS)


def test_detection_rate() -> None:
    """RA equation 7: exact as an integer, and in logarithms, where no float holds it."""
    assert detection_count() == 6442943010251666964219456751042717945935579040
    assert detection_log2_count() == pytest.approx(152.1745, abs=BITS)
    assert uniform_rate_bits(detection_count(), 0.0) == pytest.approx(152.1745, abs=BITS)
    literal = sum(math.comb(98, i) * 80**i for i in range(1, 16))
    assert detection_count() == literal


def test_linear_rule_slope() -> None:
    """RA equations 5 and 6."""
    log2_classes = detection_log2_count()
    assert accuracy_per_bit(log2_classes) == pytest.approx(1 / 152.1745, rel=1e-6)
    assert linear_rule(log2_classes).rate_at(0.4) == pytest.approx(0.6 * 152.1745, abs=BITS)


def test_codes_of_ra_for_ten_classes() -> None:
    """RA section IV: 4 bit in a code of fixed length, 10/3 bit in blocks of three digits."""
    labels = np.arange(300) % 10
    codes = curves_from_predictions(
        Predictions.from_decisions(labels, labels), ["fixed_length", "block_codes"]
    )
    assert codes["fixed_length"].rate_bits.tolist() == [4.0]
    assert codes["block_codes"].rate_bits.min() == pytest.approx(10 / 3, abs=BITS)


def test_rate_invariance_of_the_three_kinds() -> None:
    """LL theorem 2: max(0, H[M(X)] - delta)."""
    assert supervised_entropy_bits(modelnet40()) == pytest.approx(5.00697, abs=BITS)
    assert finite_set_entropy_bits(1000) == pytest.approx(math.log2(1000), abs=1e-12)
    line = rate_invariance_curve(5.00697)
    assert line.rate_at(0.0) == pytest.approx(5.00697)
    assert line.rate_at(2.0) == pytest.approx(3.00697)
    assert line.rate_at(9.0) == 0.0
