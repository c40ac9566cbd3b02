"""Checks rules between parameters (one is needed when another has a value) on the corners of a space.

A corner takes an end of every range and one option of every choice and branch. The parameter model itself checks the
corners, so that a family states its rules once.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.spec.known_facts import Facts
from ratefront.spec.problem_wording import problems_of_pydantic, shown
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Dimension, Space, assign
from ratefront.spec.space.parameter_fields import Parameter
from ratefront.trial_records import Scalar

#: Spaces with more corners than this are sampled.
MOST_CORNERS = 4096

Assignment = Mapping[str, Scalar]


def missing_problems(space: Space, parameters: Mapping[str, Parameter], path: str) -> list[str]:
    """Return one line for each required parameter that a path through the space lacks."""
    everywhere = corners(space)
    problems = []
    for name in (name for name, parameter in parameters.items() if parameter.required):
        having = [corner for corner in everywhere if name in corner]
        lacking = [corner for corner in everywhere if name not in corner]
        if lacking:
            problems.append(f"{path}.{name}: is required, but missing{_where(lacking, having)}")
    return problems


def model_problems(space: Space, model: type[FamilyParameters], path: str, facts: Facts) -> list[str]:
    """Return what the parameter model finds wrong with the corners, given the facts of task model and data set.

    Missing parameters are left to ``missing_problems``.
    """
    problems: dict[str, None] = {}
    for corner in corners(space):
        try:
            unfit = model.model_validate(corner, strict=True).unfit(facts)
            problems |= dict.fromkeys([f"{path}: {unfit}"] if unfit else [])
        except ValidationError as error:
            if all(detail["type"] != "missing" for detail in error.errors()):
                problems |= dict.fromkeys(problems_of_pydantic(error, model, path))
    return list(problems)


def corners(space: Space) -> list[Assignment]:
    """Return every corner. If there are more than ``MOST_CORNERS``, return that many random ones, always the same."""
    if _count(space) <= MOST_CORNERS:
        return list(_corners(space))
    draw = random.Random(0)  # noqa: S311  (no secret)
    return [assign(space, lambda _, leaf: draw.choice(_ends(leaf))) for _ in range(MOST_CORNERS)]


def _ends(leaf: Dimension) -> Sequence[Scalar]:
    match leaf:
        case Constant(value):
            return (value,)
        case Choice(options):
            return options
        case Branch(options):
            return tuple(options)
        case _:
            return (leaf.low, leaf.high)


def _count(space: Space) -> int:
    return math.prod(
        sum(map(_count, dimension.options.values()))
        if isinstance(dimension, Branch)
        else len(_ends(dimension))
        for dimension in space.values()
    )


def _corners(space: Space) -> Iterator[Assignment]:
    for parts in itertools.product(*(_parts(name, dimension) for name, dimension in space.items())):
        yield {name: value for part in parts for name, value in part.items()}


def _parts(name: str, dimension: Dimension) -> list[Assignment]:
    if isinstance(dimension, Branch):
        return [
            {name: option, **inner}
            for option, inner_space in dimension.options.items()
            for inner in _corners(inner_space)
        ]
    return [{name: value} for value in _ends(dimension)]


def _where(lacking: Sequence[Assignment], having: Sequence[Assignment]) -> str:
    """Return the fewest values that separate the two groups, in words: `` where method is merged``."""
    shared = {
        name: value
        for name, value in lacking[0].items()
        if all(corner.get(name) == value for corner in lacking)
    }
    for name in reversed(list(shared)):
        rest = {other: value for other, value in shared.items() if other != name}
        if not any(rest.items() <= corner.items() for corner in having):
            shared = rest
    return (
        f" where {' and '.join(f'{name} is {shown(value)}' for name, value in shared.items())}"
        if shared
        else ""
    )
