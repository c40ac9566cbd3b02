"""Codes that can be built over the task model's decisions, with the bits they take (RA section IV, MA IV.B).

The rate is the coded sequence's bits over its N samples. Whatever table a code needs is known to both ends,
costs nothing and was designed on the counts of these very decisions: a table from other samples costs more.

The distortion is measured on the labels. None of these curves falls below the oracle of its samples' label
counts (`alarm.below_oracle`); `block_huffman_rate_bits` may, since its table also knows the samples' order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ratefront.bounds.codes.block_code import BlockCode
from ratefront.bounds.codes.prefix_code import huffman_code, huffman_lengths
from ratefront.bounds.curve import RateDistortionCurve
from ratefront.bounds.curve_names import BLOCK_CODES, CURVE_KINDS, FIXED_LENGTH, HUFFMAN, MERGED_CLASSES
from ratefront.bounds.source.distributions import FloatArray, IntArray, as_classes
from ratefront.bounds.source.predictions import GREATEST_CLASSES, Predictions
from ratefront.errors import InputError

LONGEST_BLOCK = 8

MERGING_STEPS = 1_000_000
"""Steps of Huffman's algorithm spent on the merged classes: every k is tried for up to 1414 classes."""


def fixed_length(predictions: Predictions) -> RateDistortionCurve:
    """RA method 1: each decision in ceil(log2 K) bit, one point at D_TM."""
    rate_bits = float(BlockCode(predictions.classes, 1).length_bits(1))
    return _curve(FIXED_LENGTH, [rate_bits], [_task_model_distortion(predictions)])


def huffman(predictions: Predictions) -> RateDistortionCurve:
    """RA method 1a: each decision in the Huffman code for the decisions' counts, one point at D_TM.

    H(Y~) <= R < H(Y~) + 1.
    """
    code = huffman_code(np.bincount(predictions.predicted, minlength=predictions.classes))
    rate_bits = code.length_bits(predictions.predicted) / predictions.samples
    return _curve(HUFFMAN, [rate_bits], [_task_model_distortion(predictions)])


def block_codes(predictions: Predictions, longest: int = LONGEST_BLOCK) -> RateDistortionCurve:
    """RA method 2: n decisions together in ceil(n log2 K) bit, n = 1..longest, all points at D_TM.

    The last decisions, fewer than n, are a shorter block. A block longer than N is not tried.

    Raises:
        InputError: `longest` is below 1 (fatal).
    """
    if longest < 1:
        raise InputError(f"the longest block must hold at least 1 sample, got {longest}")
    lengths = range(1, min(longest, predictions.samples) + 1)
    bits = [BlockCode(predictions.classes, n).length_bits(predictions.samples) for n in lengths]
    distortion = [_task_model_distortion(predictions)] * len(bits)
    return _curve(BLOCK_CODES, np.array(bits) / predictions.samples, distortion)


def block_huffman_rate_bits(decisions: npt.ArrayLike, block: int) -> float:
    """Bit/sample of the Huffman code for blocks of `block` decisions of shape (N,), RA methods 1a and 2 in one.

    Only blocks that occur get a word, so the table has at most N / block entries and K^block is never formed.
    The last decisions, fewer than `block`, are sent one by one in the Huffman code for single decisions.

    The table is not counted and knows which decisions follow which. Where blocks hardly repeat it holds the
    sequence itself and the rate says nothing: with block = N it is 0. Compare it with H(Y~) only where
    N / block is many times the number of blocks that occur.

    Raises:
        InputError: not decisions, or a block that is not in 1..N (fatal).
    """
    sequence = as_classes(decisions, GREATEST_CLASSES, "decisions")
    if not 1 <= block <= sequence.size:
        raise InputError(
            f"a block must hold 1..{sequence.size} of the {sequence.size} decisions, got {block}"
        )
    whole = sequence.size - sequence.size % block
    _, which = np.unique(sequence[:whole].reshape(-1, block), axis=0, return_inverse=True)
    bits = _huffman_bits(which.reshape(-1), which.reshape(-1))
    if whole < sequence.size:
        bits += _huffman_bits(sequence, sequence[whole:])
    return bits / sequence.size


def merged_classes(predictions: Predictions) -> RateDistortionCurve:
    """MA section IV.B: the k decisions with the least p(y~) are sent as the one with the greatest.

    k = 0 .. (decisions that occur) - 1, each in the Huffman code for the counts that result: from (D_TM, H(Y~)
    rounded up by the code) to the likeliest decision at 0 bit. Of equal counts the smaller class is the less
    likely. Behind more than 1414 occurring decisions only some k are tried, evenly spaced, the ends included.
    """
    counts = np.bincount(predictions.predicted, minlength=predictions.classes)
    ascending = np.argsort(counts, kind="stable")[np.count_nonzero(counts == 0) :]
    occurring = counts[ascending]
    merged = _tried(ascending.size)
    bits = [_merged_bits(occurring, k) for k in merged.tolist()]
    errors = predictions.samples - _correct_when_merged(predictions, ascending)[merged]
    return _curve(MERGED_CLASSES, np.array(bits) / predictions.samples, errors / predictions.samples)


def _tried(occurring: int) -> IntArray:
    """The numbers of merged classes k: each costs occurring - k steps, half of `occurring` on the average."""
    affordable = max(2, 2 * MERGING_STEPS // occurring)
    return np.unique(np.linspace(0, occurring - 1, min(occurring, affordable)).round().astype(np.int64))


def _merged_bits(ascending_counts: IntArray, merged: int) -> int:
    """Bits of the whole sequence; the greatest count only grows, so what is left stays sorted."""
    left = ascending_counts[merged:].copy()
    left[-1] += ascending_counts[:merged].sum()
    return int(left @ np.array(huffman_lengths(left)))


def _correct_when_merged(predictions: Predictions, ascending: IntArray) -> IntArray:
    """Samples decided rightly when the first k classes of `ascending` are sent as its last, k = 0, 1, ...

    A merged class loses its right decisions and gains the samples whose label is the class it is sent as.
    """
    labels, decisions = predictions.labels, predictions.predicted
    right = np.bincount(decisions[labels == decisions], minlength=predictions.classes)
    gained = np.bincount(decisions[labels == ascending[-1]], minlength=predictions.classes)
    change = (gained - right)[ascending[:-1]]
    return np.asarray(right.sum() + np.concatenate([[0], np.cumsum(change)]), dtype=np.int64)


def _huffman_bits(designed_on: IntArray, sent: IntArray) -> int:
    return huffman_code(np.bincount(designed_on)).length_bits(sent)


def _task_model_distortion(predictions: Predictions) -> float:
    return float(np.mean(predictions.predicted != predictions.labels))


def _curve(
    name: str, rate_bits: FloatArray | list[float], distortion: FloatArray | list[float]
) -> RateDistortionCurve:
    return RateDistortionCurve(
        name=name,
        rate_bits=np.asarray(rate_bits, dtype=np.float64),
        distortion=np.asarray(distortion, dtype=np.float64),
        assumptions=CURVE_KINDS[name].assumptions,
    )
