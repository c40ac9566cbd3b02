"""Probabilities in place of logits are recognised by their rows; logits never are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from tests.bounds.calibrated_samples import calibrated_logits

from ratefront.bounds import (
    Predictions,
    curves_from_predictions,
    load_predictions,
    sample_and_communicate,
    task_model_curve,
    task_model_point,
)
from ratefront.bounds.source.scores import BLOCK_ENTRIES, are_probabilities
from ratefront.errors import InputError

LABELS, LOGITS = calibrated_logits(60, 10)
P = softmax(LOGITS, axis=1)


def rows(samples: int, classes: int, dtype: str = "float64") -> np.ndarray:
    """A softmax computed and kept in this precision."""
    logits = calibrated_logits(samples, classes, scale=3.0)[1].astype(dtype)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True, dtype=dtype), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_softmax_of_any_precision_is_recognised(classes: int, dtype: str) -> None:
    assert are_probabilities(rows(50, classes, dtype))
    with pytest.raises(
        InputError,
        match=r"these are probabilities.*as probabilities, or insist.*from_logits",
    ):
        Predictions.from_logits(np.zeros(50, int), rows(50, classes, dtype))


PROBABILITIES: dict[str, np.ndarray] = {
    "one hot": np.eye(10)[LABELS],
    "one hot, of integers": np.eye(10, dtype=int)[LABELS],
    "even": np.full((60, 10), 0.1),
    "rounded to three digits": P.round(3),
    "more than a block of them": rows(BLOCK_ENTRIES // 10 + 100, 10),
}

LOGITS_THEY_ARE: dict[str, np.ndarray] = {
    "logits": LOGITS,
    "log-probabilities": log_softmax(LOGITS, axis=1),
    "rectified logits": np.maximum(LOGITS, 0.0),
    "probabilities less a constant": P - 0.01,
    "squashed one by one": 1.0 / (1.0 + np.exp(-LOGITS)),
    "of a single class": np.ones((60, 1)),
    "but for the last row": np.vstack([PROBABILITIES["more than a block of them"], LOGITS[:1]]),
}


@pytest.mark.parametrize("kind", PROBABILITIES)
def test_all_kinds_of_probabilities_are_refused(kind: str) -> None:
    scores = PROBABILITIES[kind]
    with pytest.raises(InputError, match="these are probabilities"):
        Predictions.from_logits(np.zeros(len(scores), int), scores)


@pytest.mark.parametrize("kind", LOGITS_THEY_ARE)
def test_possible_logits_are_accepted(kind: str) -> None:
    scores = LOGITS_THEY_ARE[kind]
    taken = Predictions.from_logits(np.zeros(len(scores), int), scores)
    np.testing.assert_array_equal(taken.log_probabilities, scores)


def test_insisting_takes_probabilities_for_logits() -> None:
    insisted = Predictions.from_logits(LABELS, P, insist=True)
    assert insisted.log_probabilities is not None
    np.testing.assert_allclose(softmax(insisted.log_probabilities, axis=1), softmax(P, axis=1), atol=1e-15)
    np.testing.assert_array_equal(insisted.predicted, P.argmax(axis=1))
    drawn = curves_from_predictions(insisted, ["task_model", "sample_and_communicate"], points=4)
    flat = softmax(P, axis=1)
    assert drawn["task_model"].expected().least_distortion == pytest.approx(1 - flat.max(axis=1).mean())


@pytest.mark.parametrize(
    "curve",
    [
        lambda scores: task_model_curve(scores, LABELS),
        lambda scores: sample_and_communicate(scores, LABELS),
        lambda scores: task_model_point(scores, 2.0),
    ],
)
def test_curves_of_bare_scores_refuse_probabilities(curve: Callable[[np.ndarray], object]) -> None:
    with pytest.raises(InputError, match=r"probabilities: .* give their logarithm"):
        curve(P)
    curve(np.log(P))


def test_read_as_decides_how_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    np.savez(path, labels=LABELS, logits=P)
    with pytest.raises(InputError, match=r"p\.npz: .*read_as='probabilities'.*read_as='logits'") as refused:
        load_predictions(path)
    assert "from_logits" not in str(refused.value), "that takes arrays"
    read = load_predictions(path, "probabilities")
    np.testing.assert_allclose(np.exp(read.log_probabilities), P)
    insisted = load_predictions(path, "logits")
    np.testing.assert_allclose(softmax(insisted.log_probabilities, axis=1), softmax(P, axis=1))
    np.savez(path, labels=LABELS, probabilities=np.log(P))
    with pytest.raises(InputError, match=r"must be >= 0.*stored as 'logits'"):
        load_predictions(path)
    np.testing.assert_array_equal(load_predictions(path, "logits").log_probabilities, np.log(P))


def test_read_as_decides_how_a_sweeps_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    np.savez(path, labels_test=LABELS, logits_test=P)
    with pytest.raises(InputError, match="these are probabilities"):
        load_predictions(path)
    np.testing.assert_allclose(np.exp(load_predictions(path, "probabilities").log_probabilities), P)


def test_decisions_cannot_be_read_as_scores(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", labels=LABELS, predicted=LABELS)
    with pytest.raises(InputError, match="holds decisions, they cannot be read as logits"):
        load_predictions(tmp_path / "p.npz", "logits")
