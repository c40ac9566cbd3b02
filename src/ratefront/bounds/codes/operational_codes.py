"""Codes over the task model's decisions, with the bits they take (RA section IV, MA section IV.B).

The rate is the number of bits of the coded sequence, divided by its N samples. Both ends know the code's table; it
costs nothing. The table was designed on the counts of these very decisions: a table from other samples costs more.

The distortion is measured on the labels. None of these curves falls below the oracle of its samples' label counts
(`below_oracle`). `block_huffman_rate_bits` may, because its table also knows the order of the samples.
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
    """Code each decision in ceil(log2 K) bit (RA method 1): one point at D_TM."""
    rate_bits = float(BlockCode(predictions.classes, 1).length_bits(1))
    return _curve(FIXED_LENGTH, [rate_bits], [_task_model_distortion(predictions)])


def huffman(predictions: Predictions) -> RateDistortionCurve:
    """Code each decision in the Huffman code for the decisions' counts (RA method 1a): one point at D_TM.

    H(Y~) <= R < H(Y~) + 1.
    """
    code = huffman_code(np.bincount(predictions.predicted, minlength=predictions.classes))
    rate_bits = code.length_bits(predictions.predicted) / predictions.samples
    return _curve(HUFFMAN, [rate_bits], [_task_model_distortion(predictions)])


def block_codes(predictions: Predictions, longest: int = LONGEST_BLOCK) -> RateDistortionCurve:
    """Code n decisions together in ceil(n log2 K) bit (RA method 2), n = 1..longest: all points lie at D_TM.

    If fewer than n decisions are left at the end, they form a shorter block. A block longer than N is not tried.

    Raises:
        InputError: `longest` is below 1.
    """
    if longest < 1:
        raise InputError(f"the longest block must hold at least 1 sample, got {longest}")
    lengths = range(1, min(longest, predictions.samples) + 1)
    bits = [BlockCode(predictions.classes, n).length_bits(predictions.samples) for n in lengths]
    distortion = [_task_model_distortion(predictions)] * len(bits)
    return _curve(BLOCK_CODES, np.array(bits) / predictions.samples, distortion)


def block_huffman_rate_bits(decisions: npt.ArrayLike, block: int) -> float:
    """Return the bit/sample of a Huffman code for blocks of decisions (RA methods 1a and 2 together).

    Only blocks that occur get a word, so the table has at most N / block entries, and K^block is never formed. The
    last decisions, fewer than `block`, are sent one by one in the Huffman code for single decisions.

    The table is not counted, and it knows which decisions follow each other. Where blocks hardly repeat, it holds
    the sequence itself and the rate means nothing: with block = N it is 0. Compare the rate with H(Y~) only where
    N / block is many times the number of blocks that occur.

    Args:
        decisions: shape (N,).
        block: how many decisions share a word, 1..N.

    Raises:
        InputError: not decisions, or a block that is not in 1..N.

    Example:
        >>> block_huffman_rate_bits([0, 1] * 50, block=1), block_huffman_rate_bits([0, 1] * 50, block=2)
        (1.0, 0.0)
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
    """Send the k decisions with the least p(y~) as the one with the greatest (MA section IV.B).

    k = 0 .. (decisions that occur) - 1, each in the Huffman code for the counts that result. The curve goes from
    D_TM, at the Huffman code's rate, to the likeliest decision at 0 bit. Of equal counts the smaller class is
    taken for the less likely. With more than 1414 occurring decisions only some k are tried, evenly spaced, both
    ends included.
    """
    counts = np.bincount(predictions.predicted, minlength=predictions.classes)
    ascending = np.argsort(counts, kind="stable")[np.count_nonzero(counts == 0) :]
    occurring = counts[ascending]
    merged = _tried(ascending.size)
    bits = [_merged_bits(occurring, k) for k in merged.tolist()]
    errors = predictions.samples - _correct_when_merged(predictions, ascending)[merged]
    return _curve(MERGED_CLASSES, np.array(bits) / predictions.samples, errors / predictions.samples)


def _tried(occurring: int) -> IntArray:
    """Return the numbers k of merged classes to try. Each takes occurring - k steps, half of `occurring` on average."""
    affordable = max(2, 2 * MERGING_STEPS // occurring)
    return np.unique(np.linspace(0, occurring - 1, min(occurring, affordable)).round().astype(np.int64))


def _merged_bits(ascending_counts: IntArray, merged: int) -> int:
    """Return the bits of the whole sequence. The greatest count only grows, so the other counts stay sorted."""
    left = ascending_counts[merged:].copy()
    left[-1] += ascending_counts[:merged].sum()
    return int(left @ np.array(huffman_lengths(left)))


def _correct_when_merged(predictions: Predictions, ascending: IntArray) -> IntArray:
    """Count the correct samples if the first k classes of `ascending` are sent as its last, k = 0, 1, ...

    A merged class loses its correct decisions and gains the samples whose label is the class it is sent as.
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
