"""MA's Gaussian mixture: published values, order, and each curve computed in another way."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import expit, ndtr
from scipy.stats import norm

from ratefront.bounds import RateDistortionCurve, blahut_arimoto
from ratefront.bounds import estimate_and_compress as compressed_decisions
from ratefront.bounds.examples.mixture import LEAST_ERROR, class_densities, mixture_curves
from ratefront.bounds.examples.mixture import _magnitude_quadrature as magnitude_quadrature

NAMES = ("oracle", "indirect", "estimate_and_compress", "compress_and_estimate")


@pytest.fixture(scope="module")
def curves() -> dict[str, RateDistortionCurve]:
    return mixture_curves()


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    """Middles of 4000 cells of X, and their masses under both labels, shape (2, 4000)."""
    edges = np.linspace(-6, 6, 4001)
    inner = np.stack([ndtr(edges[1:-1] - centre) for centre in (-1, 1)])
    padded = np.concatenate([np.zeros((2, 1)), inner, np.ones((2, 1))], axis=1)
    return (edges[1:] + edges[:-1]) / 2, 0.5 * np.diff(padded, axis=1)


def rate(curve: RateDistortionCurve, distortion: float) -> float:
    value = curve.rate_at(distortion)
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("name", "bits"), [("oracle", 0.18872), ("indirect", 0.37382), ("estimate_and_compress", 0.43223)]
)
def test_published_rates_at_a_quarter(curves: dict[str, RateDistortionCurve], name: str, bits: float) -> None:
    assert rate(curves[name], 0.25) == pytest.approx(bits, abs=2e-5)


def test_curves_have_their_names_ends_and_points(curves: dict[str, RateDistortionCurve]) -> None:
    assert tuple(curves) == NAMES
    assert pytest.approx(0.158655, abs=1e-6) == LEAST_ERROR
    for name, curve in curves.items():
        assert curve.name == name
        assert curve.distortion[0] == pytest.approx(0.0 if name == "oracle" else LEAST_ERROR, abs=1e-12)
        assert (curve.distortion[-1], curve.rate_bits[-1]) == (0.5, 0.0)
        assert curve.distortion.size >= (50 if name == "compress_and_estimate" else 200)
    assert [curves[name].rate_bits[0] for name in NAMES[:3]] == [1.0, 1.0, 1.0]


def test_mixture_curves_are_ordered(curves: dict[str, RateDistortionCurve]) -> None:
    for d in np.linspace(LEAST_ERROR, 0.5, 500):
        oracle, indirect, decided, compressed = (rate(curves[name], d) for name in NAMES)
        assert oracle <= indirect + 1e-5
        assert indirect <= min(decided, compressed) + 1e-5


def test_neither_ec_nor_ce_is_better_everywhere(curves: dict[str, RateDistortionCurve]) -> None:
    """MA Fig. 1: compressing X wins at low rates, deciding first wins near the least error."""
    assert rate(curves["compress_and_estimate"], 0.3) < rate(curves["estimate_and_compress"], 0.3)
    assert rate(curves["compress_and_estimate"], 0.18) > rate(curves["estimate_and_compress"], 0.18)


@pytest.mark.parametrize("slope", [0.5, 2.0, 8.0, 40.0])
def test_indirect_is_what_blahut_arimoto_finds_on_fine_cells(
    curves: dict[str, RateDistortionCurve], cells: tuple[np.ndarray, np.ndarray], slope: float
) -> None:
    _, joint = cells
    posterior = joint / joint.sum(axis=0)
    solved = blahut_arimoto(joint.sum(axis=0), 1.0 - posterior.T, slope, tolerance_bits=1e-7)
    assert solved.rate_bits == pytest.approx(rate(curves["indirect"], solved.distortion), abs=2e-5)
    np.testing.assert_allclose(solved.output, 0.5, atol=1e-3)


def test_the_quadrature_is_exact_for_known_integrals() -> None:
    magnitude, weight = magnitude_quadrature()
    assert weight.sum() == pytest.approx(1.0, abs=1e-14)
    assert weight @ magnitude**2 == pytest.approx(2.0, abs=1e-13)
    assert 0.5 - 0.5 * (weight @ np.tanh(magnitude)) == pytest.approx(LEAST_ERROR, abs=1e-14)


def test_ec_of_the_mixture_is_the_librarys_ec(
    curves: dict[str, RateDistortionCurve],
) -> None:
    right, wrong = (1 - LEAST_ERROR) / 2, LEAST_ERROR / 2
    other = compressed_decisions([[right, wrong], [wrong, right]])
    for d in np.linspace(LEAST_ERROR, 0.5, 100):
        assert rate(curves["estimate_and_compress"], d) == pytest.approx(rate(other, d), abs=1e-4)


def shannon_point(squared_error: float) -> tuple[float, float]:
    """Rate and task error of the continuous X at a squared error below 1, where Shannon's bound is tight."""
    z = np.linspace(-9, 9, 4001)
    mass = norm.pdf(z) * (z[1] - z[0])
    x = np.linspace(-11, 11, 20001)
    density = class_densities(x).mean(axis=0)
    entropy = -np.sum(density * np.log2(density)) * (x[1] - x[0])
    answer = 1 + np.sqrt(1 - squared_error) * z
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    one = expit(2 * (answer[:, None] + np.sqrt(squared_error) * node)) @ (weight / weight.sum())
    bits = entropy - 0.5 * np.log2(2 * np.pi * np.e * squared_error)
    return float(bits), float(mass @ np.minimum(one, 1 - one))


@pytest.mark.parametrize("squared_error", [0.9, 0.5, 0.2, 0.05])
def test_ce_of_the_mixture_reaches_shannons_lower_bound(
    curves: dict[str, RateDistortionCurve], squared_error: float
) -> None:
    curve = curves["compress_and_estimate"]
    bits, error = shannon_point(squared_error)
    assert np.interp(-bits, -curve.rate_bits, curve.distortion) == pytest.approx(error, abs=2e-4)


def test_ce_with_two_values_is_a_binary_decision(
    curves: dict[str, RateDistortionCurve],
) -> None:
    curve = curves["compress_and_estimate"]
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    x, weight = 1 + z, weight / weight.sum()
    for b in (0.2, 0.5, 0.9):
        follow = expit(2 * b * x)
        bits = 1 + weight @ (follow * np.log2(follow) + (1 - follow) * np.log2(1 - follow))
        error = weight @ (follow * expit(-2 * x) + (1 - follow) * expit(2 * x))
        assert rate(curve, error) == pytest.approx(bits, abs=1e-3)


def test_no_compress_and_estimate_point_lies_below_the_indirect_curve(
    curves: dict[str, RateDistortionCurve],
) -> None:
    curve = curves["compress_and_estimate"]
    for d, bits in zip(curve.distortion, curve.rate_bits, strict=True):
        assert bits >= rate(curves["indirect"], d) - 1e-5
    assert np.all(np.diff(curve.rate_bits) < 0)
    assert np.all(np.diff(curve.distortion) > 0)


def test_densities_are_two_unit_normals() -> None:
    x = np.linspace(-4, 4, 12).reshape(3, 4)
    drawn = class_densities(x)
    assert drawn.shape == (2, 3, 4)
    np.testing.assert_allclose(drawn, [norm.pdf(x, -1), norm.pdf(x, 1)], atol=1e-15)


def test_mixture_curves_take_seconds_at_most() -> None:
    began = time.process_time()
    mixture_curves()
    assert time.process_time() - began < 5.0
