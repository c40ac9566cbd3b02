"""What a trial reports and measures is checked before it is recorded."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from tests.engine.engine_by_hand import Hand

from ratefront.engine.engine import Engine
from ratefront.history.events import (
    Failed,
    Finished,
    Reported,
)
from ratefront.spec.sweep_spec import Metric


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_report_that_is_no_number_fails_the_trial_and_frees_the_worker(hand: Hand, value: float) -> None:
    start = hand.begin()
    events = hand.engine.judge(Reported("t0000", 1, 3, {"loss": value, "accuracy": 0.5}))
    assert events == [Failed("t0000", 1, "DivergedError", f"loss is {value} at epoch 3", final=True)]
    hand.add(*events)
    assert not hand.engine.history.is_running("t0000", 1)
    late = Finished("t0000", 1, hand.virtual.result("t0000", start.params.values))
    assert hand.engine.judge(late) == []


@pytest.mark.parametrize("value", [None, "0.5", [0.5], 10**400])
def test_a_metric_is_a_number(hand: Hand, value: object) -> None:
    hand.begin()
    (event,) = hand.engine.judge(Reported("t0000", 1, 1, {"loss": 0.5, "accuracy": value}))
    assert isinstance(event, Failed)
    assert (event.error, event.final) == ("InvalidResult", True)
    assert event.reason.startswith("accuracy is ")


@pytest.mark.parametrize(
    ("changes", "error", "part"),
    [
        ({"extra": {"probe": float("nan")}}, "DivergedError", "extra.probe is nan"),
        ({"encode_ms": float("inf")}, "DivergedError", "encode_ms is inf"),
        ({"validation": None}, "InvalidResult", "incomplete or wrong"),
        ({"transmitter_bytes": -1}, "InvalidResult", "transmitter_bytes is finite and ≥ 0"),
        ({"transmitter_macs": -5}, "InvalidResult", "transmitter_macs is finite and ≥ 0"),
        ({"transmitter_macs": None}, "InvalidResult", "transmitter_macs is a number or has a reason"),
        ({"transmitter_macs_unknown": "aten.cdist"}, "InvalidResult", "a number or has a reason"),
        ({"encode_ms_validation": -0.1}, "InvalidResult", "encode_ms_validation is finite and ≥ 0"),
        ({"extra": {"per_class": [1.0, float("nan")]}}, "DivergedError", "extra.per_class.1 is nan"),
        (
            {"extra": {"gpu_memory_share": "0.5"}},
            "InvalidResult",
            "extra.gpu_memory_share: Input should be a valid number",
        ),
        ({"extra": None}, "InvalidResult", "incomplete or wrong"),
        ({"extra": {"probe": [1.0]}}, "InvalidResult", "extra.probe: Input should be a valid number"),
        ({"trial_id": "t0007"}, "InvalidResult", "t0007"),
    ],
)
def test_a_result_that_is_no_measurement_fails_the_trial(
    hand: Hand, changes: dict[str, object], error: str, part: str
) -> None:
    start = hand.begin()
    plain = hand.virtual.result("t0000", start.params.values) | changes
    (event,) = hand.engine.judge(Finished("t0000", 1, plain))
    assert isinstance(event, Failed)
    assert (event.error, event.final) == (error, True)
    assert part in event.reason


@pytest.mark.parametrize("is_objective", [False, True])
def test_an_unknown_cost_fails_a_trial_only_where_it_is_an_objective(
    virtual: SimpleNamespace, is_objective: bool
) -> None:
    hand = Hand(virtual)
    if is_objective:
        objectives = ("rate_bits", "accuracy", "transmitter_macs")
        hand.engine = Engine(hand.spec.model_copy(update={"objectives": objectives}), virtual.SPACE)
        hand.engine.apply(hand.ledger[0])
    start = hand.begin()
    unknown = {"transmitter_macs": None, "transmitter_macs_unknown": "no count for aten.cdist"}
    plain = virtual.result("t0000", start.params.values) | unknown
    part = "transmitter_macs is not known: no count for aten.cdist"
    ends_as(hand, plain, "UnknownCostError" if is_objective else "", part)


def ends_as(hand: Hand, result: dict[str, Any], error: str, part: str) -> None:
    """Finished without an error, or failed for good with it and a reason that holds ``part``."""
    (event,) = hand.engine.judge(Finished("t0000", 1, result))
    hand.add(event)
    if not error:
        assert isinstance(event, Finished)
        return
    assert isinstance(event, Failed)
    assert (event.error, event.final) == (error, True)
    assert part in event.reason


@pytest.mark.parametrize(
    ("measured", "error", "part"),
    [
        ({"own": 0.5}, "", ""),
        (
            {"own": None},
            "UnknownCostError",
            "own is not known: it needs scores, and the codec gives none (family ",
        ),
        ({}, "InvalidResult", "unknown metric 'own'; valid: none"),
        ({"own": math.nan}, "DivergedError", "validation.metrics.own is nan"),
    ],
)
def test_a_metric_that_is_an_objective_has_a_value_or_fails_the_trial(
    virtual: SimpleNamespace, measured: dict[str, float | None], error: str, part: str
) -> None:
    hand = Hand(virtual)
    metric = Metric(name="own", target="m:own", direction="minimise")
    spec = hand.spec.model_copy(update={"metrics": (metric,), "objectives": ("rate_bits", "own")})
    hand.engine = Engine(spec, virtual.SPACE)
    hand.engine.apply(hand.ledger[0])
    start = hand.begin()
    plain = virtual.result("t0000", start.params.values)
    for split in ("validation", "test"):
        plain[split]["metrics"] = measured
    ends_as(hand, plain, error, part)
