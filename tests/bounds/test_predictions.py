"""Predictions in npz files: what is accepted, and what each refusal says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratefront.bounds import Predictions, bounds_of, load_predictions
from ratefront.bounds.source.predictions import NEGATIVE_ROUNDING
from ratefront.errors import InputError

LABELS = np.array([0, 1, 2, 1])
LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 5.0, 1.0], [1.0, 4.0, 1.0]])


def written(folder: Path, **arrays: object) -> Path:
    path = folder / "predictions.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_logits_probabilities_and_decisions_agree(tmp_path: Path) -> None:
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    by_logits = load_predictions(written(tmp_path, labels=LABELS, logits=LOGITS))
    by_probability = load_predictions(written(tmp_path, labels=LABELS, probabilities=p))
    by_decision = load_predictions(written(tmp_path, labels=LABELS, predicted=LOGITS.argmax(axis=1)))
    assert by_logits.predicted.tolist() == by_probability.predicted.tolist() == [0, 1, 1, 1]
    assert by_decision.predicted.tolist() == [0, 1, 1, 1]
    assert by_decision.classes == by_logits.classes == 3
    assert by_decision.log_probabilities is None
    assert by_logits.joint.toarray()[2, 1] == 0.25


def test_half_precision_probabilities_pass_and_zeros_become_minus_inf(tmp_path: Path) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(1000), 4).astype(np.float16)
    p[0] = 0
    p[0, 7] = 1
    loaded = load_predictions(written(tmp_path, labels=LABELS, probabilities=p))
    assert loaded.log_probabilities is not None
    assert np.isneginf(loaded.log_probabilities[0]).sum() == 999


def test_integer_logits_and_unrelated_arrays_are_accepted(tmp_path: Path) -> None:
    path = written(
        tmp_path, labels=LABELS.astype(np.uint8), logits=LOGITS.astype(int), note=np.array("run 3")
    )
    assert load_predictions(path).samples == 4


def test_classes_of_decisions_are_one_more_than_the_greatest_seen() -> None:
    assert Predictions.from_decisions([0, 4], [1, 1]).classes == 5
    assert Predictions.from_decisions([0, 4], [1, 6]).classes == 7


def probabilities(row: int, values: list[float]) -> np.ndarray:
    p = np.full((4, 3), 1 / 3)
    p[row] = values
    return p


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "nan logits": (
        {"labels": LABELS, "logits": np.where(LOGITS == 5, np.nan, LOGITS)},
        r"logits\[2, 1\] is nan",
    ),
    "infinite logits": (
        {"labels": LABELS, "logits": np.where(LOGITS == 5, np.inf, LOGITS)},
        r"logits\[2, 1\] is inf",
    ),
    "flat logits": ({"labels": LABELS, "logits": LOGITS[:, 0]}, r"logits must have shape \(N, K\)"),
    "text logits": ({"labels": LABELS, "logits": LOGITS.astype(str)}, "logits must be real"),
    "complex logits": ({"labels": LABELS, "logits": LOGITS + 1j}, "logits must be real"),
    "too few labels": ({"labels": LABELS[:3], "logits": LOGITS}, "each of the 4 rows, there are 3"),
    "label matrix": ({"labels": LABELS[:, None], "logits": LOGITS}, r"labels must have shape \(N,\)"),
    "label too great": ({"labels": np.array([0, 1, 3, 1]), "logits": LOGITS}, r"0\.\.2, labels\[2\] is 3"),
    "negative label": ({"labels": np.array([0, -1, 2, 1]), "logits": LOGITS}, r"labels\[1\] is -1"),
    "real labels": ({"labels": LABELS + 0.5, "logits": LOGITS}, "labels must be of an integer type.*float64"),
    "no labels": ({"logits": LOGITS}, "'labels' .* is missing"),
    "no output": ({"labels": LABELS}, "exactly one of logits, probabilities, predicted.*none"),
    "two outputs": ({"labels": LABELS, "logits": LOGITS, "predicted": LABELS}, "holds logits, predicted"),
    "negative": (
        {"labels": LABELS, "probabilities": probabilities(1, [-0.1, 0.6, 0.5])},
        r"\[1, 0\] is -0.1",
    ),
    "unnormalised": (
        {"labels": LABELS, "probabilities": probabilities(3, [0.5, 0.5, 0.5])},
        "row 3 sums to 1.5",
    ),
    "zero row": ({"labels": LABELS, "probabilities": probabilities(0, [0, 0, 0])}, "row 0 sums to 0"),
    "nan probability": (
        {"labels": LABELS, "probabilities": probabilities(0, [np.nan, 0, 1])},
        r"\[0, 0\] is nan",
    ),
    "objects": ({"labels": LABELS, "logits": LOGITS.astype(object)}, "'logits'.*objects"),
    "object labels": ({"labels": LABELS.astype(object), "logits": LOGITS}, "'labels'.*objects"),
    "empty": ({"labels": LABELS[:0], "logits": LOGITS[:0]}, r"N, K >= 1.*\(0, 3\)"),
    "empty decisions": ({"labels": LABELS[:0], "predicted": LABELS[:0]}, r"labels must have shape.*\(0,\)"),
    "unequal": ({"labels": LABELS, "predicted": LABELS[:3]}, "length of labels, 4"),
    "negative decision": ({"labels": LABELS, "predicted": LABELS - 1}, r"predicted\[0\] is -1"),
    "real decisions": ({"labels": LABELS, "predicted": LABELS / 2}, "predicted must be of an integer type"),
    "absurd class": ({"labels": LABELS, "predicted": LABELS + 10**9}, "predicted must lie in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_each_refusal_names_file_array_value_and_rule(tmp_path: Path, case: str) -> None:
    arrays, message = REFUSED[case]
    path = written(tmp_path, **arrays)
    with pytest.raises(InputError, match=message) as refusal:
        load_predictions(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_is_not_npz_is_refused(tmp_path: Path) -> None:
    single, text, empty = tmp_path / "one.npy", tmp_path / "text.npz", tmp_path / "empty.npz"
    np.save(single, LABELS)
    text.write_text("labels,logits\n")
    empty.write_bytes(b"")
    for path in (single, text, empty):
        with pytest.raises(InputError, match=r"(?s)" + path.name + ".*not an npz"):
            load_predictions(path)


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.npz.*No such file"):
        load_predictions(tmp_path / "nowhere.npz")
    with pytest.raises(InputError, match="not an npz"):
        load_predictions(tmp_path)
    whole = written(tmp_path, labels=LABELS, logits=LOGITS).read_bytes()
    for damage in (whole[:200] + b"\xff" * 60 + whole[260:], whole[:-40]):
        (tmp_path / "damaged.npz").write_bytes(damage)
        with pytest.raises(InputError, match=r"damaged\.npz"):
            load_predictions(tmp_path / "damaged.npz")


def test_a_sweeps_file_is_read_for_its_test_split(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "predictions.npz",
        labels_validation=np.array([0, 1]),
        logits_validation=2 * np.eye(2),
        labels_test=np.array([1, 1, 0]),
        logits_test=2 * np.eye(2)[[1, 0, 0]],
    )
    found = load_predictions(tmp_path / "predictions.npz")
    assert found.labels.tolist() == [1, 1, 0]
    assert found.predicted.tolist() == [1, 0, 0]


def test_minus_infinite_logits_are_impossible_classes() -> None:
    logits = LOGITS.copy()
    logits[0, 2] = logits[1, 0] = -np.inf
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_logits, by_probability = (
        Predictions.from_logits(LABELS, logits),
        Predictions.from_probabilities(LABELS, p),
    )
    assert by_logits.log_probabilities is not None
    assert np.isneginf(by_logits.log_probabilities).sum() == 2
    ours, theirs = bounds_of(by_logits), bounds_of(by_probability)
    for name in ours:
        np.testing.assert_allclose(ours[name].rate_bits, theirs[name].rate_bits, atol=1e-6)
    assert ours.expected_calibration_error == pytest.approx(theirs.expected_calibration_error)


def test_a_row_without_a_possible_class_is_refused() -> None:
    logits = LOGITS.copy()
    logits[2] = -np.inf
    with pytest.raises(InputError, match="row 2 is -inf for every class"):
        Predictions.from_logits(LABELS, logits)


def test_probabilities_below_zero_by_rounding_are_zeros() -> None:
    rounded, exact = np.full((4, 3), 1 / 3), np.full((4, 3), 1 / 3)
    rounded[1], exact[1] = [-1e-9, 0.5, 0.5], [0.0, 0.5, 0.5]
    by_rounded, by_exact = (Predictions.from_probabilities(LABELS, p) for p in (rounded, exact))
    np.testing.assert_array_equal(by_rounded.log_probabilities, by_exact.log_probabilities)
    rounded[1, 0] = -2 * NEGATIVE_ROUNDING
    with pytest.raises(InputError, match=r"\[1, 0\] is -2e-06"):
        Predictions.from_probabilities(LABELS, rounded)
