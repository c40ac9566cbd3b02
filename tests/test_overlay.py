from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.builders import biased_predictions, predictions

from ratefront.bounds import RateDistortionCurve, oracle_rate_bits, uniform_rate_bits
from ratefront.errors import InputError
from ratefront.overlay import (
    gap,
    gap_bits,
    hypervolume_rate_accuracy,
    oracle_hypervolume,
    overlay_of,
    reference_point,
)


def at(rate_bits, accuracy):
    return SimpleNamespace(rate_bits=rate_bits, accuracy=accuracy)


def curve(rate, distortion, **claims):
    return RateDistortionCurve("made up", np.array(rate), np.array(distortion), **claims)


@pytest.fixture(scope="module")
def overlay():
    return overlay_of(*predictions(2))


def test_gap_to_the_oracle_is_the_closed_form_of_equiprobable_classes(overlay):
    found = overlay.gaps(at(4.0, 0.9))["oracle"]
    bound = float(uniform_rate_bits(10, 0.1))
    assert found.bits == pytest.approx(4.0 - bound, abs=1e-4)
    assert found.ratio == pytest.approx(4.0 / bound, abs=1e-4)


def test_a_model_whose_posteriors_are_wrong_is_warned_of_and_tempered_bounds_come_along(overlay):
    assert not any("calibrat" in warning for warning in overlay.warnings)
    assert "task_model_calibrated" not in overlay.curves
    found = overlay_of(*biased_predictions(2))
    assert any("badly calibrated" in warning for warning in found.warnings)
    assert any("S&C lies below TMRD" in warning for warning in found.warnings)
    assert found.gaps(at(4.0, 0.2))["task_model_calibrated"].bits is not None


def test_gap_is_null_with_a_reason_at_and_beyond_zero_rate(overlay):
    found = overlay.gaps(at(0.2, 0.1))["oracle"]
    assert (found.bits, found.ratio) == (None, None)
    assert "needs no bits" in found.reason


def test_gap_is_null_with_a_reason_below_the_least_distortion(overlay):
    found = overlay.gaps(at(4.0, 1.0))
    assert found["oracle"].bits is not None
    assert found["estimate_and_compress"].bits is None
    assert "least distortion" in found["estimate_and_compress"].reason


def test_gap_at_the_task_models_own_accuracy_is_defined_despite_rounding(overlay):
    point = at(5.0, 1.0 - overlay.task_model_distortion)
    assert overlay.gaps(point)["time_sharing"].bits is not None
    below = curve([1.0, 0.0], [0.3, 0.9], convex=True)
    assert gap(at(5.0, 0.7 + 1e-12), below, 0.9).bits == pytest.approx(4.0)


def test_a_curve_that_is_not_convex_is_compared_by_its_envelope():
    bumpy = curve([3.0, 2.5, 0.0], [0.1, 0.5, 0.9])
    assert gap(at(3.0, 0.5), bumpy, 0.9).bits == pytest.approx(3.0 - 1.5)


def test_gaps_are_ordered_as_the_bounds_are(overlay):
    found = gap_bits(at(4.0, 0.9), overlay.curves)
    assert found["oracle"] >= found["indirect_estimate_and_compress"] >= found["estimate_and_compress"]


def test_gaps_without_an_oracle_are_an_error():
    with pytest.raises(InputError, match="need the oracle"):
        gap_bits(at(1.0, 0.5), {})


FACTS = {"zero_rate_distortion": 0.9, "raw_bits": 512.0, "task_model_bytes": 1000}


def test_default_reference_is_the_one_of_the_theory():
    found = reference_point(["rate_bits", "accuracy", "transmitter_bytes"], {}, **FACTS)
    assert found.values == {"rate_bits": 512.0, "accuracy": pytest.approx(0.1), "transmitter_bytes": 2000.0}
    assert not found.reasons


def test_what_the_sweep_file_gives_counts_before_the_defaults():
    found = reference_point(["rate_bits"], {"rate_bits": 20.0}, **FACTS)
    assert found.values["rate_bits"] == 20.0


def test_encode_ms_must_be_given():
    objectives = ["rate_bits", "accuracy", "encode_ms"]
    missing = reference_point(objectives, {}, **FACTS)
    assert missing.complete(objectives) is None
    assert "encode_ms has no default" in missing.why_not(objectives)
    assert missing.complete(["rate_bits", "accuracy"]) is not None
    assert reference_point(objectives, {"encode_ms": 50.0}, **FACTS).complete(objectives)["encode_ms"] == 50.0


def test_a_metric_has_no_default_reference():
    objectives = ["balanced_accuracy", "rate_bits"]
    missing = reference_point(objectives, {}, **FACTS)
    assert "balanced_accuracy has no default, the sweep file must give it" in missing.why_not(objectives)
    found = reference_point(objectives, {"balanced_accuracy": 0.1}, **FACTS)
    assert found.complete(objectives) == {"balanced_accuracy": 0.1, "rate_bits": 512.0}


def test_unknown_raw_bits_leave_the_reference_open_with_a_reason():
    found = reference_point(["rate_bits"], {}, **{**FACTS, "raw_bits": None})
    assert found.complete(["rate_bits"]) is None
    assert "raw bits" in found.why_not(["rate_bits"])


def test_points_on_the_oracle_reach_its_own_hypervolume(overlay):
    reference = {"rate_bits": 512.0, "accuracy": 1.0 - overlay.zero_rate_distortion}
    prior = np.full(10, 0.1)
    points = [at(float(oracle_rate_bits(prior, d)), 1.0 - d) for d in np.linspace(0.0, 0.9, 3000)]
    share = hypervolume_rate_accuracy(points, overlay.curves, reference)
    assert 0.995 < share < 1.0


def test_oracle_hypervolume_of_a_small_reference_counts_the_part_below_it_only(overlay):
    half = {"rate_bits": 1.0, "accuracy": 0.1}
    distortion = np.linspace(0.0, 0.9, 200_001)
    height = np.maximum(0.0, 1.0 - np.log2(1.0 + uniform_rate_bits(10, distortion)))
    assert oracle_hypervolume(overlay.curves, half) == pytest.approx(float(height.mean() * 0.9), rel=1e-3)


def test_an_oracle_without_volume_has_no_fractions(overlay):
    assert hypervolume_rate_accuracy([], overlay.curves, {"rate_bits": 9.0, "accuracy": 1.0}) is None
