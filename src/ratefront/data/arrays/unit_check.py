"""Check on some samples of each split whether the splits of a user's data have the same units.

A split that was divided once more than the others differs in every sample. Two measures have to agree: the largest
value of all samples read, which is the same for images of the night and of the day; and the typical size of a sample
(the geometric mean of the root mean squares), which a single bright image does not change. The check allows for chance
in few samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratefront.data.arrays.npz_arrays import file_stamp
from ratefront.data.arrays.npz_samples import read_spread_samples
from ratefront.data.arrays.value_rules import SampleKind

_FACTOR = 3
_FEWEST = 8  # samples: fewer may be of any size by chance
_STANDARD_ERRORS = 4
_LEAST_CHANCE = 1e-4
_COMPARISON_WORDS = {
    "images": ("darker", "brighter", "values up to"),
    "points": ("smaller", "larger", "points as far out as"),
}


@dataclass(frozen=True, eq=False)
class _Sizes:
    """Largest value and root mean square of each sample read; those of a cloud are taken about its centre."""

    largest: NDArray[np.float64]
    root_mean_square: NDArray[np.float64]

    @property
    def log_sizes(self) -> NDArray[np.float64]:
        """Logarithms of the root mean squares; a sample of zeros is left out, since no unit changes it."""
        log_sizes: NDArray[np.float64] = np.log(self.root_mean_square[self.root_mean_square > 0])
        return log_sizes


def unit_remarks(path: Path, splits: Sequence[str], kind: SampleKind) -> list[str]:
    """Compare each split with the first, the training split, and say where its samples are far smaller or larger.

    Raises:
        InputError: The arrays cannot be read.
    """
    stamp = file_stamp(path)
    train, *others = (_sizes(path, f"x_{split}", kind, stamp) for split in splits)
    remarks = (
        _unit_remark(f"x_{split}", sizes, train, kind)
        for split, sizes in zip(splits[1:], others, strict=True)
    )
    return [remark for remark in remarks if remark]


@lru_cache(maxsize=64)
def _sizes(path: Path, name: str, kind: SampleKind, stamp: tuple[int, ...]) -> _Sizes:
    sizes = [_size(sample, kind) for sample in read_spread_samples(path, name)]
    largest, root_mean_square = np.array(sizes, dtype=np.float64).reshape(-1, 2).T
    return _Sizes(largest, root_mean_square)


def _size(sample: NDArray[Any], kind: SampleKind) -> tuple[float, float]:
    values = sample.astype(np.float64)
    if kind == "points":
        scale = np.abs(values).max() or 1.0  # the sum of very large values would overflow
        values = (values / scale - (values / scale).mean(axis=0)) * scale
    largest = float(np.abs(values).max())
    return largest, largest * float(np.sqrt(np.square(values / (largest or 1.0)).mean()))


def _unit_remark(name: str, sizes: _Sizes, train: _Sizes, kind: SampleKind) -> str:
    if not (train.largest.any() and len(sizes.largest)):
        return ""
    if not sizes.largest.any():
        return _all_zero_remark(name, len(sizes.largest), train, kind)
    largest, train_largest = float(sizes.largest.max()), float(train.largest.max())
    ratio = log(largest) - log(train_largest)
    if min(abs(ratio), _certain_shift(sizes, train, np.sign(ratio))) <= log(_FACTOR):
        return ""
    less, more, values = _COMPARISON_WORDS[kind]
    return (
        f"{name} is about {np.exp(abs(ratio)):.3g} times {less if ratio < 0 else more} than x_train ({values} "
        f"{largest:.3g} against {train_largest:.3g}): is it in other units? Then what x_train teaches is wrong there: "
        "bring both to the same units, as by dividing each by its own full range. Where the samples are so, leave them"
    )


def _certain_shift(sizes: _Sizes, train: _Sizes, sign: float) -> float:
    """Return the shift of the typical size in the direction of ``sign``, as a logarithm, less what may be chance."""
    first, second = train.log_sizes, sizes.log_sizes
    if min(len(first), len(second)) < _FEWEST:
        return -inf
    freedom = len(first) + len(second) - 2
    squares = sum(float(np.square(logs - logs.mean()).sum()) for logs in (first, second))
    error = (squares / freedom * (1 / len(first) + 1 / len(second))) ** 0.5
    return float(sign * (second.mean() - first.mean()) - _STANDARD_ERRORS * error)


def _all_zero_remark(name: str, samples: int, train: _Sizes, kind: SampleKind) -> str:
    """Remark on a split whose samples read are all zero, unless chance explains it: many of x_train are zero, too."""
    share = (np.count_nonzero(train.largest == 0) + 1) / (len(train.largest) + 2)
    if share**samples > _LEAST_CHANCE:
        return ""
    nothing = "black" if kind == "images" else "of a single place"
    return (
        f"{name}: the {samples} samples that were looked at are all {nothing}, unlike those of x_train: was it rounded "
        "or divided away (floats in [0, 1] stored as uint8)? Its accuracy says nothing: write it again"
    )
