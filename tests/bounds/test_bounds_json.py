"""The default curves of predictions, and the keys of the JSON document."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from ratefront.bounds import (
    ORACLE,
    Bootstrap,
    Bounds,
    PredictionBounds,
    Predictions,
    bounds_of,
    curves_from_predictions,
    entropy_bits,
)
from ratefront.errors import InputError

pytestmark = pytest.mark.medium

PLUG_IN = {
    "oracle",
    "task_model",
    "estimate_and_compress",
    "indirect_estimate_and_compress",
    "sample_and_communicate",
    "time_sharing",
}
OTHER_ESTIMATES = {"indirect_estimate_and_compress_posterior", "indirect_estimate_and_compress_cross_fitted"}
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
def bounds(predictions: Predictions) -> PredictionBounds:
    return bounds_of(predictions)


def written(bounds: Bounds) -> dict[str, Any]:
    """What a reader of the JSON file finds."""
    found: dict[str, Any] = bounds.to_json()
    return found


def test_the_document_has_the_documented_keys(bounds: PredictionBounds, predictions: Predictions) -> None:
    document = written(bounds)
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


def test_default_curves() -> None:
    """Behind 25 samples a cell the plug-in curves alone; behind fewer the honest ones as well, and a warning."""
    enough = bounds_of(predictions_of(4, 400), points=5)
    assert (set(enough), enough.warnings) == (PLUG_IN, ())
    few = bounds_of(predictions_of(4, 200), points=5)
    assert set(few) == PLUG_IN | OTHER_ESTIMATES
    assert len(few.warnings) == 1


def test_besides_adds_curves_to_the_default_ones() -> None:
    found = bounds_of(predictions_of(4, 400), besides=["huffman", "oracle"], points=5)
    assert set(found) == {*PLUG_IN, "huffman"}


@pytest.mark.parametrize("points", [5, 60])
def test_every_curve_has_sorted_points_and_its_other_arrays(predictions: Predictions, points: int) -> None:
    for name, curve in written(bounds_of(predictions, points=points))["curves"].items():
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
        for array in ("gap_bits", "distortion_expected"):
            assert len(curve.get(array, curve["distortion"])) == size


@pytest.mark.parametrize("name", ["sample_and_communicate", "task_model"])
def test_curves_of_an_overconfident_model_are_complete(name: str) -> None:
    curve = bounds_of(predictions_of(5, 400, sharpened=3.0), only=[name])[name]
    assert curve.distortion.size >= (61 if name in ITERATED else 200)


@pytest.mark.parametrize("sharpened", [0.3, 1.0, 3.0])
def test_the_curves_cover_all_from_the_task_model_to_zero_rate(sharpened: float) -> None:
    assert_covering(bounds_of(predictions_of(6, 300, sharpened), points=12))


def assert_covering(bounds: PredictionBounds) -> None:
    zero_rate = bounds.zero_rate_distortion
    for name in PLUG_IN:
        least = 0.0 if name == ORACLE else bounds.task_model_distortion
        assert bounds[name].least_distortion <= least + 1e-12, name
        assert bounds[name].distortion.max() >= zero_rate - 1e-12, name
    assert bounds[ORACLE].least_distortion == 0.0
    indirect = bounds["indirect_estimate_and_compress"]
    assert (indirect.distortion[-1], indirect.rate_bits[-1]) == (pytest.approx(zero_rate), 0.0)


def test_curves_reach_zero_rate_where_scores_are_tied() -> None:
    tied = Predictions.from_probabilities(
        [0, 0, 2, 1], [[0.4, 0.4, 0.2], [0.8, 0.1, 0.1], [0, 0, 1], [0, 1, 0]]
    )
    assert_covering(bounds_of(tied, points=12))


def test_the_expected_distortion_is_the_posteriors_own(predictions: Predictions) -> None:
    curves = curves_from_predictions(predictions, ["task_model", "sample_and_communicate"], points=12)
    posterior = softmax(np.asarray(predictions.log_probabilities), axis=1)
    for curve in curves.values():
        expected = curve.expected()
        assert expected.least_distortion == pytest.approx(1 - posterior.max(axis=1).mean(), abs=1e-9)
    assert curves["task_model"].expected().distortion[-1] == pytest.approx(1 - posterior.mean(axis=0).max())


def test_the_file_holds_exactly_the_curves_numbers(bounds: PredictionBounds) -> None:
    for name, curve in written(bounds)["curves"].items():
        np.testing.assert_array_equal(bounds[name].rate_bits, curve["rate_bits"])
        np.testing.assert_array_equal(bounds[name].distortion, curve["distortion"])
        assert curve["assumptions"] == bounds[name].assumptions


def test_an_interval_without_an_end_is_null_in_the_file() -> None:
    """Where the decisions err more often in many resamples than in the samples, those do not come down there."""
    found = bounds_of(predictions_of(3, 60), ["time_sharing"], bootstrap=Bootstrap(20, seed=1))
    band, held_out = written(found)["curves"]["time_sharing"]["held_out"], found.held_out["time_sharing"]
    ends = np.concatenate([held_out.rate_bits_low, held_out.rate_bits_high])
    assert [value is None for value in band["rate_bits_low"] + band["rate_bits_high"]] == np.isinf(
        ends
    ).tolist()
    assert np.isinf(ends).any()
    assert (band["resamples"], band["seed"], band["level"], band["folds"]) == (20, 1, 0.95, 5)


def test_decisions_alone_give_no_curve_that_needs_posteriors() -> None:
    decisions = Predictions.from_decisions([0, 1, 1], [0, 1, 0])
    assert set(bounds_of(decisions)) == (PLUG_IN - EXPECTING) | {
        "indirect_estimate_and_compress_cross_fitted"
    }
    for name in EXPECTING:
        with pytest.raises(InputError, match="needs logits or probabilities"):
            bounds_of(decisions, only=[name])


def test_only_selects_curves_and_unknown_names_list_the_valid_ones(predictions: Predictions) -> None:
    assert set(bounds_of(predictions, only=["oracle", "time_sharing"])) == {
        "oracle",
        "time_sharing",
    }
    with pytest.raises(InputError, match="'orakel'; there are oracle"):
        bounds_of(predictions, only=["orakel"])
