"""What a task model said of N labelled samples, and the npz file that holds it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ratefront.array_files import UNREADABLE, WrongArrayError, npz_names, open_npz, read_npz_array
from ratefront.bounds.source.distributions import (
    PROBABILITY_TOLERANCE,
    IntArray,
    as_array,
    as_classes,
    joint_from_decisions,
    prior_from_labels,
)
from ratefront.bounds.source.scores import RealArray, are_probabilities, refuse_probabilities
from ratefront.errors import InputError
from ratefront.wording import Argument, Message

ReadAs = Literal["logits", "probabilities"]
OUTPUT_KEYS = ("logits", "probabilities", "predicted")
_OF_ARRAYS = (
    "give them as probabilities, or insist that they are logits (Predictions.from_logits, insist=True)"
)
_OF_A_FILE = Message(
    "store them as 'probabilities', or read them so (",
    Argument("read_as", "probabilities"),
    "); if they are logits all the same, insist (",
    Argument("read_as", "logits"),
    ")",
)
"""Advice for probabilities that are called logits."""
TEST_SPLIT = "_test"
"""A sweep's task_model/predictions.npz holds several splits; labels_test and logits_test are those of the report."""
NEGATIVE_ROUNDING = 1e-6
"""A probability that is negative by no more than this is 0 with the rounding of single precision; it counts as 0."""
GREATEST_CLASSES = 1_000_000
"""Decisions alone do not say how many classes there are. A greater number is taken for a mistake."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Checked predictions; use `load_predictions` or one of the `from_` constructors.

    Attributes:
        labels: shape (N,), 0..classes-1.
        predicted: shape (N,), the likeliest class (the first of equals).
        classes: K.
        log_probabilities: shape (N, K) up to a constant in each row, -inf where a probability is 0; None for
            decisions.

    Example:
        >>> predictions = Predictions.from_probabilities([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> predictions.predicted.tolist(), predictions.classes
        ([0, 1, 0], 2)
    """

    labels: IntArray
    predicted: IntArray
    classes: int
    log_probabilities: RealArray | None = None

    @classmethod
    def from_logits(
        cls, labels: npt.ArrayLike, logits: npt.ArrayLike, *, insist: bool = False
    ) -> Predictions:
        """Check labels (N,) and logits or log-probabilities (N, K).

        Args:
            labels: 0..K-1.
            logits: finite, or -inf where the probability of a class is exactly 0; at least one of a row is finite.
            insist: take rows for logits although they are >= 0 and sum to 1.

        Raises:
            InputError: wrong shapes, NaN, +inf, a row of -inf alone, labels out of range, or probabilities.
        """
        return cls._of_logits(labels, logits, insist=insist, remedy=_OF_ARRAYS)

    @classmethod
    def _of_logits(
        cls, labels: npt.ArrayLike, logits: npt.ArrayLike, *, insist: bool, remedy: str
    ) -> Predictions:
        scores = _checked_matrix(logits, "logits", may_be_impossible=True)
        y = _checked_labels(labels, scores.shape)
        decision = np.asarray(scores.argmax(axis=1), dtype=np.int64)
        if not insist:
            refuse_probabilities(scores, "logits", remedy)
        elif are_probabilities(scores):
            scores = scores - 1.0  # the same posteriors, no longer mistaken for probabilities
        return cls(y, decision, scores.shape[1], scores)

    @classmethod
    def from_probabilities(cls, labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Predictions:
        """Check labels (N,) and probabilities (N, K). What is negative by at most `NEGATIVE_ROUNDING` counts as 0.

        Raises:
            InputError: wrong shapes, values that are not finite, labels out of range, or rows that are negative or do
                not sum to 1.
        """
        p = _checked_matrix(probabilities, "probabilities")
        y = _checked_labels(labels, p.shape)
        _check_normalised(p)
        p = np.maximum(p, 0.0)
        with np.errstate(divide="ignore"):
            return cls(y, np.asarray(p.argmax(axis=1), dtype=np.int64), p.shape[1], np.log(p))

    @classmethod
    def from_decisions(
        cls, labels: npt.ArrayLike, predicted: npt.ArrayLike, classes: int | None = None
    ) -> Predictions:
        """Check labels (N,) and decided classes (N,).

        Args:
            labels: 0..K-1.
            predicted: 0..K-1.
            classes: K, at most `GREATEST_CLASSES`; by default 1 + the greatest label or decision.

        Raises:
            InputError: arrays of unequal length, or not classes; too many classes.
        """
        if classes is not None and classes > GREATEST_CLASSES:
            raise InputError(f"there may be at most {GREATEST_CLASSES} classes, got {classes}")
        limit = classes if classes is not None else GREATEST_CLASSES
        y, decision = as_classes(labels, limit, "labels"), as_classes(predicted, limit, "predicted")
        if y.size != decision.size:
            raise InputError(
                f"predicted must have the length of labels, {y.size}; its shape is {decision.shape}"
            )
        return cls(y, decision, classes if classes is not None else 1 + int(max(y.max(), decision.max())))

    @property
    def samples(self) -> int:
        """N."""
        return int(self.labels.size)

    @property
    def label_prior(self) -> npt.NDArray[np.float64]:
        """Relative frequency of each class among the labels, shape (K,)."""
        return prior_from_labels(self.labels, self.classes)

    @property
    def joint(self) -> sparse.csr_array:
        """The empirical p(y, y~), shape (K, K)."""
        return joint_from_decisions(self.labels, self.predicted, self.classes)


def load_predictions(path: str | Path, read_as: ReadAs | None = None) -> Predictions:
    """Read an npz file: `labels` (N,) and one of `logits` (N, K), `probabilities` (N, K), `predicted` (N,).

    The predictions that a sweep keeps of its task model, `labels_test` and `logits_test`, work as well.

    Args:
        path: of the file.
        read_as: "logits" or "probabilities": what the scores are, whatever their name and values suggest.

    Raises:
        InputError: probabilities that are called logits, or anything else that makes the file unusable; the
            message names the file, the array, the value and the rule.

    Example:
        >>> import numpy as np, pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "predictions.npz"
        >>> np.savez(path, labels=[0, 1, 2], logits=[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
        >>> load_predictions(path).predicted.tolist()
        [0, 1, 0]
    """
    file = Path(path)
    try:
        return _from_arrays(_read_arrays(file), read_as)
    except InputError as error:
        raise InputError(Message(f"{file}: ", error)) from error


def _read_arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with open_npz(file) as archive:
            names = npz_names(archive)
            split = "" if "labels" in names else TEST_SPLIT
            if f"labels{split}" not in names:
                raise InputError(
                    f"the array 'labels' (N,) is missing; it holds {', '.join(names) or 'nothing'}"
                )
            keys = [key for key in ("labels", *OUTPUT_KEYS) if key + split in names]
            return {key: _read_array(archive, key + split) for key in keys}
    except (zipfile.BadZipFile, IsADirectoryError) as error:
        raise InputError("this is not an npz file (numpy.savez writes one)") from error
    except (OSError, *UNREADABLE) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _read_array(archive: zipfile.ZipFile, key: str) -> npt.NDArray[Any]:
    try:
        return read_npz_array(archive, key)
    except WrongArrayError as error:
        raise InputError(f"the array {key!r} {error}") from error
    except MemoryError as error:
        raise InputError(f"the array {key!r} is larger than this machine's memory: {error}") from error
    except (OSError, *UNREADABLE) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the array {key!r} cannot be read: {reason}") from error


def _from_arrays(arrays: dict[str, npt.NDArray[Any]], read_as: ReadAs | None) -> Predictions:
    given = [key for key in OUTPUT_KEYS if key in arrays]
    if len(given) != 1:
        raise InputError(
            f"needs exactly one of {', '.join(OUTPUT_KEYS)}; it holds {', '.join(given) or 'none of them'}"
        )
    key, labels, values = given[0], arrays["labels"], arrays[given[0]]
    if key == "predicted":
        if read_as is not None:
            raise InputError(f"the array 'predicted' holds decisions, they cannot be read as {read_as}")
        return Predictions.from_decisions(labels, values)
    if (read_as or key) == "logits":
        return Predictions._of_logits(labels, values, insist=read_as is not None, remedy=_OF_A_FILE)
    return Predictions.from_probabilities(labels, values)


def _checked_matrix(values: npt.ArrayLike, name: str, *, may_be_impossible: bool = False) -> RealArray:
    """Return scores (N, K) as floats; `may_be_impossible` says whether -inf is a score."""
    matrix = as_array(values, name)
    if matrix.dtype.kind not in "fiu":
        raise InputError(f"{name} must be real numbers, they are {matrix.dtype}")
    if matrix.ndim != 2 or matrix.size == 0:
        raise InputError(f"{name} must have shape (N, K) with N, K >= 1, it has shape {matrix.shape}")
    if matrix.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        matrix = matrix.astype(np.float32 if matrix.dtype == np.float16 else np.float64)
    is_right = matrix < np.inf if may_be_impossible else np.isfinite(matrix)
    bad = np.argwhere(~is_right)
    if bad.size:
        row, column = bad[0]
        rule = "finite, or -inf where a class is impossible" if may_be_impossible else "finite"
        raise InputError(f"{name} must be {rule}, {name}[{row}, {column}] is {matrix[row, column]}")
    empty = np.flatnonzero(~np.isfinite(matrix.max(axis=1)))
    if empty.size:
        raise InputError(
            f"each row of {name} must have a finite score, row {empty[0]} is -inf for every class"
        )
    return matrix


def _checked_labels(labels: npt.ArrayLike, shape: tuple[int, ...]) -> IntArray:
    y = as_classes(labels, shape[1], "labels")
    if y.size != shape[0]:
        raise InputError(f"labels must have one entry for each of the {shape[0]} rows, there are {y.size}")
    return y


def _check_normalised(p: RealArray) -> None:
    negative = np.argwhere(p < -NEGATIVE_ROUNDING)
    if negative.size:
        row, column = negative[0]
        raise InputError(
            f"probabilities must be >= 0 within {NEGATIVE_ROUNDING:g}, probabilities[{row}, {column}] is "
            f"{p[row, column]}; logits and log-probabilities are stored as 'logits'"
        )
    sums = p.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(np.abs(sums - 1.0) > PROBABILITY_TOLERANCE)
    if wrong.size:
        raise InputError(
            f"each row of probabilities must sum to 1 within {PROBABILITY_TOLERANCE:g}, "
            f"row {wrong[0]} sums to {sums[wrong[0]]:.6g}; divide each row by its sum"
        )
