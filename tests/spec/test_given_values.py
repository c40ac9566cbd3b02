"""Values that are given for a space are held by it, or the message says why not and what is valid."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from ratefront.engine.search.first_trials import random_choice, spread_trial
from ratefront.errors import SpecError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Float, Int, Space, assign
from ratefront.spec.space.given_values import as_in_space, fitted_values, given_problems

SPACE: Space = {
    "family": Branch(
        {
            "label": {"method": Branch({"lossless": {}, "merged": {"merged_classes": Int(1, 6)}})},
            "split": {
                "split": Choice(("conv1", "conv2")),
                "entropy_model": Branch(
                    {
                        "factorized": {"width": Int(2, 12)},
                        "categorical": {"width": Int(1, 3), "alphabet": Choice((4, 8))},
                    }
                ),
                "beta": Float(8.0, 300.0, log=True),
                "objective": Constant("cross_entropy"),
            },
        }
    )
}


@pytest.mark.parametrize("seed", range(40))
def test_any_part_of_a_configuration_is_held_and_kept(seed: int) -> None:
    """Whatever is given of a configuration with the options on its way stays; the rest is a configuration again."""
    random = Random(seed)
    values = assign(SPACE, random_choice(random))
    options = ("family", "method", "entropy_model")
    given = {name: one for name, one in values.items() if name in options or random.random() < 0.5}
    assert given_problems(SPACE, given) == []
    completed = spread_trial(SPACE, seed, random.randrange(9), as_in_space(SPACE, given))
    assert completed.items() >= given.items()
    assert fitted_values(SPACE, completed) == completed


def test_what_is_left_out_is_drawn_by_the_place_in_the_list() -> None:
    drawn = [spread_trial(SPACE, 3, number, {"family": "split"}) for number in range(4)]
    assert {values["split"] for values in drawn} == {"conv1", "conv2"}
    assert len({values["beta"] for values in drawn}) == 4
    assert drawn == [spread_trial(SPACE, 3, number, {"family": "split"}) for number in range(4)]
    assert spread_trial(SPACE, 3, 5, {}) == spread_trial(SPACE, 3, 5)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"family": "splt"}, 'family: unknown value "splt"; did you mean "split"? valid: label, split'),
        ({"family": "split", "beta": 900}, "beta: must be a number from 8 to 300, got 900"),
        ({"family": "split", "beta": True}, "beta: must be a number from 8 to 300, got true"),
        ({"family": "split", "beta": float("nan")}, "beta: must be a number from 8 to 300, got NaN"),
        (
            {"family": "split", "split": "conv3"},
            'split: unknown value "conv3"; did you mean "conv2"? valid: ',
        ),
        ({"family": "split", "objective": "mse"}, 'objective: is "cross_entropy" in this space, got "mse"'),
        ({"family": "split", "bta": 9}, 'bta: unknown parameter "bta"; did you mean "beta"? valid: family, '),
        ({"beta": 9}, "beta: is a parameter only where family is split: give family, too"),
        ({"family": "label", "beta": 9}, 'only where family is split: and family is "label"'),
        (
            {"family": "split", "width": 2},
            "where entropy_model is factorized or categorical: give entropy_mod",
        ),
        (
            {"family": "split", "entropy_model": "factorized", "alphabet": 4},
            'alphabet: is a parameter only where entropy_model is categorical: and entropy_model is "factorized"',
        ),
        (
            {"family": "split", "entropy_model": "factorized", "width": 2.5},
            "width: must be a whole number from 2 to 12, got 2.5",
        ),
    ],
)
def test_a_value_that_is_not_held_is_named_with_what_is_valid(given: dict[str, Any], problem: str) -> None:
    (found,) = given_problems(SPACE, given)
    assert problem in found


def test_numbers_that_mean_the_same_are_the_same() -> None:
    given = {"family": "split", "beta": 80, "entropy_model": "categorical", "alphabet": 8.0}
    taken = as_in_space(SPACE, given)
    assert [type(taken[name]) for name in ("beta", "alphabet")] == [float, int]


def test_a_parameter_of_one_space_alone_counts_as_its_default() -> None:
    """The family's own model says which value that is."""
    here: Space = {
        "family": Branch({"split": {**SPACE["family"].options["split"], "refine": Choice(("none", "sga"))}})
    }  # type: ignore[union-attr]
    before = spread_trial(SPACE, 0, 0, {"family": "split", "entropy_model": "factorized"})
    assert fitted_values(here, before) == before | {"refine": "none"}
    assert fitted_values(SPACE, before | {"refine": "none"}) == before
    with pytest.raises(ValueError, match='refine: is "sga" there and "none" here'):
        fitted_values(SPACE, before | {"refine": "sga", "refine_steps": 20})
    with pytest.raises(ValueError, match="beta: must be a number from 8 to 300, got 4"):
        fitted_values(SPACE, before | {"beta": 4.0})


def test_the_check_names_point_and_key(problems: Callable[..., list[str]]) -> None:
    start_with = "start_with=[{family: split, beta: 9000}, {family: label}, {split: conv1}, runs/a]"
    assert problems(start_with) == [
        "start_with[0].beta: must be a number from 0.5 to 500, got 9000",
        "start_with[2].split: is a parameter only where family is split: give family, too",
    ]
    assert problems("learn_from=[runs/a, runs/b, runs/a]") == ['learn_from: "runs/a" is listed twice']


@pytest.mark.parametrize("point", [3, None, [], {}, "", {"family": None}, {"family": ["split"]}])
def test_a_point_is_values_or_a_folder(plain: dict[str, Any], point: object) -> None:
    with pytest.raises(SpecError, match=r"start_with\[0\]: .*must be a "):
        load_spec(plain | {"start_with": [point]})
