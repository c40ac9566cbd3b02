from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.errors import InputError, UnknownNameError
from ratefront.pareto import hypervolume, non_dominated, on_axis, ranks
from ratefront.trial_records import OBJECTIVES, objectives_of

THREE = {name: OBJECTIVES[name] for name in ("rate_bits", "accuracy", "transmitter_bytes")}
TWO = {name: OBJECTIVES[name] for name in ("rate_bits", "accuracy")}


def test_accuracy_is_maximised_and_everything_else_minimised():
    points = {"good": (2.0, 0.9), "more bits": (3.0, 0.9), "less right": (2.0, 0.8), "cheap": (1.0, 0.5)}
    assert non_dominated(points, TWO) == ["cheap", "good"]


def test_a_third_objective_adds_points_to_the_front():
    points = {"label": (3.3, 0.97, 50_000.0), "split": (8.0, 0.95, 3_000.0), "worse": (9.0, 0.95, 3_000.0)}
    assert non_dominated(points, THREE) == ["label", "split"]


@pytest.mark.parametrize("seed", range(20))
def test_front_agrees_with_the_definition_in_any_order(seed):
    rng = random.Random(seed)
    points = {f"t{i}": (rng.randint(0, 4), rng.randint(0, 4) / 4, rng.randint(0, 3)) for i in range(25)}
    shuffled = list(points.items())
    rng.shuffle(shuffled)
    front = non_dominated(points, THREE)
    assert non_dominated(dict(shuffled), THREE) == front
    better = {key for key in points if not any(_dominates(points[other], points[key]) for other in points)}
    assert set(front) == better


def _dominates(a, b):
    a, b = (a[0], -a[1], a[2]), (b[0], -b[1], b[2])
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def test_equal_points_all_stay_on_the_front():
    points = {"t2": (1.0, 0.5), "t1": (1.0, 0.5), "t3": (2.0, 0.5), "t4": (1.0, 0.5)}
    assert non_dominated(points, TWO) == ["t1", "t2", "t4"]
    assert ranks(points, TWO) == {"t1": 1, "t2": 1, "t3": 2, "t4": 1}


POINTS = st.lists(
    st.tuples(
        st.sampled_from((-0.0, 0.0, 1.5, 3.0)), st.integers(0, 3).map(lambda x: x / 3), st.integers(0, 2)
    ),
    max_size=20,
)


@given(points=POINTS)
def test_front_and_ranks_agree_and_equal_points_share_theirs(points):
    """Few values, so that most points have equals."""
    named = {f"t{number}": point for number, point in enumerate(points)}
    found = ranks(named, THREE)
    assert set(non_dominated(named, THREE)) == {key for key, rank in found.items() if rank == 1}
    for key, point in named.items():
        above = [found[other] for other in named if _dominates(named[other], point)]
        assert found[key] == 1 + max(above, default=0), "one more than the deepest that dominates it"
        assert all(found[other] == found[key] for other in named if named[other] == point)


def test_no_points_give_an_empty_front():
    assert non_dominated({}, THREE) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(InputError, match=r"t7: accuracy must be finite"):
        non_dominated({"t7": (1.0, bad)}, TWO)
    with pytest.raises(InputError, match="must be finite"):
        hypervolume([(1.0, bad)], TWO, {"rate_bits": 9.0, "accuracy": 0.1})


def test_the_objectives_of_a_sweep_have_the_directions_of_its_metrics():
    metrics = [{"name": "calibration", "target": "m:f", "direction": "minimise"}]
    found = objectives_of({"objectives": ["calibration", "accuracy"], "metrics": metrics})
    assert list(found.items()) == [("calibration", "minimise"), ("accuracy", "maximise")]
    assert objectives_of({}) == THREE
    with pytest.raises(UnknownNameError, match="unknown objective 'bitrate'; valid: rate_bits, accuracy"):
        objectives_of({"objectives": ["bitrate"], "metrics": metrics})


@pytest.mark.parametrize("direction", ["minimise", "maximise"])
def test_a_metric_counts_as_it_is_whatever_its_sign(direction):
    """Log axes are for what ranges over decades; nothing is known of a metric."""
    objectives = {"rate_bits": "minimise", "own": direction}
    better = -3.0 if direction == "minimise" else 1.0
    points = {"a": (3.0, better), "b": (3.0, -1.0), "c": (1.0, -1.0)}
    assert non_dominated(points, objectives) == ["c", "a"]
    found = hypervolume([points["a"]], objectives, {"rate_bits": 63.0, "own": -1.0})
    assert found == pytest.approx((6 - 2) * 2)


def test_hypervolume_of_one_point_is_its_box_on_the_stated_axes():
    reference = {"rate_bits": 63.0, "accuracy": 0.1, "transmitter_bytes": 1023.0}
    found = hypervolume([(3.0, 0.9, 255.0)], THREE, reference)
    assert found == pytest.approx((6 - 2) * (0.9 - 0.1) * (10 - 8))


@pytest.mark.parametrize("objectives", [TWO, THREE, {**THREE, "encode_ms": "minimise"}])
@pytest.mark.parametrize("seed", range(4))
def test_hypervolume_counts_the_dominated_cells(objectives, seed):
    rng = np.random.default_rng(seed)
    reference = {"rate_bits": 31.0, "accuracy": 0.1, "transmitter_bytes": 255.0, "encode_ms": 15.0}
    points = [[_draw(rng, name, reference) for name in objectives] for _ in range(6)]
    corner = np.array([on_axis(name, reference[name]) * _sign(name) for name in objectives])
    costs = np.array([[on_axis(n, v) * _sign(n) for n, v in zip(objectives, p, strict=True)] for p in points])
    assert hypervolume(points, objectives, reference) == pytest.approx(_brute_force(costs, corner), rel=1e-9)


def _draw(rng, name, reference):
    return rng.uniform(0, 1) if name == "accuracy" else rng.uniform(0, 1.1 * reference[name])


def _sign(name):
    return -1 if name == "accuracy" else 1


def _brute_force(costs, corner):
    """Cut the box at every coordinate and add up the cells that some point dominates."""
    edges = [np.unique(np.append(np.minimum(costs[:, i], c), c)) for i, c in enumerate(corner)]
    total = 0.0
    for cell in itertools.product(*(range(len(e) - 1) for e in edges)):
        low = np.array([e[k] for e, k in zip(edges, cell, strict=True)])
        high = np.array([e[k + 1] for e, k in zip(edges, cell, strict=True)])
        if np.any(np.all(costs <= low, axis=1)):
            total += float(np.prod(high - low))
    return total


def test_hypervolume_ignores_order_and_useless_points():
    reference = {"rate_bits": 10.0, "accuracy": 0.1}
    points = [(1.0, 0.4), (3.0, 0.8), (2.0, 0.7)]
    alone = hypervolume(points, TWO, reference)
    assert hypervolume([*reversed(points), (3.0, 0.5), (11.0, 0.99), (1.0, 0.05)], TWO, reference) == alone
    assert hypervolume([], TWO, reference) == 0.0


def test_a_reference_without_an_objective_is_an_error():
    with pytest.raises(InputError, match="lacks transmitter_bytes"):
        hypervolume([(1.0, 0.5, 10.0)], THREE, {"rate_bits": 9.0, "accuracy": 0.1})


def test_a_negative_rate_is_an_error():
    with pytest.raises(InputError, match="rate_bits must be ≥ 0"):
        on_axis("rate_bits", -1.0)
