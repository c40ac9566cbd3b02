"""The oracle as an alarm: no deterministic code triggers it, a label leak does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from ratefront.bounds import below_oracle, entropy_bits, oracle_rate_bits, upper_error_rate
from ratefront.errors import InputError

labelled = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=200)
@given(labelled)
def test_no_deterministic_code_triggers_the_alarm(pairs: list[tuple[int, int]]) -> None:
    labels, decoded = np.array(pairs).T
    ideal_code = entropy_bits(np.bincount(decoded, minlength=6) / decoded.size)
    assert below_oracle(labels, decoded, ideal_code, 6) is None


@settings(deadline=None, max_examples=50)
@given(labelled, st.floats(1e-6, 0.5))
def test_a_rate_just_below_the_oracle_is_found_and_measured(
    pairs: list[tuple[int, int]], missing: float
) -> None:
    labels, decoded = np.array(pairs).T
    bound = float(oracle_rate_bits(np.bincount(labels) / labels.size, np.mean(labels != decoded)))
    if bound > missing:
        assert below_oracle(labels, decoded, bound - missing, 6) == pytest.approx(missing)
    assert below_oracle(labels, decoded, bound, 6) is None


def test_a_label_leak_is_found_in_few_samples() -> None:
    labels = np.arange(10)
    assert below_oracle(labels, labels, 1.0, 10) == pytest.approx(math.log2(10) - 1)


def test_random_draws_are_tested_at_the_confidence_limit() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    decoded = np.where(rng.random(1000) < 0.1, 1 - labels, labels)
    measured = float(oracle_rate_bits(np.bincount(labels) / 1000, np.mean(labels != decoded)))
    slightly_below = measured - 0.02
    assert below_oracle(labels, decoded, slightly_below, 2) == pytest.approx(0.02)
    assert below_oracle(labels, decoded, slightly_below, 2, draws_or_uses_position=True) is None
    assert below_oracle(labels, decoded, 0.2, 2, draws_or_uses_position=True) is not None


@pytest.mark.parametrize(("errors", "samples"), [(0, 10), (3, 50), (49, 50), (100, 1000)])
def test_upper_limit_gives_so_few_errors_probability_one_in_a_thousand(errors: int, samples: int) -> None:
    limit = upper_error_rate(errors, samples)
    assert binom.cdf(errors, samples, limit) == pytest.approx(0.001, rel=1e-6)


def test_all_wrong_has_no_upper_limit_below_one() -> None:
    assert upper_error_rate(7, 7) == 1.0


@pytest.mark.parametrize(
    ("labels", "decoded", "rate"),
    [
        ([0, 1], [0], 1.0),
        ([0, 2], [0, 1], 1.0),
        ([], [], 1.0),
        ([0, 1], [0, 1], -1.0),
        ([0, 1], [0, 1], np.nan),
    ],
)
def test_bad_input_is_refused(labels: list[int], decoded: list[int], rate: float) -> None:
    with pytest.raises(InputError):
        below_oracle(np.array(labels, dtype=int), np.array(decoded, dtype=int), rate, 2)
