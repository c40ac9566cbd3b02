from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.builders import predictions

from ratefront.bounds import from_predictions, oracle_rate_bits, uniform_rate_bits
from ratefront.oracle_hypervolume import (
    hypervolume_rate_accuracy,
    oracle_hypervolume,
    reference_point,
)


def at(rate_bits, accuracy):
    return SimpleNamespace(rate_bits=rate_bits, accuracy=accuracy)


@pytest.fixture(scope="module")
def bounds():
    labels, logits = predictions(2)
    return from_predictions(labels, logits=logits)


FACTS = {"zero_rate_distortion": 0.9, "raw_bits": 512.0, "task_model_bytes": 1000}


def test_default_reference_point():
    found = reference_point(["rate_bits", "accuracy", "transmitter_bytes"], {}, **FACTS)
    assert found.values == {"rate_bits": 512.0, "accuracy": pytest.approx(0.1), "transmitter_bytes": 2000.0}
    assert not found.reasons


def test_the_sweep_files_reference_overrides_the_defaults():
    found = reference_point(["rate_bits"], {"rate_bits": 20.0}, **FACTS)
    assert found.values["rate_bits"] == 20.0


def test_encode_ms_must_be_given():
    objectives = ["rate_bits", "accuracy", "encode_ms"]
    missing = reference_point(objectives, {}, **FACTS)
    assert missing.complete(objectives) is None
    assert "encode_ms has no default" in missing.why_incomplete(objectives)
    assert missing.complete(["rate_bits", "accuracy"]) is not None
    assert reference_point(objectives, {"encode_ms": 50.0}, **FACTS).complete(objectives)["encode_ms"] == 50.0


def test_a_metric_has_no_default_reference():
    objectives = ["balanced_accuracy", "rate_bits"]
    missing = reference_point(objectives, {}, **FACTS)
    assert "balanced_accuracy has no default, the sweep file must give it" in missing.why_incomplete(
        objectives
    )
    found = reference_point(objectives, {"balanced_accuracy": 0.1}, **FACTS)
    assert found.complete(objectives) == {"balanced_accuracy": 0.1, "rate_bits": 512.0}


def test_unknown_raw_bits_leave_the_reference_incomplete_with_a_reason():
    found = reference_point(["rate_bits"], {}, **{**FACTS, "raw_bits": None})
    assert found.complete(["rate_bits"]) is None
    assert "raw bits" in found.why_incomplete(["rate_bits"])


def test_points_on_the_oracle_reach_its_own_hypervolume(bounds):
    reference = {"rate_bits": 512.0, "accuracy": 1.0 - bounds.zero_rate_distortion}
    prior = np.full(10, 0.1)
    points = [at(float(oracle_rate_bits(prior, d)), 1.0 - d) for d in np.linspace(0.0, 0.9, 3000)]
    share = hypervolume_rate_accuracy(points, bounds, reference)
    assert 0.995 < share < 1.0


def test_oracle_hypervolume_counts_only_the_part_below_the_reference(bounds):
    half = {"rate_bits": 1.0, "accuracy": 0.1}
    distortion = np.linspace(0.0, 0.9, 200_001)
    height = np.maximum(0.0, 1.0 - np.log2(1.0 + uniform_rate_bits(10, distortion)))
    assert oracle_hypervolume(bounds, half) == pytest.approx(float(height.mean() * 0.9), rel=1e-3)


def test_an_oracle_without_volume_gives_no_fraction(bounds):
    assert hypervolume_rate_accuracy([], bounds, {"rate_bits": 9.0, "accuracy": 1.0}) is None
