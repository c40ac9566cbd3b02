"""The descriptions of columns are complete, documented, and the only ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.builders import result

import ratefront
from ratefront.columns import (
    COLUMN_NAMES,
    FRONT_COLUMNS,
    SEED_COLUMNS,
    TEST_ONLY,
    Column,
    column_named,
    columns_of_result,
    columns_of_trial,
    gap_columns,
    is_reserved_name,
    tracker_key,
)
from ratefront.trial_records import Measurement, TrialResult

#: Numbers of a result that have no column, and why.
EXCEPTIONS = {
    "test.samples": "the data set's, the same in every trial",
    "validation.samples": "the data set's, the same in every trial",
    **{f"validation.{name}": "looked at on test alone" for name in TEST_ONLY},
    "encode_ms_validation": "what the search saw of encode_ms: trackers have it among the objectives",
}


def numbered() -> TrialResult:
    """A result whose every number is another one."""
    plain, numbers = result("t0000", 2.0, 0.9, 9_000), count(1)

    def split() -> Measurement:
        values = {
            name: next(numbers) / 1000 for name in vars(plain.test) if name not in ("samples", "metrics")
        }
        return Measurement(samples=next(numbers), metrics={"mine": next(numbers)}, **values)

    return replace(
        plain,
        test=split(),
        validation=split(),
        transmitter_bytes=next(numbers),
        transmitter_macs=next(numbers),
        encode_ms=next(numbers),
        encode_ms_validation=next(numbers),
        train_seconds=next(numbers),
    )


def numbers_in(plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    for name, value in plain.items():
        if isinstance(value, Mapping):
            yield from numbers_in(value, f"{above}{name}.")
        elif value is None or isinstance(value, int | float):
            yield above + name, value


def test_every_number_of_a_result_has_a_column_or_a_reason_to_have_none() -> None:
    measured = numbered()
    numbers = dict(numbers_in(measured.to_json()))
    assert len(set(numbers.values())) == len(numbers), "two numbers are equal, or one is missing"
    shown = {column.value(measured) for column in columns_of_result(("mine",))}
    assert {place for place, value in numbers.items() if value not in shown} == EXCEPTIONS.keys()


def test_a_number_of_a_result_has_one_column() -> None:
    measured = numbered()
    values = [column.value(measured) for column in columns_of_result(("mine",))]
    assert len(set(values)) == len(values)


def test_names_and_keys_are_unique() -> None:
    columns = [*columns_of_trial(("mine",)), *SEED_COLUMNS, *FRONT_COLUMNS, *gap_columns("oracle")]
    names, keys = [c.name for c in columns], [c.key for c in columns if c.key]
    assert len(set(names)) == len(names)
    assert len(set(keys)) == len(keys)
    assert {"accuracy", "log_loss_bits_validation", "series", "dominated_on_test", "seed"} <= COLUMN_NAMES


@pytest.mark.parametrize(
    ("metric", "is_reserved"),
    [
        ("accuracy", True),
        ("dominated_on_test", True),
        ("gap_bits_oracle", True),
        ("gap_bits", True),
        ("params.width", True),
        ("params", True),
        ("params_used", False),
        ("log_loss_bits_validation", True),
        ("balanced_accuracy", False),
        ("width", False),
    ],
)
def test_the_name_of_a_column_is_reserved(metric: str, is_reserved: bool) -> None:
    assert is_reserved_name(metric) is is_reserved


def test_an_unknown_column_is_an_error() -> None:
    with pytest.raises(KeyError, match="rate_bit"):
        column_named("rate_bit")


def test_an_objective_has_the_key_under_which_trackers_have_it_on_test() -> None:
    names = ("rate_bits", "accuracy", "encode_ms", "mine")
    assert [tracker_key(name) for name in names] == [
        "test/rate_bits",
        "test/accuracy",
        "cost/encode_ms",
        "test/mine",
    ]


def test_no_other_module_knows_a_trackers_key() -> None:
    source = Path(ratefront.__file__).parent
    keys = [column.key for column in columns_of_result() if column.key]
    assert len(keys) > 8
    for path in source.rglob("*.py"):
        if path.parent.name != "columns":
            text = path.read_text()
            assert not [key for key in keys if f'"{key}"' in text or f"'{key}'" in text], path


def lines(columns: list[Column[Any, Any]]) -> list[str]:
    """The rows of a table in the documentation."""
    return [f"| `{column.name}` | {column.unit} | {column.meaning} |" for column in columns]


def test_the_documentation_has_these_columns_in_these_words() -> None:
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    every = columns_of_trial(("NAME",))
    front = [*(c for c in every if c.table == "front"), *FRONT_COLUMNS, *gap_columns("BOUND")]
    for columns in ([c for c in every if c.table != "front"], list(SEED_COLUMNS), front):
        table = "\n".join(["| column | unit | meaning |", "|---|---|---|", *lines(columns)])
        assert f"\n\n{table}\n\n" in text, f"docs/files.md should have\n{table}"
