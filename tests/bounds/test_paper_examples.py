from __future__ import annotations

import math

import numpy as np
import pytest

from ratefront.bounds import EXAMPLES, example
from ratefront.errors import InputError


@pytest.fixture(scope="module")
def examples():
    return {name: example(name) for name in EXAMPLES}


def all_curves(bounds):
    panels = getattr(bounds, "panels", {}).values()
    return [curve for group in (bounds, *panels) for curve in group.values()]


def test_each_example_is_described_and_reproducible(examples):
    assert EXAMPLES == ("mixture", "detection", "modelnet40", "published")
    for name, bounds in examples.items():
        assert example(name).to_json() == bounds.to_json()
        assert bounds.example == bounds.to_json()["example"] == name
        assert "Fig. " in bounds.source
        assert bounds.source in str(bounds)


def test_every_curve_ends_at_zero_rate(examples):
    for bounds in examples.values():
        for curve in all_curves(bounds):
            assert curve.rate_bits.size >= 50, curve.name
            assert curve.rate_bits[-1] == pytest.approx(0.0, abs=1e-9), curve.name
            assert np.all(np.diff(curve.rate_bits) <= 1e-12), curve.name


def test_every_curve_is_written_under_its_own_name(examples):
    for bounds in examples.values():
        assert [curve.name for curve in bounds.values()] == list(bounds)
        assert list(bounds.to_json()["curves"]) == list(bounds)


def test_mixture_has_published_points_and_true_densities(examples):
    bounds = examples["mixture"]
    assert set(bounds) == {
        "oracle",
        "indirect",
        "estimate_and_compress",
        "compress_and_estimate",
    }
    assert bounds.least_distortion == pytest.approx(0.158655, abs=1e-6)
    for name, rate in (("oracle", 0.18872), ("indirect", 0.37382), ("estimate_and_compress", 0.43223)):
        assert bounds[name].rate_at(0.25) == pytest.approx(rate, abs=1e-4)
    x, density = bounds.density.x, bounds.density
    for values in (density.mixture, *density.given):
        assert (x[1] - x[0]) * values.sum() == pytest.approx(1.0, abs=1e-4)
    assert density.given[0][::-1] == pytest.approx(density.given[1])
    assert x[density.given[0].argmax()] == pytest.approx(-1.0)
    written = bounds.to_json()["density"]
    assert written["p(x | y = 0)"] == density.given[0].tolist()
    assert (written["x"], written["p(x)"]) == (x.tolist(), density.mixture.tolist())


def test_detection_count_is_exact_with_the_papers_four_panels(examples):
    bounds = examples["detection"]
    exact = sum(math.comb(98, i) * 80**i for i in range(1, 16))
    assert str(bounds.classes) == str(exact) == "6442943010251666964219456751042717945935579040"
    assert bounds.to_json()["classes"] == str(exact)
    assert bounds.log2_classes == pytest.approx(152.1745, abs=1e-4)
    assert {name: panel.classes for name, panel in bounds.panels.items()} == {
        "MNIST": 10,
        "ModelNet40": 40,
        "ImageNet": 1000,
    }
    published = {"MNIST": (0.0056, 3.25423), "ModelNet40": (0.2, 3.54292), "ImageNet": (0.239, 6.79093)}
    for name, (distortion, rate) in published.items():
        assert bounds.panels[name]["oracle"].rate_at(distortion) == pytest.approx(rate, abs=1e-3)


def test_linear_rule_starts_at_the_oracle_and_never_lies_below_it(examples):
    bounds = examples["detection"]
    for panel in (bounds, *bounds.panels.values()):
        oracle, rule = panel["oracle"], panel["linear_rule"]
        assert oracle.rate_bits[0] == pytest.approx(panel.log2_classes)
        assert rule.rate_bits[0] == pytest.approx(panel.log2_classes)
        for distortion in np.linspace(0.0, 1.0, 57):
            excess = rule.rate_at(distortion) - oracle.rate_at(distortion)
            assert -1e-9 <= excess <= 1.0 + 1e-6


def test_modelnet40_entropy_is_published_and_uniform_is_the_worst(examples):
    bounds = examples["modelnet40"]
    assert (bounds.samples, bounds.classes) == (2468, 40)
    assert bounds.label_entropy_bits == pytest.approx(5.00697, abs=1e-5)
    test_split, uniform = bounds["oracle"], bounds["oracle_uniform"]
    assert test_split.rate_bits[0] == pytest.approx(bounds.label_entropy_bits)
    assert uniform.rate_bits[0] == pytest.approx(math.log2(40))
    assert test_split.rate_at(0.38313) == pytest.approx(2.02910, abs=1e-4)
    for distortion in np.linspace(0.0, 0.95, 39):
        assert test_split.rate_at(distortion) < uniform.rate_at(distortion)


@pytest.mark.parametrize("name", ["", "Mixture", "mnist"])
def test_an_unknown_example_is_refused_with_the_known_names(name):
    with pytest.raises(InputError, match=r"mixture, detection, modelnet40"):
        example(name)
