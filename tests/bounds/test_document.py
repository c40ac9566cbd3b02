"""The JSON contract, there and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ratefront.bounds import (
    ORACLE,
    Predictions,
    bounds_document,
    curves_from_document,
    curves_from_predictions,
    entropy_bits,
)
from ratefront.errors import InputError

ALL = {
    "oracle",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
}


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 10, 360)
    return Predictions.from_logits(labels, 4 * np.eye(10)[labels] + 2 * rng.normal(size=(360, 10)))


@pytest.fixture(scope="module")
def document(predictions: Predictions) -> dict[str, object]:
    return bounds_document(predictions)


def test_the_document_survives_json_and_holds_the_contract(
    document: dict[str, object], predictions: Predictions
) -> None:
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    errors = np.mean(predictions.predicted != predictions.labels)
    assert document["classes"] == 10
    assert document["samples"] == 360
    assert document["task_model_distortion"] == pytest.approx(errors)
    assert document["zero_rate_distortion"] == pytest.approx(1 - np.bincount(predictions.labels).max() / 360)
    assert document["label_entropy_bits"] == pytest.approx(
        entropy_bits(np.bincount(predictions.labels) / 360)
    )
    assert document["estimate_entropy_bits"] == pytest.approx(
        entropy_bits(np.bincount(predictions.predicted) / 360)
    )


def test_every_curve_is_dense_enough_sorted_and_covers_its_range(document: dict[str, object]) -> None:
    curves = document["curves"]
    assert isinstance(curves, dict)
    assert set(curves) == ALL
    for name, curve in curves.items():
        assert len(curve["rate_bits"]) == len(curve["distortion"]) >= (60 if "indirect" in name else 200)
        assert curve["distortion"] == sorted(curve["distortion"])
        assert ("gap_bits" in curve) == ("indirect" in name)
    assert curves[ORACLE]["distortion"][0] == 0
    indirect = curves["indirect_estimate_and_compress"]["distortion"]
    assert indirect[0] <= document["task_model_distortion"] + 1e-12  # type: ignore[operator]
    assert indirect[-1] == pytest.approx(document["zero_rate_distortion"])


def test_the_way_back_gives_the_same_curves(document: dict[str, object], predictions: Predictions) -> None:
    direct = curves_from_predictions(predictions)
    for name, curve in curves_from_document(json.loads(json.dumps(document))).items():
        np.testing.assert_array_equal(curve.rate_bits, direct[name].rate_bits)
        np.testing.assert_array_equal(curve.distortion, direct[name].distortion)
        assert (curve.monotone, curve.convex) == (direct[name].monotone, direct[name].convex)


def test_decisions_alone_have_no_sample_and_communicate() -> None:
    decisions = Predictions.from_decisions([0, 1, 1], [0, 1, 0])
    assert set(bounds_document(decisions)["curves"]) == ALL - {"sample_and_communicate"}
    with pytest.raises(InputError, match="needs logits or probabilities"):
        bounds_document(decisions, only=["sample_and_communicate"])


def test_only_selects_and_unknown_names_list_the_valid_ones(predictions: Predictions) -> None:
    assert set(bounds_document(predictions, only=["oracle", "time_sharing"])["curves"]) == {
        "oracle",
        "time_sharing",
    }
    with pytest.raises(InputError, match="'orakel'; there are oracle"):
        bounds_document(predictions, only=["orakel"])


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"curves": []},
        {"curves": {"oracle": {"rate_bits": [1.0]}}},
        {"curves": {"oracle": {"rate_bits": ["x"], "distortion": [0.1]}}},
        {"curves": {"oracle": {"rate_bits": [0.0, 1.0], "distortion": [0.1, 0.2]}}},
    ],
)
def test_a_damaged_document_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InputError):
        curves_from_document(document)
