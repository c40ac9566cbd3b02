"""``repeats`` in a sweep file: its forms, what they mean, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratefront.errors import SpecError
from ratefront.history.repeat_counts import RepeatCounts, recorded_repeats
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.spec.settings.repeat_settings import Repeats


@pytest.mark.parametrize(
    ("written", "trials", "most"),
    [
        (None, 3, 0),
        (None, 4, 1),
        (None, 57, 14),
        (1, 50, 0),
        (5, 50, 200),
        ({"front": 2}, 8, 2),
        ({"most_trials": 20}, 8, 20),
        ({"seeds": 2}, 8, 8),
        ({"front": 0}, 8, 0),
    ],
)
def test_how_many_trials_come_on_top(written: Any, trials: int, most: int, plain: dict[str, Any]) -> None:
    spec = load_spec(plain | ({} if written is None else {"repeats": written})).spec
    assert spec.repeats.most(trials) == most
    assert load_spec(to_plain(spec)).spec == spec, "the resolved form is read back"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (0, "repeats.seeds: must be ≥ 1, got 0"),
        (2.5, "repeats: give the number of seeds of every configuration (1: no repeats), or a mapping"),
        ("none", "repeats: give the number of seeds"),
        (True, "repeats: give the number of seeds"),
        ({"front": -1}, "repeats.front: must be ≥ 0, got -1"),
        (
            {"font": 2},
            'repeats.font: unknown key "font"; did you mean "front"? valid: seeds, front, most_trials',
        ),
        (
            {"seeds": 2, "front": 3},
            "repeats: give either a number of seeds for every configuration, or front",
        ),
        ({"front": 0, "most_trials": 3}, "repeats: most_trials bounds the repeats of the front"),
        ({"most_trials": 0}, "repeats.most_trials: must be ≥ 1, got 0"),
    ],
)
def test_what_is_wrong_is_named(
    written: Any, said: str, plain: dict[str, Any], write: Callable[[Any], Path]
) -> None:
    with pytest.raises(SpecError) as refused:
        load_spec(write(plain | {"repeats": written}))
    assert said in str(refused.value)


def test_a_recorded_spec_of_another_version_repeats_nothing() -> None:
    assert recorded_repeats({"repeats": {"seeds": "many"}}) == Repeats(front=0)


@pytest.mark.parametrize(
    ("counts", "is_over", "text"),
    [
        ((0, 0, 0), False, ""),
        ((0, 0, 14), False, " + up to 14 repeats"),
        ((8, 6, 14), False, " + 6 of up to 14 repeats"),
        ((1, 1, 14), True, " + 1 repeat"),
        ((9, 9, 14), True, " + 9 repeats"),
        ((0, 0, 14), True, ""),
    ],
)
def test_displays_say_how_many_repeats_there_are(
    counts: tuple[int, int, int], is_over: bool, text: str
) -> None:
    assert RepeatCounts(*counts).describe(is_over=is_over) == text
