"""Random valid spaces: what is read from them is what a family accepts."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratefront.catalogue import CATALOGUE
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import dump_yaml, spec_from_plain, to_plain
from ratefront.spec.space.dimensions import Choice, Constant, Float, Int, Leaf, Space, assign
from ratefront.spec.space.parameter_rules import MOST_CORNERS, corners
from ratefront.spec.yaml_text import read_yaml
from ratefront.trial_records import Scalar

pytestmark = pytest.mark.medium

Raw = dict[str, Any]
SPLIT_POINTS = CATALOGUE.task_models["small_cnn"].facts["splits"]


def ranges(kind: str, low: float, high: float) -> st.SearchStrategy[Any]:
    """Every form of a number: constant, choice, range."""
    value = st.integers(int(low), int(high)) if kind == "int" else st.floats(low, high)
    pair = st.lists(value, min_size=2, max_size=2, unique=True).map(sorted)
    span = st.fixed_dictionaries({kind: pair}, optional={"log": st.booleans()})
    return st.one_of(value, st.lists(value, min_size=1, max_size=4, unique=True), span)


def names(*valid: str) -> st.SearchStrategy[Any]:
    """Every form of a name that opens nothing."""
    some = st.lists(st.sampled_from(valid), min_size=1, unique=True)
    empty = some.map(lambda chosen: {key: {} for key in chosen})
    return st.one_of(st.sampled_from(valid), some, empty)


def branch(**options: st.SearchStrategy[Raw]) -> st.SearchStrategy[Raw]:
    """Some of the options, each with its own space."""
    return st.fixed_dictionaries({}, optional=options).filter(bool)


LABEL = branch(
    lossless=st.just({}),
    merged=st.fixed_dictionaries({"merged_classes": ranges("int", 2, 9)}),
    time_shared=st.fixed_dictionaries({"share": ranges("float", 0.01, 0.99)}),
).map(lambda method: {"method": method})

SPLIT = st.fixed_dictionaries(
    {
        "split": names(*SPLIT_POINTS),
        "entropy_model": branch(
            factorized=st.fixed_dictionaries({"width": ranges("int", 1, 4096)}),
            categorical=st.fixed_dictionaries(
                {"width": ranges("int", 1, 16), "alphabet": ranges("int", 2, 256)}
            ),
        ),
        "beta": ranges("float", 1e-3, 1e6),
    },
    optional={
        "objective": names("cross_entropy", "feature_distillation"),
        "refine": branch(
            none=st.just({}), sga=st.fixed_dictionaries({"refine_steps": ranges("int", 1, 5000)})
        ),
    },
)

SWEEPS = branch(label=LABEL, split=SPLIT).map(
    lambda family: {
        "name": "random",
        "dataset": "digits",
        "task_model": "small_cnn",
        "space": {"family": family},
        "trials": 1,
    }
)


def draw_from(leaf: Leaf, draw: random.Random) -> Scalar:
    match leaf:
        case Choice(options):
            return draw.choice(options)
        case Float(low, high):
            return draw.choice((low, high, draw.uniform(low, high)))
        case Int(low, high):
            return draw.randint(low, high)


@settings(max_examples=60, deadline=None)
@given(SWEEPS)
def test_a_valid_space_survives_plain_data_and_yaml(raw: Raw) -> None:
    loaded = spec_from_plain(raw, CATALOGUE)
    plain = to_plain(loaded.spec)
    assert plain["space"] == raw["space"]
    assert spec_from_plain(json.loads(json.dumps(plain)), CATALOGUE) == loaded
    assert spec_from_plain(read_yaml(dump_yaml(loaded.spec)), CATALOGUE) == loaded


def assignments(
    loaded: LoadedSpec, draw: random.Random, count: int
) -> list[tuple[dict[str, Scalar], list[str]]]:
    """Random assignments, each with the paths that were asked for."""
    drawn = []
    for _ in range(count):
        paths: list[str] = []

        def choose(path: str, leaf: Leaf, paths: list[str] = paths) -> Scalar:
            paths.append(path)
            return draw_from(leaf, draw)

        drawn.append((assign(loaded.space, choose), paths))
    return drawn


@settings(max_examples=60, deadline=None)
@given(SWEEPS, st.randoms(use_true_random=False))
def test_every_assignment_is_one_that_its_family_accepts(raw: Raw, draw: random.Random) -> None:
    for values, paths in assignments(spec_from_plain(raw, CATALOGUE), draw, 5):
        parameters = {name: value for name, value in values.items() if name != "family"}
        CATALOGUE.families[str(values["family"])].parameters.model_validate(parameters, strict=True)
        assert len(paths) == len(set(paths))
        assert paths[0] == "family"


@settings(max_examples=60, deadline=None)
@given(SWEEPS, st.randoms(use_true_random=False))
def test_each_path_belongs_to_one_dimension(raw: Raw, draw: random.Random) -> None:
    loaded = spec_from_plain(raw, CATALOGUE)
    seen: dict[str, Leaf] = {}

    def choose(path: str, leaf: Leaf) -> Scalar:
        assert seen.setdefault(path, leaf) == leaf
        return draw_from(leaf, draw)

    for _ in range(10):
        assign(loaded.space, choose)


def test_corners_take_every_end_and_option_once(plain: Raw) -> None:
    label = corners(spec_from_plain(plain, CATALOGUE).space["family"].options["label"])  # type: ignore[union-attr]
    assert label == [
        {"method": "lossless"},
        {"method": "merged", "merged_classes": 2},
        {"method": "merged", "merged_classes": 8},
    ]


def test_too_many_corners_are_sampled_the_same_way_each_time() -> None:
    space: Space = {"c": Constant(1), **{f"p{i}": Float(0, 1) for i in range(20)}}
    assert len(corners(space)) == MOST_CORNERS
    assert corners(space) == corners(space)
    assert all(len(set(corner.values())) == 2 for corner in corners(space)[:5])


def test_paths_are_the_options_taken_and_then_the_parameter(plain: Raw) -> None:
    paths: set[str] = set()

    def choose(path: str, leaf: Leaf) -> Scalar:
        paths.add(path)
        return draw_from(leaf, draw)

    draw, space = random.Random(0), spec_from_plain(plain, CATALOGUE).space
    for _ in range(200):
        assign(space, choose)
    assert paths == {
        "family",
        "label/method",
        "label/method/merged/merged_classes",
        "split/split",
        "split/beta",
        "split/entropy_model",
        "split/entropy_model/factorized/width",
        "split/entropy_model/categorical/width",
        "split/entropy_model/categorical/alphabet",
        "split/refine",
        "split/refine/sga/refine_steps",
    }
