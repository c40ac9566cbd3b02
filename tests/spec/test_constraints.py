"""Constraints and targets of a sweep file: how they are written, what is refused, and who meets them."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import result

from ratefront.errors import SpecError
from ratefront.history.recorded_spec import check_recorded_spec
from ratefront.spec.goals.constraints import (
    Constraint,
    box,
    meets,
    parse_constraint,
    values_of,
    violations,
)
from ratefront.spec.load_spec import load_spec, spec_from_plain, to_plain
from ratefront.trial_records import OBJECTIVES

SWEEP: dict[str, Any] = {
    "name": "a",
    "dataset": "digits",
    "task_model": "small_cnn",
    "space": {"family": {"label": {"method": {"lossless": {}}}}},
    "metrics": ["balanced_accuracy"],
    "trials": 3,
}


@pytest.mark.parametrize(
    ("text", "name", "relation", "limit"),
    [
        ("accuracy >= 0.97", "accuracy", ">=", 0.97),
        ("accuracy ≥ 97 %", "accuracy", ">=", 0.97),
        ("accuracy>=97%", "accuracy", ">=", 0.97),
        ("transmitter_bytes <= 1 MiB", "transmitter_bytes", "<=", 2**20),
        ("transmitter_bytes ≤ 64kB", "transmitter_bytes", "<=", 64_000),
        ("transmitter_bytes <= 5e3", "transmitter_bytes", "<=", 5000),
        ("transmitter_bytes <= 300 B", "transmitter_bytes", "<=", 300),
        ("rate_bits <= 64 bit", "rate_bits", "<=", 64),
        ("encode_ms <= .5 ms", "encode_ms", "<=", 0.5),
        ("balanced_accuracy >= -1", "balanced_accuracy", ">=", -1),
    ],
)
def test_a_constraint_is_read_with_its_unit(text: str, name: str, relation: str, limit: float) -> None:
    constraint = parse_constraint(text)
    assert (constraint.name, constraint.relation) == (name, relation)
    assert constraint.limit == pytest.approx(limit)
    assert parse_constraint(constraint.text) == constraint


@given(st.text(max_size=40))
def test_any_text_is_a_constraint_or_a_sentence(text: str) -> None:
    limit = 0.0
    with suppress(ValueError):  # and nothing else
        limit = parse_constraint(text).limit
    assert math.isfinite(limit)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"constraints": ["acuracy >= 1"]},
            'constraints[0]: unknown objective or metric "acuracy"; did you mean',
        ),
        (
            {"constraints": ["accuracy > 0.9"]},
            "constraints[0]: a constraint is a name, <= or >=, and a number, as",
        ),
        (
            {"constraints": ["accuracy >= 97"]},
            "accuracy >= 97: an accuracy lies between 0 and 1 (or 0 % and 100 %)",
        ),
        ({"constraints": ["rate_bits <= -1"]}, "rate_bits <= -1: rate_bits is never negative"),
        ({"constraints": ["rate_bits <= 3 MiB"]}, 'unknown unit "MiB"; units of rate_bits: bit'),
        ({"constraints": ["balanced_accuracy >= 3 %"]}, "balanced_accuracy has no unit"),
        ({"constraints": ["rate_bits <= 1e999"]}, "the limit is too large a number"),
        (
            {"constraints": ["accuracy >= 0.9", "rate_bits <= 3", "accuracy <= 0.8"]},
            "constraints[2]: no trial can meet both accuracy >= 0.9 and accuracy <= 0.8",
        ),
        (
            {"constraints": ["rate_bits <= 3", "rate_bits <= 3"]},
            'constraints: "rate_bits <= 3" is listed twice',
        ),
        ({"constraints": "accuracy >= 0.9"}, "constraints: must be a list"),
        ({"target": {"accuracy": 1.2}}, "target.accuracy: must be ≤ 1, got 1.2"),
        ({"target": {"rate_bits": -1}}, "target.rate_bits: must be ≥ 0, got -1"),
        ({"target": {}}, "target: give one of accuracy (fewest bits) and rate_bits (highest accuracy)"),
        ({"target": {"accuracy": 0.9, "rate_bits": 3}}, "target: give one of"),
        (
            {"target": {"rate": 3}},
            'target.rate: unknown key "rate"; did you mean "rate_bits"? valid: accuracy,',
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec({**SWEEP, **changes})
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_spec_with_goals_reads_back_as_it_was() -> None:
    goals = {"constraints": ["accuracy ≥ 90%", "transmitter_bytes<=1MiB"], "target": {"rate_bits": 64}}
    spec = load_spec({**SWEEP, **goals}).spec
    assert spec.constraints == ("accuracy >= 90 %", "transmitter_bytes <= 1 MiB")
    assert spec_from_plain(to_plain(spec)).spec == spec
    check_recorded_spec(to_plain(spec))


def test_a_target_is_one_objective_under_a_constraint() -> None:
    goals = {"constraints": ["transmitter_bytes <= 1 MiB"], "target": {"accuracy": 0.99}}
    spec = load_spec({**SWEEP, **goals}).spec
    assert spec.search_objectives == {"rate_bits": "minimise"}
    assert [each.text for each in spec.search_constraints] == [
        "accuracy >= 0.99",
        "transmitter_bytes <= 1 MiB",
    ]
    assert list(spec.directions) == ["rate_bits", "accuracy", "transmitter_bytes"], (
        "the front stays that of all"
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"constraints": ["accuracy >"]},
        {"constraints": ["mine >= 3"]},
        {"constraints": 3},
        {"target": {"accuracy": 7.0}},
        {"target": {"accuracy": "0.9"}},
        {"target": {}},
        {"target": 3},
    ],
)
def test_a_forged_goal_in_a_ledger_is_an_error(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"constraint|target|Target"):
        check_recorded_spec(spec)


VALUES = st.floats(0, 1e6)


@given(
    st.sampled_from([name for name in OBJECTIVES if name != "accuracy"]),
    st.sampled_from(["<=", ">="]),
    VALUES,
    VALUES,
)
def test_a_violation_is_positive_just_beyond_the_limit(
    name: str, relation: Any, limit: float, value: float
) -> None:
    constraint = Constraint.of(name, relation, limit)
    beyond = value > limit if relation == "<=" else value < limit
    # Neighbouring numbers may have the same logarithm.
    assert (constraint.violation(value) > 0) == beyond or math.log2(1 + value) == math.log2(1 + limit)
    low, high = box([constraint])[name]
    assert (low <= value <= high) == (not beyond)


def test_a_trial_meets_constraints_on_validation() -> None:
    measured = result("t0000", 2.0, 0.99, 5000, validation=(3.0, 0.9))
    met = [parse_constraint("accuracy >= 0.9"), parse_constraint("transmitter_bytes <= 5000")]
    assert meets(measured, met)
    assert not meets(measured, [*met, parse_constraint("accuracy >= 0.95")]), "0.99 is on test"
    unknown = [parse_constraint("balanced_accuracy >= 0"), *met]
    assert violations(unknown, values_of(measured, unknown)) == (math.inf, 0.0, 0.0)


def test_a_box_joins_all_limits_of_a_value() -> None:
    texts = ("accuracy >= 0.5", "accuracy >= 0.7", "accuracy <= 0.9", "rate_bits <= 8")
    assert box(map(parse_constraint, texts)) == {"accuracy": (0.7, 0.9), "rate_bits": (-math.inf, 8.0)}
