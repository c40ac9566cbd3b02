from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.examples.documents import EXAMPLES, example_document
from ratefront.errors import InputError


@pytest.fixture(scope="module")
def documents():
    return {name: example_document(name) for name in EXAMPLES}


def curve(document, name):
    arrays = document["curves"][name]
    return RateDistortionCurve(name, np.array(arrays["rate_bits"]), np.array(arrays["distortion"]))


def all_curves(document):
    groups = [document, *document.get("panels", {}).values()]
    return [(name, curve(group, name)) for group in groups for name in group["curves"]]


def test_each_document_is_plain_json_says_what_it_is_and_comes_out_the_same_again(documents):
    assert EXAMPLES == ("mixture", "detection", "modelnet40")
    for name, document in documents.items():
        text = json.dumps(document, allow_nan=False)
        assert json.loads(text) == document
        assert json.dumps(example_document(name), allow_nan=False) == text
        assert document["example"] == name
        assert "Fig. " in document["source"]


def test_every_curve_can_be_built_again_and_ends_at_zero_rate(documents):
    for document in documents.values():
        for name, built in all_curves(document):
            assert built.rate_bits.size >= 50, name
            assert built.rate_bits[-1] == pytest.approx(0.0, abs=1e-9), name
            assert np.all(np.diff(built.rate_bits) <= 1e-12), name


def test_the_mixture_has_the_published_points_and_its_densities_are_densities(documents):
    document = documents["mixture"]
    assert set(document["curves"]) == {
        "oracle",
        "indirect",
        "estimate_and_compress",
        "compress_and_estimate",
    }
    assert document["least_distortion"] == pytest.approx(0.158655, abs=1e-6)
    for name, rate in (("oracle", 0.18872), ("indirect", 0.37382), ("estimate_and_compress", 0.43223)):
        assert curve(document, name).rate_at(0.25) == pytest.approx(rate, abs=1e-4)
    density = {name: np.array(values) for name, values in document["density"].items()}
    step = density["x"][1] - density["x"][0]
    for name in ("p(x)", "p(x | y = 0)", "p(x | y = 1)"):
        assert step * density[name].sum() == pytest.approx(1.0, abs=1e-4)
    assert density["p(x | y = 0)"][::-1] == pytest.approx(density["p(x | y = 1)"])
    assert density["x"][density["p(x | y = 0)"].argmax()] == pytest.approx(-1.0)


def test_detection_counts_exactly_and_has_the_papers_four_panels(documents):
    document = documents["detection"]
    exact = sum(math.comb(98, i) * 80**i for i in range(1, 16))
    assert document["classes"] == str(exact) == "6442943010251666964219456751042717945935579040"
    assert document["log2_classes"] == pytest.approx(152.1745, abs=1e-4)
    assert {name: panel["classes"] for name, panel in document["panels"].items()} == {
        "MNIST": 10,
        "ModelNet40": 40,
        "ImageNet": 1000,
    }
    published = {"MNIST": (0.0056, 3.25423), "ModelNet40": (0.2, 3.54292), "ImageNet": (0.239, 6.79093)}
    for name, (distortion, rate) in published.items():
        assert curve(document["panels"][name], "oracle").rate_at(distortion) == pytest.approx(rate, abs=1e-3)


def test_the_linear_rule_starts_where_the_oracle_starts_and_never_lies_below_it(documents):
    document = documents["detection"]
    for panel in (document, *document["panels"].values()):
        oracle, rule = curve(panel, "oracle"), curve(panel, "linear_rule")
        assert oracle.rate_bits[0] == pytest.approx(panel["log2_classes"])
        assert rule.rate_bits[0] == pytest.approx(panel["log2_classes"])
        for distortion in np.linspace(0.0, 1.0, 57):
            excess = rule.rate_at(distortion) - oracle.rate_at(distortion)
            assert -1e-9 <= excess <= 1.0 + 1e-6


def test_modelnet40_has_the_published_entropy_and_the_uniform_prior_is_the_worst(documents):
    document = documents["modelnet40"]
    assert (document["samples"], document["classes"]) == (2468, 40)
    assert document["label_entropy_bits"] == pytest.approx(5.00697, abs=1e-5)
    test_split, uniform = curve(document, "oracle"), curve(document, "oracle_uniform")
    assert test_split.rate_bits[0] == pytest.approx(document["label_entropy_bits"])
    assert uniform.rate_bits[0] == pytest.approx(math.log2(40))
    assert test_split.rate_at(0.38313) == pytest.approx(2.02910, abs=1e-4)
    for distortion in np.linspace(0.0, 0.95, 39):
        assert test_split.rate_at(distortion) < uniform.rate_at(distortion)


@pytest.mark.parametrize("name", ["", "Mixture", "mnist"])
def test_an_unknown_example_is_refused_and_the_known_ones_named(name):
    with pytest.raises(InputError, match=r"mixture, detection, modelnet40"):
        example_document(name)
