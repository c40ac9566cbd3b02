"""Relative entropy coding: a draw from a channel is sent at about the channel's information (channel simulation).

It is the Poisson functional representation (Li and El Gamal 2018) of a finite alphabet. Both ends hold an exponential
variable E_w for each word w of n classes. The transmitter takes the word with the least E_w / p(w | x), an exact draw
from p(· | x). It sends the word's rank among the times T_w = E_w / q(w), at which words first arrive in a Poisson
process of rate q. A word that is likelier under p than under q arrives early:
E[log2(rank + 1)] ≤ D(p ‖ q) + log2(e)/e + 1 bit.

Both ends must compute the same order. It is made from Philox's raw words, which NumPy keeps stable, by IEEE additions,
multiplications and divisions only: the last bit of a library's logarithm may differ between machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ratefront.catalogue.sample_groups import group_problem
from ratefront.errors import InputError

_SEED = 0x5241544546524E54  # part of the stream format: another seed makes another code
_CHUNK = 1 << 16  # shared variables at a time, so that they stay in the processor's cache
_LOG_2 = 0.6931471805599453
_SQRT_HALF = 0.7071067811865476
_TERMS = range(19, 0, -2)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def exponentials(raw: NDArray[np.uint64]) -> FloatArray:
    """Exponential variables of mean 1 from uniform 64-bit words: −log of the upper 52 bits.

    log m = 2 artanh z with z = (m − 1)/(m + 1), computed as a polynomial in z².
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
    """Probabilities (g, Kⁿ) of all words, for independent samples (g, n, K); the first sample is the first digit."""
    product = rows[:, 0]
    for sample in range(1, rows.shape[1]):
        product = (product[:, :, None] * rows[:, sample, None, :]).reshape(len(rows), -1)
    return product


class _Chunk(NamedTuple):
    """Consecutive groups of the same length."""

    samples: slice  # the positions of their samples in the block
    groups: slice  # the positions of the groups in the block
    length: int
    rates: FloatArray  # q(w), shape (Kⁿ,)
    shared: FloatArray  # E, shape (g, Kⁿ)

    @property
    def times(self) -> FloatArray:
        """T (g, Kⁿ): the time at which each word first arrives."""
        return np.asarray(self.shared / self.rates)


@dataclass(frozen=True)
class ChannelSimulation:
    """What both ends know of the channel, and the order of the words that follows from it.

    Each call takes the samples of one block, and the position ``first`` of its first sample, which determines the
    shared variables. The last group of a block may be shorter.

    Attributes:
        output: The mean channel output q (K,), every entry above 0.
        group: How many samples are drawn jointly.

    Raises:
        InputError: A group has too many words.
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
        """K."""
        return len(self.output)

    def lengths(self, samples: int) -> IntArray:
        """The number of samples in each group (G,) of a block."""
        whole, left = divmod(samples, self.group)
        return np.array([self.group] * whole + [left] * (left > 0), dtype=np.int64)

    def draw(self, channel: FloatArray, first: int) -> IntArray:
        """Draw each sample's class (N,) from its row of the channel (N, K), by the shared variables."""
        drawn = np.empty(len(channel), dtype=np.int64)
        for chunk in self._chunks(len(channel), first):
            rows = channel[chunk.samples].reshape(-1, chunk.length, self.classes)
            words = np.argmax(word_probabilities(rows) / chunk.shared, axis=1)
            drawn[chunk.samples] = self._to_classes(words, chunk.length)
        return drawn

    def ranks(self, drawn: IntArray, first: int) -> IntArray:
        """The rank (G,), from 0, of each group's word in the shared order; words of equal times are in number order."""
        ranks = np.empty(len(self.lengths(len(drawn))), dtype=np.int64)
        for chunk in self._chunks(len(drawn), first):
            times, words = chunk.times, self._to_words(drawn[chunk.samples], chunk.length)[:, None]
            word_times = np.take_along_axis(times, words, axis=1)
            tied = (times == word_times) & (np.arange(times.shape[1]) < words)
            ranks[chunk.groups] = (times < word_times).sum(axis=1) + tied.sum(axis=1)
        return ranks

    def classes_at_ranks(self, ranks: IntArray, samples: int, first: int) -> IntArray:
        """The inverse of ``ranks``: the classes (N,) of the words at these ranks (G,)."""
        drawn = np.empty(samples, dtype=np.int64)
        for chunk in self._chunks(samples, first):
            pairs = zip(chunk.times, ranks[chunk.groups].tolist(), strict=True)
            words = np.array([_word_at_rank(times, rank) for times, rank in pairs])
            drawn[chunk.samples] = self._to_classes(words, chunk.length)
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
                positions, groups = slice(begin, begin + count * length), slice(start, start + count)
                yield _Chunk(positions, groups, length, rates, shared)

    def _runs(self, samples: int) -> Iterator[tuple[range, int]]:
        """Ranges of groups with their length: the whole groups, and a shorter last one."""
        whole, left = divmod(samples, self.group)
        if whole:
            yield range(whole), self.group
        if left:
            yield range(whole, whole + 1), left

    def _to_words(self, drawn: IntArray, length: int) -> IntArray:
        digits = drawn.reshape(-1, length)
        return np.asarray(np.ravel_multi_index(tuple(digits.T), (self.classes,) * length))

    def _to_classes(self, words: IntArray, length: int) -> IntArray:
        digits = np.unravel_index(words, (self.classes,) * length)
        return np.stack(digits, axis=1).reshape(-1)


def _word_at_rank(times: FloatArray, rank: int) -> int:
    """The word at this rank; words of equal times are in number order."""
    value = np.partition(times, rank)[rank]
    return int(np.flatnonzero(times == value)[rank - np.count_nonzero(times < value)])
