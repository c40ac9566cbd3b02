"""How many configurations a space holds, and each of them once."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.spec.space.configurations import configurations, count, too_few_configurations, uses_seed
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Float, Int, Leaf, Space, assign
from ratefront.trial_records import Scalar

#: Of larger spaces the first so many are looked at.
MOST = 500

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).map(tuple)
LEAVES = st.one_of(
    st.integers(0, 3).map(Constant),
    NAMES.map(Choice),
    st.tuples(st.integers(-2, 2), st.integers(0, 3)).map(lambda ends: Int(ends[0], ends[0] + ends[1])),
)


def shapes(depth: int) -> st.SearchStrategy[list[Any]]:
    """Dimensions without names; a branch as what its options hold."""
    inner = st.dictionaries(st.sampled_from("xyz"), shapes(depth - 1), min_size=1) if depth else LEAVES
    return st.lists(st.one_of(LEAVES, inner), max_size=3)


def named(shape: list[Any], path: str = "") -> Space:
    """With names that no two dimensions share."""
    return {
        f"{path}{place}": Branch(
            {option: named(own, f"{path}{place}{option}") for option, own in one.items()}
        )
        if isinstance(one, dict)
        else one
        for place, one in enumerate(shape)
    }


SPACES = shapes(2).map(named)


@given(space=SPACES, seed=st.integers(0, 1000))
def test_each_configuration_comes_once_and_as_many_as_are_counted(space: Space, seed: int) -> None:
    every = [frozenset(values.items()) for values in islice(configurations(space, Random(seed)), MOST)]
    assert len(set(every)) == len(every)
    assert count(space) == len(every) or len(every) == MOST


@given(space=SPACES, seed=st.integers(0, 1000))
def test_every_drawn_configuration_is_one_of_the_listed(space: Space, seed: int) -> None:
    random = Random(seed)

    def choose(path: str, leaf: Leaf) -> Scalar:
        match leaf:
            case Choice(options):
                return random.choice(options)
            case Int(low, high):
                return random.randint(low, high)
        raise AssertionError(leaf)

    drawn = assign(space, choose)
    assert (count(space) or 0) > MOST or drawn in list(configurations(space, random))


def test_a_space_with_a_real_interval_is_infinite() -> None:
    inside: Space = {"a": Choice((1, 2)), "b": Branch({"x": {"c": Float(0.0, 1.0)}, "y": {}})}
    assert count(inside) is None
    assert {values["b"] for values in configurations(inside, Random(0))} == {"x", "y"}


def test_the_first_of_a_million_configurations_come_at_once() -> None:
    wide: Space = {"a": Int(1, 10**9), "b": Int(1, 10**9)}
    assert count(wide) == 10**18
    assert len({tuple(values.values()) for values in islice(configurations(wide, Random(3)), 100)}) == 100


SMALL = {"classifier": "small", "classifier_width": 4, "classifier_depth": 2}


@pytest.mark.parametrize(
    ("values", "enters"),
    [
        ({"family": "label", "method": "lossless"}, False),
        ({"family": "label", "method": "lossless", "pruning": "structured", "pruned_share": 0.5}, False),
        ({"family": "label", "method": "lossless", **SMALL}, True),
        ({"family": "sample", "channel": "task_model", "slope": 2.0}, False),
        ({"family": "image", "codec": "jpeg", "quality": 50}, False),
        ({"family": "label", "method": "of another version"}, True),
        ({"family": "nobody's"}, True),
    ],
)
def test_whether_a_trials_seed_changes_its_result(values: dict[str, Scalar], enters: bool) -> None:
    assert uses_seed(values) == enters


LOSSLESS: Space = {"family": Branch({"label": {"method": Choice(("lossless",))}})}
MERGED: Space = {"family": Branch({"label": {"method": Constant("merged"), "merged_classes": Int(1, 3)}})}
LEARNS: Space = {
    "family": Branch(
        {
            "split": {
                "split": Constant("conv1"),
                "entropy_model": Constant("factorized"),
                "width": Int(2, 3),
                "beta": Constant(8.0),
            }
        }
    )
}


@pytest.mark.parametrize(
    ("space", "trials", "note"),
    [
        (LOSSLESS, 2, "the space holds 1 configuration, fewer than the 2 trials: the sweep ends after 1"),
        (MERGED, 3, None),
        (MERGED, 4, "the space holds 3 configurations, fewer than the 4 trials: the sweep ends after 3"),
        (
            LEARNS,
            3,
            "the space holds 2 configurations, fewer than the 3 trials: those that learn are tried again with other "
            "seeds",
        ),
        ({"family": Branch({"label": {"share": Float(0.0, 1.0)}})}, 10**6, None),
    ],
)
def test_the_note_on_a_small_space_depends_on_the_seed(space: Space, trials: int, note: str | None) -> None:
    assert too_few_configurations(space, trials) == note
