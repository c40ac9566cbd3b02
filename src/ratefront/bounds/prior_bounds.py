"""Priors from files of class counts, and what a prior alone says of a task: the oracle."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ratefront.bounded_files import parse_json, read_regular_file
from ratefront.bounds.closed_form.water_filling import WaterFilling
from ratefront.bounds.curve_collection import Bounds
from ratefront.bounds.curve_names import ORACLE
from ratefront.bounds.curves.oracle import oracle_curve
from ratefront.bounds.source.distributions import FloatArray, entropy_bits, prior_from_counts
from ratefront.errors import InputError

_MOST_BYTES = 64 << 20  # a million classes with their names


def load_prior(path: str | Path) -> tuple[tuple[str, ...] | None, FloatArray]:
    """Read class names (None where the file has none) and counts, shape (K,), from a JSON file.

    The file holds a list of counts, `[980, 1135, ...]`, or an object, `{"airplane": 100, ...}`. Counts are
    nonnegative numbers and not all zero; relative frequencies work as well.

    Args:
        path: of the file.

    Raises:
        InputError: anything that makes the file unusable; the message names the file, the entry and the rule.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "counts.json"
        >>> _ = path.write_text("[30, 50, 20]")
        >>> names, counts = load_prior(path)
        >>> names is None, counts.tolist()
        (True, [30.0, 50.0, 20.0])
    """
    file = Path(path)
    try:
        return _from_document(_read(file))
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PriorBounds(Bounds):
    """What the prior of its labels alone says of a task.

    Attributes:
        class_names: in the order of the counts; None where there are no names.
    """

    label_entropy_bits: float
    zero_rate_distortion: float
    class_names: tuple[str, ...] | None = None

    @property
    def description(self) -> tuple[str, ...]:
        """The number of classes and the entropy of the label."""
        return (f"{self.classes} classes; the label has an entropy of {self.label_entropy_bits:.4f} bit",)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the document that ``ratefront bounds`` writes for a prior."""
        return {
            "classes": self.classes,
            "class_names": None if self.class_names is None else list(self.class_names),
            "samples": self.samples,
            "zero_rate_distortion": self.zero_rate_distortion,
            "label_entropy_bits": self.label_entropy_bits,
            "curves": self._curves_as_json(),
        }


def from_prior(counts: npt.ArrayLike, names: Sequence[str] | None = None) -> PriorBounds:
    """Compute the oracle of class counts; no predictions are needed.

    Args:
        counts: of each class, shape (K,); relative frequencies work as well.
        names: of the K classes.

    Returns:
        One curve, "oracle", in bit/sample. `samples` is the sum of the counts if all of them are whole numbers,
        else None.

    Raises:
        InputError: counts that are empty, negative, not finite, or all zero; another number of names.

    Example:
        >>> bounds = from_prior([50, 30, 20])
        >>> round(bounds.label_entropy_bits, 3), bounds.samples
        (1.485, 100)
        >>> round(bounds["oracle"].rate_at(0.1), 3)  # bit/sample at 90 % accuracy
        0.916
    """
    prior = prior_from_counts(counts)
    if names is not None and len(names) != prior.size:
        raise InputError(f"each of the {prior.size} classes needs one name, there are {len(names)}")
    return PriorBounds(
        curves={ORACLE: oracle_curve(prior)},
        classes=int(prior.size),
        class_names=None if names is None else tuple(names),
        samples=_samples(np.asarray(counts, dtype=np.float64)),
        zero_rate_distortion=WaterFilling(prior).zero_rate_distortion,
        label_entropy_bits=entropy_bits(prior),
    )


def from_counts_file(path: str | Path) -> PriorBounds:
    """Compute `from_prior` of the class counts in a JSON file: a list, `[980, 1135]`, or an object, `{"cat": 980}`.

    Args:
        path: of the file.

    Returns:
        As `from_prior`, with the names of an object.

    Raises:
        InputError: as `load_prior`.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "counts.json"
        >>> _ = path.write_text('{"cat": 30, "dog": 50, "eel": 20}')
        >>> from_counts_file(path).class_names
        ('cat', 'dog', 'eel')
    """
    names, counts = load_prior(path)
    return from_prior(counts, names)


def _samples(counts: FloatArray) -> int | None:
    whole = bool(np.all(counts == np.floor(counts)))
    return int(counts.sum()) if whole else None


class _Object(list[tuple[str, Any]]):
    """A JSON object's pairs as written: a dict would silently keep only the last of two equal names."""


def _read(file: Path) -> Any:
    try:
        return parse_json(read_regular_file(file, _MOST_BYTES), _Object)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"is not a JSON file: {error}") from error


def _from_document(document: Any) -> tuple[tuple[str, ...] | None, FloatArray]:
    if isinstance(document, _Object):
        _check_names([name for name, _ in document])
        names = tuple(name for name, _ in document)
        counts = [_count(f"the class {name!r}", value) for name, value in document]
        return names, _checked(counts)
    if isinstance(document, list):
        return None, _checked([_count(f"entry {index}", value) for index, value in enumerate(document)])
    raise InputError('must be a list of counts or an object {"class": count}')


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"the class {name!r} stands there twice")
        seen.add(name)


def _count(where: str, value: Any) -> float:
    rule = f"{where} must be a finite number >= 0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{rule}, it is {'nested' if isinstance(value, list) else json.dumps(value)}")
    try:
        count = float(value)
    except OverflowError:
        raise InputError(f"{rule}, it is too large") from None
    if not (math.isfinite(count) and count >= 0.0):
        raise InputError(f"{rule}, it is {count}")
    return count


def _checked(counts: list[float]) -> FloatArray:
    if not counts:
        raise InputError("holds no counts; at least one class is needed")
    if not any(counts):
        raise InputError("all counts are zero; at least one must be positive")
    if math.isinf(sum(counts)):
        raise InputError("the sum of the counts is too large for a float64")
    return np.array(counts, dtype=np.float64)
