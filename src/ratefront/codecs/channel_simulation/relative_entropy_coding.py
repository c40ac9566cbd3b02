"""Channel simulation: a draw from a channel is sent at about the channel's information (relative entropy coding).

The Poisson functional representation (Li and El Gamal 2018) for a finite alphabet. For each word w of n classes both
ends hold an exponential variable E_w. The transmitter takes the word of least E_w / p(w | x), which is an exact draw
from p(· | x), and sends its rank among the times T_w = E_w / q(w) at which words arrive first in a Poisson process of
rate q. A word that is likelier under p than under q comes early: E[log2(rank + 1)] ≤ D(p ‖ q) + log2(e)/e + 1 bit.

Both ends have to find the very same order. It is made of Philox's raw words, which NumPy keeps as they are, by
IEEE additions, multiplications and divisions only: a library's logarithm may differ in its last bit from machine to
machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.largest_group import group_problem
from ratefront.errors import InputError

_SEED = 0x5241544546524E54  # part of the format: other shared variables would be another code
_CHUNK = 1 << 16  # variables at a time, so that they stay in the cache
_LOG_2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476
_TERMS = range(19, 0, -2)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def exponentials(raw: NDArray[np.uint64]) -> FloatArray:
    """Exponential variables of mean 1, of uniform words of 64 bit: −log of their upper 52 bit.

    log m = 2 artanh z with z = (m − 1)/(m + 1), as a polynomial in z².
    """
    uniform = ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52  # exact, and inside of (0, 1)
    m, exponent = np.frexp(uniform)
    below = m < _SQRT_HALF
    m += m * below
    z = (m - 1.0) / (m + 1.0)
    square = z * z
    series = np.full_like(square, 1.0 / 21)
    for odd in _TERMS:
        series *= square
        series += 1.0 / odd
    return np.asarray((below - exponent) * _LOG_2 - 2.0 * (z * series))


def word_probabilities(rows: FloatArray) -> FloatArray:
    """Of all words (g, Kⁿ) of independent samples (g, n, K); the first sample is the word's first digit."""
    product = rows[:, 0]
    for sample in range(1, rows.shape[1]):
        product = (product[:, :, None] * rows[:, sample, None, :]).reshape(len(rows), -1)
    return product


class _Chunk(NamedTuple):
    """Groups of one length that follow each other."""

    samples: slice  # theirs
    groups: slice  # where they are in the block
    length: int
    rates: FloatArray  # q(w), shape (Kⁿ,)
    shared: FloatArray  # E, shape (g, Kⁿ)

    @property
    def times(self) -> FloatArray:
        """T (g, Kⁿ): when each word arrives first."""
        return np.asarray(self.shared / self.rates)


@dataclass(frozen=True)
class ChannelSimulation:
    """What both ends know: the mean channel output q (K,), each entry above 0, and how many samples make a group.

    A block of samples is one call, and ``first`` the position of its first sample, which decides its shared
    variables; its last group may be shorter.

    Raises:
        InputError: There are too many words.
    """

    output: FloatArray
    group: int

    def __post_init__(self) -> None:
        problem = group_problem(self.classes, self.group)
        if problem is not None:
            raise InputError(problem)
        if not float(self.output.min()) > 0:
            raise ValueError(f"every class needs a probability above 0, got {self.output!r}")

    @property
    def classes(self) -> int:
        return len(self.output)

    def lengths(self, samples: int) -> IntArray:
        """Samples in each group (G,) of a block."""
        whole, left = divmod(samples, self.group)
        return np.array([self.group] * whole + [left] * (left > 0), dtype=np.int64)

    def draw(self, channel: FloatArray, first: int) -> IntArray:
        """A class (N,) of each sample, drawn from its row of the channel (N, K): the shared variables decide."""
        drawn = np.empty(len(channel), dtype=np.int64)
        for chunk in self._chunks(len(channel), first):
            rows = channel[chunk.samples].reshape(-1, chunk.length, self.classes)
            words = np.argmax(word_probabilities(rows) / chunk.shared, axis=1)
            drawn[chunk.samples] = self._classes_of(words, chunk.length)
        return drawn

    def ranks(self, drawn: IntArray, first: int) -> IntArray:
        """Rank (G,), from 0, of each group's word in the shared order; equal times go by the word's number."""
        ranks = np.empty(len(self.lengths(len(drawn))), dtype=np.int64)
        for chunk in self._chunks(len(drawn), first):
            times, words = chunk.times, self._words_of(drawn[chunk.samples], chunk.length)[:, None]
            own = np.take_along_axis(times, words, axis=1)
            tied = (times == own) & (np.arange(times.shape[1]) < words)
            ranks[chunk.groups] = (times < own).sum(axis=1) + tied.sum(axis=1)
        return ranks

    def at_ranks(self, ranks: IntArray, samples: int, first: int) -> IntArray:
        """The way back: classes (N,) of the words at ranks (G,)."""
        drawn = np.empty(samples, dtype=np.int64)
        for chunk in self._chunks(samples, first):
            pairs = zip(chunk.times, ranks[chunk.groups].tolist(), strict=True)
            words = np.array([_at_rank(times, rank) for times, rank in pairs])
            drawn[chunk.samples] = self._classes_of(words, chunk.length)
        return drawn

    def _chunks(self, samples: int, first: int) -> Iterator[_Chunk]:
        generator = np.random.Philox(key=np.array([_SEED, first], dtype=np.uint64))
        for run, length in self._runs(samples):
            rates = word_probabilities(np.broadcast_to(self.output, (1, length, self.classes)))[0]
            at_a_time = max(1, _CHUNK // len(rates))
            for start in run[::at_a_time]:
                count = min(at_a_time, run.stop - start)
                shared = exponentials(generator.random_raw(count * len(rates))).reshape(count, -1)
                begin = start * self.group
                of_samples, groups = slice(begin, begin + count * length), slice(start, start + count)
                yield _Chunk(of_samples, groups, length, rates, shared)

    def _runs(self, samples: int) -> Iterator[tuple[range, int]]:
        """Groups of one length: the whole ones, and the one that is left."""
        whole, left = divmod(samples, self.group)
        if whole:
            yield range(whole), self.group
        if left:
            yield range(whole, whole + 1), left

    def _words_of(self, drawn: IntArray, length: int) -> IntArray:
        digits = drawn.reshape(-1, length)
        return np.asarray(np.ravel_multi_index(tuple(digits.T), (self.classes,) * length))

    def _classes_of(self, words: IntArray, length: int) -> IntArray:
        digits = np.unravel_index(words, (self.classes,) * length)
        return np.stack(digits, axis=1).reshape(-1)


def _at_rank(times: FloatArray, rank: int) -> int:
    """The word of this rank; of equal times the first word comes first."""
    value = np.partition(times, rank)[rank]
    return int(np.flatnonzero(times == value)[rank - np.count_nonzero(times < value)])
