"""Codes over a task model's decisions: real bits, never below the oracle, the figures of RA and MA."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import Predictions, RateDistortionCurve, below_oracle, entropy_bits
from ratefront.bounds.codes.block_code import BlockCode
from ratefront.bounds.codes.operational_codes import (
    block_codes,
    block_huffman_rate_bits,
    fixed_length,
    huffman,
    merged_classes,
)
from ratefront.bounds.codes.prefix_code import fixed_length_code, huffman_code
from ratefront.bounds.curve_names import BLOCK_CODES, CURVE_KINDS, FIXED_LENGTH, HUFFMAN, MERGED_CLASSES
from ratefront.errors import InputError

CLASSES = 6

decided = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
).map(lambda pairs: Predictions.from_decisions(*np.array(pairs).T, CLASSES))


def synthetic(classes: int, samples: int, seed: int = 0) -> Predictions:
    """Right three times in four, a uniform guess otherwise; the prior falls off as 1/rank."""
    rng = np.random.default_rng(seed)
    prior = 1.0 / np.arange(1, classes + 1)
    labels = rng.choice(classes, samples, p=prior / prior.sum())
    guesses = rng.integers(0, classes, samples)
    return Predictions.from_decisions(labels, np.where(rng.random(samples) < 0.75, labels, guesses), classes)


def merged_by_hand(predictions: Predictions, merged: int) -> np.ndarray:
    """What the receiver reads when the `merged` rarest decisions that occur are sent as the commonest."""
    decisions = predictions.predicted.tolist()
    occurring = sorted(set(decisions), key=lambda c: (decisions.count(c), c))
    rare, commonest = set(occurring[:merged]), occurring[-1]
    return np.array([commonest if c in rare else c for c in decisions])


@settings(deadline=None, max_examples=80)
@given(decided)
def test_single_codes_take_the_bits_that_their_encoders_write(predictions: Predictions) -> None:
    decisions, samples = predictions.predicted, predictions.samples
    distortion = sum(y != d for y, d in zip(predictions.labels, decisions, strict=True)) / samples
    code = huffman_code(np.bincount(decisions))
    sent = {
        FIXED_LENGTH: (fixed_length(predictions), fixed_length_code(CLASSES).encode(decisions).size),
        HUFFMAN: (huffman(predictions), code.encode(decisions).size),
    }
    for name, (curve, bits) in sent.items():
        assert (curve.name, curve.assumptions) == (name, CURVE_KINDS[name].assumptions)
        assert curve.rate_bits.tolist() == [bits / samples]
        assert curve.distortion.tolist() == pytest.approx([distortion])


@settings(deadline=None, max_examples=80)
@given(decided, st.integers(1, 9))
def test_block_codes_take_the_bits_that_their_encoders_write(predictions: Predictions, longest: int) -> None:
    decisions, samples = predictions.predicted, predictions.samples
    curve = block_codes(predictions, longest=longest)
    lengths = range(1, min(longest, samples) + 1)
    written = [BlockCode(CLASSES, n).encode(decisions).size / samples for n in lengths]
    assert curve.name == BLOCK_CODES
    assert sorted(curve.rate_bits) == pytest.approx(sorted(written))
    assert set(curve.distortion) == {fixed_length(predictions).distortion[0]}


@settings(deadline=None, max_examples=80)
@given(decided)
def test_merged_classes_match_a_simulated_transmission(predictions: Predictions) -> None:
    points = []
    for merged in range(np.unique(predictions.predicted).size):
        received = merged_by_hand(predictions, merged)
        bits = huffman_code(np.bincount(received)).encode(received).size
        points.append((np.mean(received != predictions.labels), bits / predictions.samples))
    curve = merged_classes(predictions)
    assert curve.name == MERGED_CLASSES
    measured = sorted(zip(curve.distortion.round(12), curve.rate_bits, strict=True))
    expected = sorted((round(float(distortion), 12), rate) for distortion, rate in points)
    assert measured == expected


@settings(deadline=None, max_examples=80)
@given(decided)
def test_no_code_lies_below_the_oracle_of_its_own_samples(predictions: Predictions) -> None:
    def excess(received: np.ndarray, rate_bits: float) -> float | None:
        return below_oracle(predictions.labels, received, rate_bits, CLASSES)

    for curve in (fixed_length(predictions), huffman(predictions), block_codes(predictions)):
        assert [excess(predictions.predicted, rate) for rate in curve.rate_bits] == [
            None
        ] * curve.rate_bits.size
    rates = np.sort(merged_classes(predictions).rate_bits)[::-1]  # merging one more class never costs bits
    for merged, rate in enumerate(rates):
        assert excess(merged_by_hand(predictions, merged), rate) is None


@settings(deadline=None, max_examples=80)
@given(decided)
def test_huffman_lies_within_a_bit_above_the_entropy_of_the_decisions(predictions: Predictions) -> None:
    entropy = entropy_bits(np.bincount(predictions.predicted) / predictions.samples)
    assert entropy - 1e-9 <= huffman(predictions).rate_bits[0] < entropy + 1


@settings(deadline=None, max_examples=80)
@given(decided)
def test_merging_goes_from_huffmans_code_to_zero_rate(predictions: Predictions) -> None:
    curve, start = merged_classes(predictions), huffman(predictions)
    points = set(zip(curve.distortion, curve.rate_bits, strict=True))
    assert (start.distortion[0], start.rate_bits[0]) in points
    assert curve.rate_bits.min() == 0.0
    assert curve.rate_bits.max() == start.rate_bits[0], "one more merged class never costs bits"


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.data())
def test_block_huffman_lies_within_a_bit_a_block_above_the_entropy(
    decisions: list[int], data: st.DataObject
) -> None:
    block = data.draw(st.integers(1, len(decisions)))
    rate = block_huffman_rate_bits(decisions, block)
    whole = len(decisions) - len(decisions) % block
    blocks = np.array(decisions[:whole]).reshape(-1, block)
    _, counts = np.unique(blocks, axis=0, return_counts=True)
    single = huffman_code(np.bincount(decisions))
    rest = single.length_bits(decisions[whole:]) if whole < len(decisions) else 0
    per_block = (rate * len(decisions) - rest) / len(blocks)
    entropy = entropy_bits(counts / counts.sum())
    assert entropy - 1e-9 <= per_block < entropy + 1


@settings(deadline=None, max_examples=40)
@given(decided)
def test_block_huffman_of_one_is_huffman(predictions: Predictions) -> None:
    assert block_huffman_rate_bits(predictions.predicted, 1) == huffman(predictions).rate_bits[0]


def test_the_methods_of_ra_on_ten_equally_likely_digits() -> None:
    labels = np.tile(np.arange(10), 300)
    decisions = labels.copy()
    decisions[:10] = np.roll(decisions[:10], 1)
    predictions = Predictions.from_decisions(labels, decisions)
    by_block = {round(rate, 6) for rate in block_codes(predictions, longest=3).rate_bits.tolist()}
    assert fixed_length(predictions).rate_bits.tolist() == [4.0]
    assert huffman(predictions).rate_bits.tolist() == [3.4]
    assert by_block == {4.0, 3.5, 3.333333}
    assert merged_classes(predictions).rate_bits.tolist()[0] == 3.4
    assert huffman(predictions).accuracy.tolist() == pytest.approx([1 - 10 / 3000])


def test_block_huffman_approaches_the_entropy() -> None:
    decisions = np.random.default_rng(3).choice(2, 60_000, p=[0.9, 0.1])
    entropy = entropy_bits(np.bincount(decisions) / decisions.size)
    rates = [block_huffman_rate_bits(decisions, n) for n in (1, 2, 4)]
    assert rates[0] == 1.0
    assert rates[0] > rates[1] > rates[2] > entropy - 1e-3
    assert rates[2] < entropy + 0.03


def test_block_huffman_table_that_knows_the_order_beats_the_oracle() -> None:
    alternating = np.tile([0, 1], 50)
    assert block_huffman_rate_bits(alternating, 2) == 0.0
    assert below_oracle(alternating, alternating, 0.0, 2) == pytest.approx(1.0)


def test_a_thousand_classes_merge_in_two_seconds() -> None:
    predictions = synthetic(1000, 50_000)
    started = time.perf_counter()
    curve = merged_classes(predictions)
    assert time.perf_counter() - started < 2
    assert curve.rate_bits.size == np.unique(predictions.predicted).size == 1000
    assert np.all(np.diff(np.sort(curve.distortion)) >= 0)


def test_many_classes_are_merged_in_steps_with_both_ends() -> None:
    predictions = synthetic(6000, 60_000)
    curve, start = merged_classes(predictions), huffman(predictions)
    assert 100 < curve.rate_bits.size < 1000
    assert curve.rate_bits.min() == 0.0
    assert curve.rate_bits.max() == start.rate_bits[0]
    commonest = np.bincount(predictions.predicted).argmax()
    constant = np.mean(predictions.labels != commonest)
    assert curve.rate_at(constant) == 0.0


EDGES = {
    "one class": Predictions.from_decisions([0, 0, 0], [0, 0, 0], 1),
    "one sample": Predictions.from_decisions([1], [2], 4),
    "constant decision": Predictions.from_decisions([0, 1, 2, 0], [3, 3, 3, 3], 4),
}


@pytest.mark.parametrize("case", EDGES)
def test_a_single_occurring_decision_needs_no_bit(case: str) -> None:
    predictions = EDGES[case]
    wrong = float(np.mean(predictions.labels != predictions.predicted))
    for curve in (huffman(predictions), merged_classes(predictions)):
        assert curve.rate_bits.tolist() == [0.0]
        assert curve.distortion.tolist() == [wrong]
    assert fixed_length(predictions).rate_bits.tolist() == [float((predictions.classes - 1).bit_length())]
    assert block_huffman_rate_bits(predictions.predicted, 1) == 0.0


def test_of_equally_frequent_decisions_the_smaller_class_is_merged_first() -> None:
    predictions = Predictions.from_decisions([0, 1, 2], [0, 1, 2])
    curve: RateDistortionCurve = merged_classes(predictions)
    assert curve.distortion.tolist() == pytest.approx([0, 1 / 3, 2 / 3])
    assert curve.rate_bits.tolist() == pytest.approx([5 / 3, 1, 0])


def test_blocks_without_samples_are_refused() -> None:
    predictions = synthetic(4, 20)
    with pytest.raises(InputError, match="at least 1"):
        block_codes(predictions, longest=0)
    for block in (0, 21):
        with pytest.raises(InputError, match=r"1\.\.20"):
            block_huffman_rate_bits(predictions.predicted, block)
    with pytest.raises(InputError, match="integer"):
        block_huffman_rate_bits([0.5], 1)
