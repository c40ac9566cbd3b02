"""The bounds of the validation split, as the ledger gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders import predictions
from tests.small_sweep import small_sweep_spec

from ratefront.bounds import Predictions, bounds_of, oracle_rate_bits
from ratefront.history.bound_points import rate_at
from ratefront.history.events import BoundsReady
from ratefront.history.sweep_history import SweepHistory
from ratefront.store import validation_bounds
from ratefront.store.validation_bounds import missing_bounds

BOTH = ("oracle", "task_model")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Predictions whose test split has other labels and other scores."""
    labels, logits = predictions(1, samples=400)
    path = tmp_path / "predictions.npz"
    test = {"labels_test": np.zeros(9, int), "logits_test": np.ones((9, 10), np.float32)}
    np.savez(path, labels_validation=labels, logits_validation=logits, **test)
    return path


def test_the_curves_are_those_of_the_validation_split(written: Path) -> None:
    ready = validation_bounds.validation_bounds(written, BOTH)
    assert (ready.split, ready.samples, dict(ready.missing)) == ("validation", 400, {})
    labels, logits = predictions(1, samples=400)
    prior = np.bincount(labels, minlength=10) / labels.size
    for distortion in np.linspace(0.0, 0.9, 50):
        rate = rate_at(ready.curves["oracle"], distortion)
        true = float(oracle_rate_bits(prior, distortion))
        assert rate is not None
        assert true - 1e-9 <= rate <= true + 2e-3, "straight lines lie above a convex curve by little"
    drawn = bounds_of(Predictions.from_logits(labels, logits), BOTH).envelopes["task_model"]
    for distortion in np.linspace(drawn.least_distortion + 0.01, 0.9, 50):
        assert rate_at(ready.curves["task_model"], distortion) == pytest.approx(
            drawn.rate_at(distortion), abs=2e-3
        )


def test_of_a_large_split_samples_are_left_out(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_bounds, "MOST_SCORES", 1000)
    ready = validation_bounds.validation_bounds(written, BOTH)
    assert ready.samples == 100
    whole = np.bincount(predictions(1, samples=400)[0], minlength=10) / 400
    assert rate_at(ready.curves["oracle"], 0.0) == pytest.approx(float(oracle_rate_bits(whole, 0.0)))


@pytest.mark.parametrize("content", ["nothing", "other", "garbage", "flat", "labels"])
def test_predictions_that_cannot_be_used_end_no_sweep(content: str, tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    arrays: dict[str, dict[str, Any]] = {
        "other": {"labels_test": np.zeros(3, int)},
        "flat": {"labels_validation": np.zeros(3, int), "logits_validation": np.zeros(3)},
        "labels": {"labels_validation": np.full(3, 7), "logits_validation": np.zeros((3, 2))},
    }
    if content in arrays:
        np.savez(path, **arrays[content])
    elif content == "garbage":
        path.write_bytes(b"no zip")
    ready = validation_bounds.validation_bounds(path, BOTH)
    assert (ready.samples, dict(ready.curves), sorted(ready.missing)) == (0, {}, sorted(BOTH))
    assert all(reason and str(tmp_path) not in reason for reason in ready.missing.values())


def test_bounds_are_written_again_only_where_one_is_new(written: Path) -> None:
    oracle_only, both = small_sweep_spec(bounds=["oracle"]), small_sweep_spec(bounds=list(BOTH))
    history = SweepHistory()
    first = missing_bounds(written, oracle_only, history)
    assert first is not None
    assert list(first.curves) == ["oracle"]
    history.bounds_ready = first
    assert missing_bounds(written, oracle_only, history) is None
    second = missing_bounds(written, both, history)
    assert second is not None
    assert list(second.curves) == list(BOTH)
    history.bounds_ready = BoundsReady("validation", 0, {}, dict.fromkeys(BOTH, "no posteriors"))
    assert missing_bounds(written, both, history) is None, "nothing has changed"
