"""Input at the edge of meaning: a right answer, never NaN."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ratefront.bounds import Predictions, bounds_document, curves_from_document

LABELS = np.array([0, 0, 0, 1, 1, 2])


def one_hot(decisions: list[int], classes: int) -> Predictions:
    return Predictions.from_probabilities(LABELS, np.eye(classes)[decisions])


CASES = {
    "one class": Predictions.from_logits([0, 0, 0], np.zeros((3, 1))),
    "one sample, right": Predictions.from_logits([1], [[0.0, 2.0]]),
    "one sample, wrong": Predictions.from_logits([0], [[0.0, 2.0]]),
    "a class that never occurs": one_hot([0, 0, 1, 1, 1, 2], 4),
    "a class that is never predicted": one_hot([0, 0, 1, 1, 1, 0], 3),
    "perfect": one_hot([0, 0, 0, 1, 1, 2], 3),
    "constant majority": one_hot([0] * 6, 3),
    "constant minority": one_hot([2] * 6, 3),
    "constant class that never occurs": one_hot([3] * 6, 4),
    "always wrong": one_hot([1, 1, 1, 2, 2, 0], 3),
    "all scores equal": Predictions.from_logits(LABELS, np.zeros((6, 3))),
    "huge logits": Predictions.from_logits(LABELS, 1e30 * np.eye(3)[LABELS]),
    "tied prior": Predictions.from_decisions([0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 0]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_number_is_finite_and_every_curve_reaches_zero_rate(case: str) -> None:
    document = bounds_document(CASES[case])
    json.dumps(document, allow_nan=False)
    zero = document["zero_rate_distortion"]
    for curve in curves_from_document(document).values():
        assert curve.rate_bits.min() == pytest.approx(0, abs=1e-12)
        assert curve.envelope(zero).rate_at(zero) == pytest.approx(0, abs=1e-12)


def test_one_class_costs_nothing_and_is_never_wrong() -> None:
    document = bounds_document(CASES["one class"])
    assert document["label_entropy_bits"] == document["zero_rate_distortion"] == 0.0
    for name in ("oracle", "indirect_estimate_and_compress"):
        assert document["curves"][name]["distortion"] == [0.0]


def test_behind_a_perfect_model_ec_and_iec_are_the_oracle() -> None:
    curves = curves_from_document(bounds_document(CASES["perfect"]))
    for distortion in np.linspace(0, 0.5, 40):
        oracle = curves["oracle"].rate_at(distortion)
        assert curves["estimate_and_compress"].rate_at(distortion) == pytest.approx(oracle, abs=1e-3)
        assert curves["indirect_estimate_and_compress"].rate_at(distortion) == pytest.approx(oracle, abs=2e-3)


def test_a_constant_model_offers_the_zero_rate_point_alone() -> None:
    curves = curves_from_document(bounds_document(CASES["constant majority"]))
    assert curves["estimate_and_compress"].distortion.tolist() == pytest.approx([0.5])
    assert curves["indirect_estimate_and_compress"].distortion.tolist() == pytest.approx([0.5])
    assert curves["time_sharing"].rate_at(0.5) == 0.0


def test_a_model_that_is_always_wrong_is_still_worth_its_information_to_iec() -> None:
    curves = curves_from_document(bounds_document(CASES["always wrong"]))
    assert curves["estimate_and_compress"].envelope(0.5).distortion.tolist() == pytest.approx([0.5])
    assert curves["indirect_estimate_and_compress"].least_distortion == pytest.approx(0.0)
    assert curves["indirect_estimate_and_compress"].rate_bits[0] == pytest.approx(1.459148, abs=1e-5)
