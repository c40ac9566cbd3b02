"""Grids of a space, the way back from a position to a value, and which configurations are a space's own."""

from __future__ import annotations

from random import Random

import pytest

from ratefront.engine.search.first_trials import random_choice
from ratefront.simulate.built_in_sweep import built_in_sweep, codec_families_sweep
from ratefront.simulate.simulation_input import find_table
from ratefront.spec.load_spec import load_spec_without_data, to_plain
from ratefront.spec.space.configurations import count
from ratefront.spec.space.dimensions import Float, Int, assign
from ratefront.spec.space.space_coordinates import grid, lies_in, unit_position, value_at

BENCH_TABLE = "tests/bench/mnist_table.yaml"


@pytest.mark.parametrize("leaf", [Float(2, 8), Float(0.01, 10, log=True), Int(3, 9), Int(1, 64, log=True)])
def test_a_value_and_its_position_belong_together(leaf: Float | Int) -> None:
    assert (value_at(leaf, 0), value_at(leaf, 1)) == (leaf.low, leaf.high)
    for position in (0.2, 0.5, 0.9):
        value = value_at(leaf, position)
        assert isinstance(value, int) == isinstance(leaf, Int)
        near = 1e-9 if isinstance(leaf, Float) else 0.5 / leaf.low
        assert unit_position(leaf, value) == pytest.approx(position, abs=near)


def test_a_grid_is_exact_where_the_space_is_finite() -> None:
    space = find_table("mnist").loaded.space
    found = list(grid(space, 3))
    assert len(found) == len({frozenset(values.items()) for values in found}) == count(space) == 277


def test_grids_and_draws_lie_in_their_space_and_nothing_else_does() -> None:
    space = built_in_sweep().space
    other = codec_families_sweep().space
    random = Random(3)
    for values in [*grid(space, 2), *(assign(space, random_choice(random)) for _ in range(50))]:
        assert lies_in(space, values)
        assert lies_in(space, dict(reversed(values.items())))
        assert not lies_in(space, {**values, "more": 1})
        assert not lies_in(other, {**values, "family": "image"})
        for name in values:
            assert not lies_in(space, {key: value for key, value in values.items() if key != name})
            assert not lies_in(space, {**values, name: "another"})


def test_the_tables_sweep_file_is_the_one_it_was_recorded_with() -> None:
    table = find_table("mnist")
    assert to_plain(load_spec_without_data(BENCH_TABLE).spec) == to_plain(table.loaded.spec)
