"""How far a measured point lies above the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.builders import biased_predictions, predictions

from ratefront.bounds import (
    Bounds,
    PredictionBounds,
    RateDistortionCurve,
    from_predictions,
    uniform_rate_bits,
)
from ratefront.errors import InputError


@pytest.fixture(scope="module")
def bounds() -> PredictionBounds:
    labels, logits = predictions(2)
    return from_predictions(labels, logits=logits)


def bounds_with(rate: list[float], distortion: list[float], **claims: bool) -> Bounds:
    """A single made-up curve that nothing is sent beyond D0 = 0.9 for."""
    curve = RateDistortionCurve("made up", np.array(rate), np.array(distortion), **claims)
    return Bounds(curves={"made up": curve}, classes=10, zero_rate_distortion=0.9)


def test_gap_to_the_oracle_is_the_closed_form_of_equiprobable_classes(bounds: PredictionBounds) -> None:
    found = bounds.gaps(4.0, 0.9)["oracle"]
    bound = float(uniform_rate_bits(10, 0.1))
    assert found.bits == pytest.approx(4.0 - bound, abs=1e-4)
    assert found.ratio == pytest.approx(4.0 / bound, abs=1e-4)


def test_wrong_posteriors_give_a_warning_and_a_tempered_curve(
    bounds: PredictionBounds,
) -> None:
    assert not any("calibrat" in warning for warning in bounds.warnings)
    assert "task_model_calibrated" not in bounds
    labels, logits = biased_predictions(2)
    found = from_predictions(labels, logits=logits)
    assert any("badly calibrated" in warning for warning in found.warnings)
    assert any("S&C lies below TMRD" in warning for warning in found.warnings)
    assert found.gaps(4.0, 0.2)["task_model_calibrated"].bits is not None


def test_gap_is_null_with_a_reason_at_and_beyond_zero_rate(bounds: PredictionBounds) -> None:
    found = bounds.gaps(0.2, 0.1)["oracle"]
    assert (found.bits, found.ratio) == (None, None)
    assert "needs no bits" in found.reason


def test_gap_is_null_with_a_reason_below_the_least_distortion(bounds: PredictionBounds) -> None:
    found = bounds.gaps(4.0, 1.0)
    assert found["oracle"].bits is not None
    assert found["estimate_and_compress"].bits is None
    assert "least distortion" in found["estimate_and_compress"].reason


def test_gap_is_defined_at_the_task_models_own_accuracy(bounds: PredictionBounds) -> None:
    assert bounds.gaps(5.0, 1.0 - bounds.task_model_distortion)["time_sharing"].bits is not None
    below = bounds_with([1.0, 0.0], [0.3, 0.9], convex=True)
    assert below.gaps(5.0, 0.7 + 1e-12)["made up"].bits == pytest.approx(4.0)


def test_a_curve_that_is_not_convex_is_compared_by_its_envelope() -> None:
    bumpy = bounds_with([3.0, 2.5, 0.0], [0.1, 0.5, 0.9])
    assert bumpy.gaps(3.0, 0.5)["made up"].bits == pytest.approx(3.0 - 1.5)
    assert bumpy["made up"].rate_at(0.5) == 2.5


def test_gaps_are_ordered_as_the_bounds_are(bounds: PredictionBounds) -> None:
    found = [gap.bits for gap in bounds.gaps(4.0, 0.9).values()]
    names = ("oracle", "indirect_estimate_and_compress", "estimate_and_compress")
    oracle, indirect, decided = (found[list(bounds).index(name)] for name in names)
    assert oracle is not None
    assert indirect is not None
    assert decided is not None
    assert oracle >= indirect >= decided


def test_gaps_take_zero_rate_from_the_oracle_or_raise() -> None:
    line = RateDistortionCurve("oracle", np.array([2.0, 0.0]), np.array([0.0, 0.8]), convex=True)
    bump = RateDistortionCurve("bump", np.array([3.0, 2.0]), np.array([0.0, 0.4]))
    both = Bounds(curves={"oracle": line, "bump": bump}, classes=5)
    assert both.gaps(4.0, 0.6)["bump"].bits == pytest.approx(4.0 - 1.5)
    with pytest.raises(InputError, match="need the oracle among the curves, got bump"):
        Bounds(curves={"bump": bump}, classes=5).gaps(1.0, 0.5)
