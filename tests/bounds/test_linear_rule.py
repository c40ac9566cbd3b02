"""RA equations 5 to 7: the linear rule, and the count of classes that makes detection a classification."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.bounds import uniform_rate_bits
from ratefront.bounds.curves.linear_rule import accuracy_per_bit, linear_rule
from ratefront.bounds.examples.detection import detection_count, detection_log2_count
from ratefront.errors import InputError

relaxed = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize("classes", [2, 10, 1000, 10**400])
def test_the_rule_lies_at_most_one_bit_above_the_oracle(classes: int) -> None:
    rule = linear_rule(math.log2(classes))
    excess = rule.rate_bits - uniform_rate_bits(classes, rule.distortion)
    slack = 1e-12 * math.log2(classes)
    assert np.all(excess >= -slack)
    assert np.all(excess <= 1 + slack)


def test_rate_is_accuracy_times_the_logarithm() -> None:
    rule = linear_rule(math.log2(1000), points=11)
    np.testing.assert_allclose(rule.rate_bits, rule.accuracy * math.log2(1000), atol=1e-12)
    assert rule.distortion[[0, -1]].tolist() == [0.0, 1.0]
    assert rule.rate_at(0.239) == pytest.approx(0.761 * math.log2(1000), abs=1e-12)
    assert (rule.name, rule.monotone, rule.convex) == ("linear_rule", False, False)


def test_each_bit_buys_what_the_line_says() -> None:
    rule = linear_rule(math.log2(40))
    per_bit = np.diff(rule.accuracy) / np.diff(rule.rate_bits)
    np.testing.assert_allclose(per_bit, accuracy_per_bit(math.log2(40)), rtol=1e-9)


def test_one_class_costs_nothing_and_buys_nothing() -> None:
    assert np.all(linear_rule(0.0).rate_bits == 0)
    with pytest.raises(InputError, match="> 0"):
        accuracy_per_bit(0.0)


@pytest.mark.parametrize("log2_classes", [-1.0, np.nan, np.inf])
def test_a_bad_logarithm_of_classes_is_refused(log2_classes: float) -> None:
    with pytest.raises(InputError):
        linear_rule(log2_classes)
    with pytest.raises(InputError):
        accuracy_per_bit(log2_classes)


def test_a_line_of_one_point_is_refused() -> None:
    with pytest.raises(InputError, match="at least 2 points"):
        linear_rule(3.0, points=1)


def test_the_published_count_of_detections() -> None:
    assert detection_count() == 6442943010251666964219456751042717945935579040
    assert detection_log2_count() == pytest.approx(152.1745, abs=1e-4)


@pytest.mark.parametrize(("positions", "classes", "most"), [(1, 1, 1), (3, 2, 2), (4, 3, 4), (3, 2, 9)])
def test_the_count_is_that_of_all_sets_of_labelled_places(positions: int, classes: int, most: int) -> None:
    images = itertools.product(range(classes + 1), repeat=positions)
    listed = sum(1 for image in images if 1 <= np.count_nonzero(image) <= most)
    assert detection_count(positions, classes, most) == listed


@relaxed
@given(st.integers(1, 3000), st.integers(1, 500), st.integers(1, 400))
def test_logarithms_agree_with_the_exact_count(positions: int, classes: int, most: int) -> None:
    exact = math.log2(detection_count(positions, classes, most))
    assert detection_log2_count(positions, classes, most) == pytest.approx(exact, abs=1e-9)


def test_log2_count_works_beyond_float_range() -> None:
    assert detection_log2_count(10**5, 91, 10**5) == pytest.approx(10**5 * math.log2(92), abs=1e-9)
    assert detection_log2_count(10**12, 80, 15) == pytest.approx(
        math.log2(detection_count(10**12, 80, 15)), abs=1e-9
    )


@pytest.mark.parametrize("sizes", [(0, 80, 15), (98, 0, 15), (98, 80, 0), (98.5, 80, 15)])
def test_sizes_that_are_not_counts_are_refused(sizes: tuple[int, int, int]) -> None:
    for count in (detection_count, detection_log2_count):
        with pytest.raises(InputError, match="positions, classes and most_objects"):
            count(*sizes)


def test_too_many_terms_are_refused() -> None:
    with pytest.raises(InputError, match="at most 10000000 objects"):
        detection_log2_count(10**9, 80, 10**9)
