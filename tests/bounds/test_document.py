"""The JSON contract, there and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from ratefront.bounds import (
    ORACLE,
    Predictions,
    bounds_document,
    curves_from_document,
    curves_from_predictions,
    entropy_bits,
)
from ratefront.errors import InputError

PLUG_IN = {
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
}
HONEST = {"indirect_estimate_and_compress_posterior", "indirect_estimate_and_compress_cross_fitted"}
"""Drawn besides where the samples are too few for the plug-in estimate."""
ITERATED = {"task_model", "indirect_estimate_and_compress", "indirect_estimate_and_compress_posterior"}
EXPECTING = {"task_model", "sample_and_communicate", "indirect_estimate_and_compress_posterior"}
"""What the posteriors themselves expect stands beside what the labels measure."""


def predictions_of(classes: int, samples: int, sharpened: float = 1.0) -> Predictions:
    """Labels drawn from the softmax of logits, which the model then sharpens."""
    rng = np.random.default_rng(5)
    logits = 3 * rng.normal(size=(samples, classes))
    return Predictions.from_logits(
        (logits + rng.gumbel(size=logits.shape)).argmax(axis=1), sharpened * logits
    )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return predictions_of(10, 360)


@pytest.fixture(scope="module")
def document(predictions: Predictions) -> dict[str, Any]:
    return bounds_document(predictions)


def test_the_document_survives_json_and_holds_the_contract(
    document: dict[str, Any], predictions: Predictions
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


def test_which_curves_are_drawn_unasked() -> None:
    """Behind 25 samples a cell the plug-in curves alone; behind fewer the honest ones as well, and a warning."""
    enough = bounds_document(predictions_of(4, 400), points=5)
    assert (set(enough["curves"]), enough["warnings"]) == (PLUG_IN, [])
    few = bounds_document(predictions_of(4, 200), points=5)
    assert set(few["curves"]) == PLUG_IN | HONEST
    assert len(few["warnings"]) == 1


@pytest.mark.parametrize("points", [5, 60])
def test_every_curve_has_its_points_sorted_and_what_belongs_beside_them(
    predictions: Predictions, points: int
) -> None:
    for name, curve in bounds_document(predictions, points=points)["curves"].items():
        size = len(curve["distortion"])
        assert len(curve["rate_bits"]) == size
        assert curve["distortion"] == sorted(curve["distortion"])
        if name in ITERATED:
            assert size == points + 1  # and the point at zero rate
            assert max(curve["gap_bits"]) <= 1e-4
        elif name != "indirect_estimate_and_compress_cross_fitted":
            assert size >= 200
        assert ("gap_bits" in curve) == (name in ITERATED)
        assert ("distortion_expected" in curve) == (name in EXPECTING)
        for beside in ("gap_bits", "distortion_expected"):
            assert len(curve.get(beside, curve["distortion"])) == size


@pytest.mark.parametrize("name", ["sample_and_communicate", "task_model"])
def test_so_has_every_curve_of_an_overconfident_model(name: str) -> None:
    curve = bounds_document(predictions_of(5, 400, sharpened=3.0), only=[name])["curves"][name]
    assert len(curve["distortion"]) >= (61 if name in ITERATED else 200)


@pytest.mark.parametrize("sharpened", [0.3, 1.0, 3.0])
def test_the_curves_cover_all_from_the_task_model_to_zero_rate(sharpened: float) -> None:
    assert_covering(bounds_document(predictions_of(6, 300, sharpened), points=12))


def assert_covering(document: dict[str, Any]) -> None:
    task_model, zero_rate = document["task_model_distortion"], document["zero_rate_distortion"]
    for name in PLUG_IN:
        distortion = document["curves"][name]["distortion"]
        least = 0.0 if name == ORACLE else task_model
        assert min(distortion) <= least + 1e-12, name
        assert max(distortion) >= zero_rate - 1e-12, name
    assert document["curves"][ORACLE]["distortion"][0] == 0.0
    indirect = document["curves"]["indirect_estimate_and_compress"]
    assert (indirect["distortion"][-1], indirect["rate_bits"][-1]) == (pytest.approx(zero_rate), 0.0)


def test_they_do_where_scores_are_tied() -> None:
    tied = Predictions.from_probabilities(
        [0, 0, 2, 1], [[0.4, 0.4, 0.2], [0.8, 0.1, 0.1], [0, 0, 1], [0, 1, 0]]
    )
    assert_covering(bounds_document(tied, points=12))


def test_the_expected_distortion_is_the_posteriors_own(predictions: Predictions) -> None:
    curves = curves_from_predictions(predictions, ["task_model", "sample_and_communicate"], points=12)
    posterior = softmax(np.asarray(predictions.log_probabilities), axis=1)
    for curve in curves.values():
        expected = curve.expected()
        assert expected.least_distortion == pytest.approx(1 - posterior.max(axis=1).mean(), abs=1e-9)
    assert curves["task_model"].expected().distortion[-1] == pytest.approx(1 - posterior.mean(axis=0).max())


def test_the_way_back_gives_the_same_curves(document: dict[str, Any], predictions: Predictions) -> None:
    direct = curves_from_predictions(predictions)
    for name, curve in curves_from_document(json.loads(json.dumps(document))).items():
        np.testing.assert_array_equal(curve.rate_bits, direct[name].rate_bits)
        np.testing.assert_array_equal(curve.distortion, direct[name].distortion)
        assert (curve.monotone, curve.convex) == (direct[name].monotone, direct[name].convex)


def test_decisions_alone_have_no_curve_that_sees_posteriors() -> None:
    decisions = Predictions.from_decisions([0, 1, 1], [0, 1, 0])
    assert set(bounds_document(decisions)["curves"]) == (PLUG_IN - EXPECTING) | {
        "indirect_estimate_and_compress_cross_fitted"
    }
    for name in EXPECTING:
        with pytest.raises(InputError, match="needs logits or probabilities"):
            bounds_document(decisions, only=[name])


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
def test_a_damaged_document_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        curves_from_document(document)
