"""The entropy of sent words against counts by hand, Gibbs' inequality, and sources whose entropy is known."""

from __future__ import annotations

from collections import Counter
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.bounds import entropy_bits, word_entropy
from ratefront.errors import InputError

words = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(-2, 2)] * width), min_size=1, max_size=80)
)


def plug_in(rows: list[tuple[int, ...]]) -> float:
    return -sum(n / len(rows) * log2(n / len(rows)) for n in Counter(rows).values())


@given(words)
def test_the_plug_in_entropy_is_that_of_the_counts(rows: list[tuple[int, ...]]) -> None:
    found = word_entropy(rows)
    counts = Counter(rows)
    assert found.plug_in_bits == pytest.approx(plug_in(rows), abs=1e-12)
    assert (found.distinct, found.samples) == (len(counts), len(rows))
    assert found.seen_once == list(counts.values()).count(1)
    assert (found.bits is None) == (found.seen_once > 0.02 * len(rows)) == bool(found.reason)


@given(words, st.randoms())
def test_only_the_joint_counts_matter(rows: list[tuple[int, ...]], random: object) -> None:
    """Samples in another order, columns in another order, other integers, a column that follows from others."""
    before, table = word_entropy(rows), np.array(rows)
    order = np.random.default_rng(len(rows)).permutation(len(rows))
    for other in (
        table[order],
        table[:, ::-1],
        7 - 3 * table,
        np.column_stack([table, table.sum(axis=1) ** 2]),
    ):
        after = word_entropy(other)
        assert after.plug_in_bits == pytest.approx(before.plug_in_bits, abs=1e-12)
        assert (after.distinct, after.seen_once) == (before.distinct, before.seen_once)


@given(words, st.integers(0, 10**6))
def test_no_model_of_the_words_needs_less_than_plug_in(rows: list[tuple[int, ...]], seed: int) -> None:
    """Gibbs: the mean of -log2 q over the samples, for any fixed q."""
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(set(rows))))
    model = dict(zip(sorted(set(rows)), weights, strict=True))
    estimate = -sum(log2(max(model[row], 1e-300)) for row in rows) / len(rows)
    assert word_entropy(rows).plug_in_bits <= estimate + 1e-9


@pytest.mark.parametrize("samples", [300, 1000, 10_000])
@pytest.mark.parametrize("classes", [10, 50, 200, 1000])
@pytest.mark.parametrize("kind", ["uniform", "zipf", "peaks"])
def test_where_there_is_an_estimate_its_error_is_small(kind: str, classes: int, samples: int) -> None:
    """As the module's docstring says: rare words that were not seen leave it too low."""
    zipf = 1.0 / np.arange(1, classes + 1)
    prior = {
        "uniform": np.full(classes, 1.0 / classes),
        "zipf": zipf / zipf.sum(),
        "peaks": np.concatenate([np.full(10, 0.097), 0.03 * zipf / zipf.sum()]),
    }[kind]
    rng = np.random.default_rng(classes + samples)
    draws = [rng.choice(prior.size, size=(samples, 1), p=prior) for _ in range(20)]
    errors = [
        found.bits - entropy_bits(prior) for found in map(word_entropy, draws) if found.bits is not None
    ]
    if errors:
        assert -0.25 < np.mean(errors) < 0.05


def test_the_correction_is_the_one_of_miller() -> None:
    found = word_entropy(np.repeat(np.arange(8), [93, 2, 5, 20, 20, 20, 20, 20])[:, None])
    assert found.bits == pytest.approx(found.plug_in_bits + 7 / (2 * 200 * np.log(2)))


def test_eight_words_have_three_bits_at_most() -> None:
    assert word_entropy(np.repeat(np.arange(8), 25)[:, None]).bits == pytest.approx(3.0)
    once = word_entropy(np.repeat(np.arange(9), [25] * 8 + [1])[:, None])
    assert once.bits is not None
    assert once.bits <= np.log2(10)


def test_words_without_an_integer_are_one_word() -> None:
    found = word_entropy(np.zeros((5, 0), dtype=np.int32))
    assert (found.bits, found.plug_in_bits, found.distinct) == (0.0, 0.0, 1)


def test_the_reason_gives_the_counts() -> None:
    assert word_entropy(np.arange(50)[:, None]).reason.startswith(
        "50 different words in 50 samples, 50 of them"
    )


@pytest.mark.parametrize("wrong", [[], [1, 2], np.zeros((0, 3)), [[1], [2, 3]]])
def test_other_shapes_are_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="words must"):
        word_entropy(wrong)  # type: ignore[arg-type]
