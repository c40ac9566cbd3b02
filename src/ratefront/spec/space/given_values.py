"""Values that a person or an earlier sweep gives for parameters of a space: whether the space holds them.

Values are flat, as those of a trial: ``{"family": "split", "split": "conv2", "beta": 80}``. A value that lies in a
branch is held only together with the options that lead there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ratefront.catalogue import CATALOGUE, Catalogue
from ratefront.spec.problem_wording import shown, unknown
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Dimension, Float, Int, Space, holds
from ratefront.trial_records import Scalar

Values = Mapping[str, Scalar]


def start_point_problems(start_with: Sequence[Any], space: Space) -> list[str]:
    """Return one line for each value of ``start_with`` that the space does not hold; folders are not looked at."""
    return [
        f"start_with[{place}].{problem}"
        for place, point in enumerate(start_with)
        if isinstance(point, Mapping)
        for problem in given_problems(space, point)
    ]


def given_problems(space: Space, given: Values) -> list[str]:
    """Return one line ``parameter: problem`` for each given value that the space does not hold."""
    reached = _reached(space, given)
    problems = []
    for name, value in given.items():
        if name in reached:
            problem = _problem_with(reached[name], value)
        else:
            problem = _why_not_reached(space, reached, given, name)
        problems += [f"{name}: {problem}"] if problem else []
    return problems


def missing_values(space: Space, given: Values) -> list[str]:
    """Return the parameters that a configuration with these values has and that are not given, as far as they say."""
    return [name for name in _reached(space, given) if name not in given]


def as_in_space(space: Space, given: Values) -> dict[str, Scalar]:
    """Return the given values, which the space must hold, as its dimensions write them: 80.0 for 80 of an interval."""
    reached = _reached(space, given)
    return {name: _taken(reached[name], value) for name, value in given.items()}


def _reached(space: Space, given: Values) -> dict[str, Dimension]:
    """Return the dimensions on the path that the given options take, by name; other branches are not entered."""
    reached: dict[str, Dimension] = {}
    for name, dimension in space.items():
        reached[name] = dimension
        option = given.get(name)
        if isinstance(dimension, Branch) and isinstance(option, str) and option in dimension.options:
            reached |= _reached(dimension.options[option], given)
    return reached


def _taken(dimension: Dimension, value: Scalar) -> Scalar:
    match dimension:
        case Constant(constant):
            return constant
        case Choice(options):
            return next(option for option in options if _equal(option, value))
        case Float():
            return float(value)
        case _:
            return value


def _equal(first: object, second: object) -> bool:
    """Whether two values mean the same: 8 and 8.0 do, 1 and true do not."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)


def _problem_with(dimension: Dimension, value: object) -> str | None:
    match dimension:
        case Constant(constant):
            is_held, rule = _equal(constant, value), f"is {shown(constant)} in this space"
        case Choice(options):
            is_held, rule = any(_equal(option, value) for option in options), ""
            return None if is_held else unknown("value", value, options)
        case Branch(branches):
            is_held = isinstance(value, str) and value in branches
            return None if is_held else unknown("value", value, branches)
        case Float(low, high) | Int(low, high):
            kind = "a whole number" if isinstance(dimension, Int) else "a number"
            is_held, rule = holds(dimension, value), f"must be {kind} from {low:g} to {high:g}"
    return None if is_held else f"{rule}, got {shown(value)}"


def _why_not_reached(space: Space, reached: Mapping[str, Dimension], given: Values, name: str) -> str:
    """Return why a name is no parameter here: an option on the way is missing or another one, or it is unknown."""
    ways: dict[str, list[str]] = {}
    for branch, option in _openings(space, name):
        ways.setdefault(branch, []).append(option)
    for branch, options in ways.items():
        if branch in reached and given.get(branch) not in options:
            found = f"and {branch} is {shown(given[branch])}" if branch in given else f"give {branch}, too"
            return f"is a parameter only where {branch} is {' or '.join(options)}: {found}"
    return unknown("parameter", name, reached)


def _openings(space: Space, name: str) -> Iterator[tuple[str, str]]:
    """Yield each branch and option of it that lie on a way to the parameter ``name``."""
    for branch, dimension in space.items():
        if isinstance(dimension, Branch):
            for option, inner in dimension.options.items():
                deeper = list(_openings(inner, name))
                if name in inner or deeper:
                    yield branch, option
                    yield from deeper


def fitted_values(space: Space, values: Values, catalogue: Catalogue = CATALOGUE) -> dict[str, Scalar]:
    """Return the configuration of this space that is the same as a configuration of another one.

    A parameter that only one of the two spaces has counts as its default in the other.

    Raises:
        ValueError: There is none; says which parameter differs.
    """
    complete = _with_defaults(values, catalogue)
    named = {name: complete[name] for name in _reached(space, complete) if name in complete}
    missing = [f"{name}: is missing" for name in missing_values(space, named)]
    if problem := next(iter([*given_problems(space, named), *missing]), None):
        raise ValueError(problem)
    fitted = as_in_space(space, named)
    here = _with_defaults(fitted, catalogue)
    for name in dict.fromkeys((*complete, *here)):
        if not _equal(complete.get(name), here.get(name)):
            raise ValueError(f"{name}: is {shown(complete.get(name))} there and {shown(here.get(name))} here")
    return fitted


def _with_defaults(values: Values, catalogue: Catalogue) -> dict[str, Scalar]:
    """Return all parameters of a configuration, as its family completes them; the same values of an unknown family."""
    family = values.get("family")
    if not isinstance(family, str) or family not in catalogue.families:
        return dict(values)
    given = {name: value for name, value in values.items() if name != "family"}
    try:
        complete = catalogue.families[family].parameters.model_validate(given).model_dump()
    except ValidationError:
        return dict(values)
    return {"family": family} | {name: value for name, value in complete.items() if value is not None}
