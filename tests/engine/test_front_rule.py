"""The rule of early stopping, on points alone. Two axes, rate and error, both minimised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.engine.stopping.front_rule import (
    OracleAxes,
    RungComparison,
    most_gain,
    number_ahead,
    optimistic_ends,
    raised_to_oracle,
    verdict,
)

SETTINGS = {"factor": 2.0, "least_gain": 0.01, "margin": 0.0}


def comparison(now, changes=((-1, -1),), front=((2, 2),), rivals=((3, 3, 0),), **more) -> RungComparison:
    return RungComparison(
        np.array(now, float),
        np.array(changes, float),
        np.array(front, float).reshape(-1, 2),
        np.zeros(1),
        np.array(rivals, float).reshape(-1, 3),
        **more,
    )


def test_what_stays_behind_the_front_is_stopped() -> None:
    found = verdict(comparison((5, 5)), **SETTINGS)
    assert found is not None
    assert (found.gain, found.ahead, found.rivals) == (0.0, 1, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"now": (1.5, 5)},  # on the present front
        {"now": (2, 2)},  # equal to it
        {"changes": [(-1, -1), (-4, 0)]},  # one like trial has become better than the front
        {"front": []},  # no transmitter of its class is known
        {"rivals": []},  # nothing is ahead of it
        {"rivals": [(3, 3, 0), (6, 6, 0), (7, 7, 0)]},  # it is in the better half
        {"rivals": [(3, 3, 1)]},  # the rival's transmitter costs more
    ],
    ids=str,
)
def test_a_trial_goes_on_where_one_condition_fails(changed) -> None:
    assert verdict(comparison(**({"now": (5, 5)} | changed)), **SETTINGS) is None


def test_the_optimistic_end_takes_changes_together_and_the_margin() -> None:
    changes = np.array([(-2.0, 1.0), (0.0, -1.0)])
    ends = optimistic_ends(np.array([5.0, 5.0]), changes, 1.0)
    spread = np.sqrt(2)
    assert ends == pytest.approx(np.array([(3 - spread, 6 - spread), (5 - spread, 4 - spread)]))
    assert optimistic_ends(np.array([5.0]), np.array([[1.0]]), 9.0).tolist() == [[6.0]], "one has no spread"


def test_the_gain_is_a_share_of_the_hypervolume() -> None:
    front = np.array([(0.0, 1.0), (1.0, 0.0)])
    assert most_gain(np.array([(0.5, 0.5)]), front) == pytest.approx(0.25 / 0.21)
    assert most_gain(np.array([(1.0, 1.0)]), front) == 0.0
    assert most_gain(np.array([(1.0, 1.0), (0.5, 0.5)]), front) == pytest.approx(0.25 / 0.21)
    assert most_gain(np.array([(1.0,)]), np.array([(2.0,)])) > 0


@given(
    st.lists(st.tuples(*[st.floats(0, 10)] * 2), min_size=1, max_size=6), st.tuples(*[st.floats(0, 10)] * 2)
)
def test_what_no_point_of_the_front_dominates_gains(front, point) -> None:
    """However bad it is on all axes but one."""
    costs, candidate = np.array(front), np.array([point])
    beaten = np.any(np.all(costs <= candidate, axis=1))
    gain = most_gain(candidate, costs)
    assert gain == 0.0 if beaten else gain > -1e-12
    if np.all(np.any(costs > candidate + 1e-3, axis=1)):
        assert gain > 0


def test_the_oracle_ends_a_hope_that_theory_forbids() -> None:
    hope = comparison((5, 5), changes=[(-4.5, -4)], front=[(2, 1)])
    assert verdict(hope, **SETTINGS) is None
    oracle = OracleAxes(0, 1, np.array([0.0, 10.0]), np.array([6.0, 0.0]))
    assert raised_to_oracle(np.array([(0.5, 1.0), (9.0, 1.0)]), oracle).tolist() == [[5.4, 1.0], [9.0, 1.0]]
    assert verdict(hope._replace(oracle=oracle), **SETTINGS) is not None


def test_rivals_of_the_same_rank_are_not_ahead() -> None:
    rivals = np.array([(0.0, 2.0), (2.0, 0.0), (1.0, 3.0)])
    assert number_ahead(np.array([1.0, 1.0]), rivals) == 0
    assert number_ahead(np.array([3.0, 1.0]), rivals) == 2
    assert number_ahead(np.array([1.0, 1.0]), np.empty((0, 2))) == 0


def test_a_metric_of_any_unit_leaves_the_gain_finite() -> None:
    """An axis on which all points are equal, far from zero, once made the volume vanish by rounding."""
    front, end = np.array([[5.0, 2.0, 1e7]]), np.array([[6.0, 3.0, 1e7]])
    assert most_gain(end, front) == pytest.approx(0.0)
    assert most_gain(front - [1, 1, 0], front) > 0.1
