"""The interval of an accuracy is that of Clopper and Pearson."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ratefront.columns import CONFIDENCE, accuracy_interval


@given(samples=st.integers(1, 60_000), share=st.floats(0, 1))
def test_it_is_that_of_scipy(samples: int, share: float) -> None:
    right = round(share * samples)
    expected = binomtest(right, samples).proportion_ci(CONFIDENCE, method="exact")
    assert accuracy_interval(right / samples, samples) == pytest.approx(tuple(expected), abs=1e-9)


def test_ends_are_closed() -> None:
    assert accuracy_interval(0.0, 10)[0] == 0.0
    assert accuracy_interval(1.0, 10)[1] == 1.0
    assert accuracy_interval(1.0, 360)[0] == pytest.approx(0.025 ** (1 / 360))
