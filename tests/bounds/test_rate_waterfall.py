"""The waterfall of a point: sources whose every stage is known, negative steps, and stages that are not defined."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.bounds import RateDistortionCurve, Waterfall, oracle_curve, task_model_curve, waterfall
from ratefront.bounds.rate_waterfall import STAGES, STEPS
from ratefront.errors import InputError


def h(p: float) -> float:
    """Binary entropy in bit."""
    return float(-sum(q * np.log2(q) for q in (p, 1.0 - p) if q > 0))


def behind_errors(share: float) -> RateDistortionCurve:
    """TMRD of 1000 fair bits whose decision is wrong for this share, by posteriors that say so."""
    labels = np.arange(1000) % 2
    wrong = (np.arange(1000) // 2) < 500 * share
    decided = np.where(wrong, 1 - labels, labels)
    posteriors = np.where(np.eye(2)[decided] > 0, 1.0 - share, share)
    return task_model_curve(np.log(posteriors), labels)


def test_every_stage_of_a_binary_source_is_in_closed_form() -> None:
    """D is ε + (1 - 2ε) d for a decision that errs with ε and is received with d: 1 - h(d) bit, and 1 - h(D) for ε = 0.

    The word sent is the decision: H(Z) = 1.
    """
    error, probe_error, distortion = 0.1, 0.2, 0.3
    stages = {
        "oracle": oracle_curve([0.5, 0.5]),
        "task_model": behind_errors(error),
        "probe": behind_errors(probe_error),
        "entropy": 1.0,
        "estimate": 1.25,
        "blocks": 1.26,
        "alone": 8.0,
    }
    point = waterfall(1.0 - distortion, stages, 0.5)  # type: ignore[arg-type]
    known = [
        1.0 - h(distortion),
        1.0 - h((distortion - error) / (1.0 - 2.0 * error)),
        1.0 - h((distortion - probe_error) / (1.0 - 2.0 * probe_error)),
    ]
    assert [stage.bits for stage in point.stages[:3]] == pytest.approx(
        known, abs=2e-3
    )  # chords between 60 slopes
    assert [stage.bits for stage in point.stages[3:]] == [1.0, 1.25, 1.26, 8.0]
    assert [step.names for step in point.joined_steps] == [(name,) for name in STEPS]
    assert all(step.bits is not None and step.bits > 0 for step in point.steps)


rates = st.lists(st.one_of(st.floats(0, 50), st.just("no reason")), min_size=7, max_size=7)


def of_rates(values: list[float | str]) -> Waterfall:
    return waterfall(0.5, dict(zip(STAGES, values, strict=True)), 0.9)  # type: ignore[arg-type]


@given(rates)
def test_the_joined_steps_add_up_and_name_every_step(values: list[float | str]) -> None:
    point = of_rates(values)
    defined = [stage.bits for stage in point.stages if stage.bits is not None]
    steps = point.joined_steps
    assert sum(step.bits or 0.0 for step in steps) == pytest.approx(
        defined[-1] - defined[0] if defined else 0.0, abs=1e-9
    )
    first, last = (STAGES.index(steps[0].start), STAGES.index(steps[-1].end)) if steps else (0, 0)
    assert [name for step in steps for name in step.names] == list(STEPS[first:last])
    assert all(before.end == after.start for before, after in pairwise(steps))


@given(rates)
def test_a_step_at_an_undefined_stage_is_null_with_a_reason(values: list[float | str]) -> None:
    point = of_rates(values)
    for step, (before, after) in zip(point.steps, pairwise(values), strict=True):
        if isinstance(before, str) or isinstance(after, str):
            assert (step.bits, "no reason" in step.reason) == (None, True)
        else:
            assert (step.bits, step.reason) == (after - before, "")
    json.dumps(point.to_json(), allow_nan=False)


def test_negative_steps_stay() -> None:
    """A retrained receiver beats the task model's posteriors and the probe's, and a small model beats a large one."""
    point = of_rates([1.0, 2.0, 1.8, 1.5, 1.4, 1.45, 1.45])
    assert [step.bits for step in point.steps] == pytest.approx([1.0, -0.2, -0.3, -0.1, 0.05, 0.0])
    assert point.steps == point.joined_steps


def test_a_point_beyond_the_reach_of_a_curve_joins_its_neighbours() -> None:
    """The codec errs less than the task model: TMRD says nothing there, and the oracle's next stage is the probe's."""
    stages = {
        "oracle": oracle_curve([0.5, 0.5]),
        "task_model": behind_errors(0.2),
        "probe": behind_errors(0.05),
        "entropy": "too few samples",
        "estimate": 1.0,
        "blocks": 1.0,
        "alone": 8.0,
    }
    point = waterfall(0.9, stages, 0.5)  # type: ignore[arg-type]
    missing = point.stage("task_model")
    assert missing.bits is None
    assert missing.reason.startswith(
        "D = 0.1 lies below the curve of the task model (TMRD)'s least distortion 0.2"
    )
    names = [step.title for step in point.joined_steps]
    assert names == ["model + transmitter", "coding + modelling", "coder", "block length"]
    assert point.joined_steps[1].meaning == "not told apart: too few samples"
    assert [step.bits is None for step in point.steps] == [True, True, True, True, False, False]


def test_the_least_distortion_itself_is_within_reach() -> None:
    """1 - A rounds to just below it."""
    curve = RateDistortionCurve("mine", np.array([1.0, 0.0]), np.array([1.0 - 0.9, 0.5]))
    given = dict.fromkeys(STAGES, 1.0) | {"task_model": curve}
    assert waterfall(0.9 + 1e-12, given, 0.5).stage("task_model").bits == pytest.approx(1.0)  # type: ignore[arg-type]


def test_curves_that_are_not_convex_are_replaced_by_their_envelope() -> None:
    bump = RateDistortionCurve("mine", np.array([1.0, 0.9, 0.0]), np.array([0.0, 0.25, 0.5]))
    given = dict.fromkeys(STAGES, 1.0) | {"probe": bump}
    assert waterfall(0.75, given, 0.5).stage("probe").bits == pytest.approx(0.5)  # type: ignore[arg-type]


def test_at_no_better_than_chance_every_curve_is_at_zero() -> None:
    given = dict.fromkeys(STAGES, 0.25) | {
        "oracle": oracle_curve([0.5, 0.5]),
        "task_model": behind_errors(0.1),
    }
    point = waterfall(0.4, given, 0.5)  # type: ignore[arg-type]
    assert [stage.bits for stage in point.stages[:2]] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("accuracy", "change", "message"),
    [
        (1.2, {}, "accuracy must lie"),
        (float("nan"), {}, "accuracy must lie"),
        (0.5, {"alone": -1.0}, "alone: a rate must be finite"),
        (0.5, {"blocks": float("inf")}, "blocks: a rate must be finite"),
        (0.5, {"wages": 1.0}, "stages must be oracle, task_model, probe"),
    ],
)
def test_what_is_no_waterfall_is_refused(accuracy: float, change: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        waterfall(accuracy, dict.fromkeys(STAGES, 1.0) | change, 0.5)  # type: ignore[arg-type]
