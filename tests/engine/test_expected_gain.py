"""The parts of the default search, each compared with an independent computation."""

from __future__ import annotations

import math

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.engine.search.expected_gain import gaussian_process
from ratefront.engine.search.expected_gain.branch_features import BranchFeatures
from ratefront.engine.search.expected_gain.gaussian_process import (
    GaussianProcess,
    Hyperparameters,
    fit_hyperparameters,
)
from ratefront.engine.search.expected_gain.hypervolume_gain import (
    LEAST_ERROR,
    NODES,
    Prediction,
    expected_gains,
)
from ratefront.engine.search.expected_gain.non_dominated_boxes import non_dominated_boxes
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Float, Int

#: Few values, so that coordinates coincide and points dominate each other.
COORDINATES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 1.25])


@given(data=st.data(), dimensions=st.integers(1, 4))
def test_boxes_hold_just_what_a_point_would_add(data: st.DataObject, dimensions: int) -> None:
    points = st.lists(st.tuples(*[COORDINATES] * dimensions), max_size=12)
    front = np.array(data.draw(points)).reshape(-1, dimensions)
    point = np.array(data.draw(st.tuples(*[COORDINATES] * dimensions)))
    reference = np.ones(dimensions)
    added = _volume(np.vstack([front, point]), reference) - _volume(front, reference)
    assert non_dominated_boxes(front, reference).gain(point) == pytest.approx(added, abs=1e-12)


def _volume(points: np.ndarray, reference: np.ndarray) -> float:
    inside = points[np.all(points < reference, axis=1)]
    return float(moocore.hypervolume(inside, ref=reference)) if len(inside) else 0.0


@given(data=st.data())
def test_boxes_do_not_overlap(data: st.DataObject) -> None:
    front = np.array(data.draw(st.lists(st.tuples(*[COORDINATES] * 3), max_size=12))).reshape(-1, 3)
    boxes = non_dominated_boxes(front, np.ones(3))
    for place in range(len(boxes.low)):
        low = np.maximum(boxes.low[place], np.delete(boxes.low, place, axis=0))
        high = np.minimum(boxes.high[place], np.delete(boxes.high, place, axis=0))
        assert not np.any(np.all(low < high, axis=1))


def test_the_expected_gain_is_the_mean_gain_of_drawn_trials() -> None:
    random = np.random.default_rng(0)
    front = random.uniform(0, 1, (30, 3)) - [0, 1, 0]  # rate, −accuracy, size
    boxes = non_dominated_boxes(front, np.array([0.9, 0.0, 0.9]))
    rates = 0.3 + 0.2 * NODES[None]
    error = Prediction(-2 + 0.5 * (rates - 0.3), np.full_like(rates, 0.4), is_error=True)
    size = Prediction(np.array([[0.2]]), np.array([[0.1]]))
    rate = Prediction(rates, np.zeros_like(rates), is_node=True)
    drawn_rate, drawn_size = random.normal(0.3, 0.2, 40_000), random.normal(0.2, 0.1, 40_000)
    errors = np.exp(-2 + 0.5 * (drawn_rate - 0.3) + 0.4 * random.standard_normal(40_000))
    drawn = np.stack([drawn_rate, errors - 1 - LEAST_ERROR, drawn_size], axis=1)
    gains = np.array([boxes.gain(point) for point in drawn])
    (expected,) = expected_gains([rate, error, size], boxes)
    assert expected == pytest.approx(gains.mean(), rel=0.1)  # five nodes of a function with kinks
    limit = 0.25
    (limited,) = expected_gains([rate, error, size], boxes, [(size, limit)])
    chance = 0.5 * (1 + math.erf((limit - 0.2) / 0.1 / math.sqrt(2)))
    assert limited == pytest.approx(expected * chance)


def test_without_spread_the_expected_gain_is_the_gain() -> None:
    boxes = non_dominated_boxes(np.array([[0.2, -0.6], [0.6, -0.9]]), np.array([1.0, 0.0]))
    point = np.array([0.3, -0.8])
    rate = Prediction(np.array([[point[0]]]), np.array([[0.0]]))
    error = Prediction(np.array([[math.log(point[1] + 1 + LEAST_ERROR)]]), np.array([[0.0]]), is_error=True)
    assert expected_gains([rate, error], boxes) == pytest.approx([boxes.gain(point)])


def test_the_likelihood_has_the_gradient_that_it_says() -> None:
    random = np.random.default_rng(1)
    inputs, outputs = random.uniform(0, 1, (15, 3)), random.standard_normal(15)
    likelihood = gaussian_process._Likelihood(inputs, outputs, Hyperparameters.prior(3, 0.05), 0.5)
    at = np.array([0.3, -0.4, 0.8, -2.0])
    _, gradient = likelihood(at)
    for place in range(4):
        step = 1e-6 * np.eye(4)[place]
        slope = (likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-4)


def test_a_process_learns_which_input_matters() -> None:
    random = np.random.default_rng(2)
    inputs = random.uniform(0, 1, (60, 2))
    outputs = np.sin(6 * inputs[:, 0]) + 0.05 * random.standard_normal(60)
    prior = Hyperparameters.prior(2, 0.05)
    fitted = fit_hyperparameters(inputs, outputs, prior, 0.5)
    assert fitted.log_scales[0] < fitted.log_scales[1] - 1
    fresh = random.uniform(0, 1, (500, 2))
    mean, deviation = GaussianProcess(inputs, outputs, fitted, 0.5).predict(fresh)
    missed = np.sin(6 * fresh[:, 0]) + 0.05 * random.standard_normal(500) - mean
    assert np.sqrt(np.mean(missed**2)) < 0.1
    assert 0.7 < np.sqrt(np.mean((missed / deviation) ** 2)) < 1.4


def test_a_process_is_less_sure_where_it_has_seen_nothing() -> None:
    process = GaussianProcess(
        np.array([[0.1], [0.2]]), np.array([1.0, 1.2]), Hyperparameters.prior(1, 0.05), 0.5
    )
    _, deviation = process.predict(np.array([[0.15], [0.9]]))
    assert deviation[1] > 1.5 * deviation[0]


SPACE = {
    "family": Branch(
        {
            "split": {
                "split": Choice(("conv1", "conv2")),
                "beta": Float(1.0, 100.0, log=True),
                "entropy_model": Branch(
                    {
                        "factorized": {"width": Int(2, 12, log=True)},
                        "categorical": {"alphabet": Choice((4, 8, 16))},
                    }
                ),
                "epochs": Constant(3),
            },
            "label": {"merged_classes": Int(1, 5)},
        }
    )
}


@settings(max_examples=30)
@given(beta=st.floats(1.0, 100.0))
def test_a_configuration_has_its_place_in_its_branch(beta: float) -> None:
    features = BranchFeatures(SPACE)
    values = {
        "family": "split",
        "split": "conv1",
        "beta": beta,
        "entropy_model": "categorical",
        "alphabet": 8,
    }
    located = features.locate({**values, "epochs": 3})
    assert located.branch == (("family", "split"), ("split/entropy_model", "categorical"))
    half = math.sqrt(0.5)
    assert located.features == pytest.approx([half, 0.0, math.log(beta) / math.log(100), 0.5])
    assert features.locate({"family": "label", "merged_classes": 5}).features == pytest.approx([1.0])
