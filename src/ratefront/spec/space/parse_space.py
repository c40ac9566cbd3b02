"""Reads the ``space`` of a sweep file into neutral dimensions and collects every problem with its path.

::

    space:
      family:                                   a branch: family -> that family's own space
        split:
          split: [conv1, conv2]                 a list: an unordered choice
          beta: {float: [0.5, 500], log: true}  a range, both ends included (float or int)
          entropy_model:                        any other mapping: a branch into further spaces
            factorized: {width: 4}              a scalar: a constant
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratefront.catalogue import Catalogue
from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.number_limits import LEAST_INTERVAL
from ratefront.spec.known_facts import Facts
from ratefront.spec.problem_wording import closest, repeated, shown, unknown, valid_choices
from ratefront.spec.space.dimensions import Branch, Choice, Constant, Dimension, Float, Int, Space
from ratefront.spec.space.parameter_fields import Parameter, parameters_of
from ratefront.spec.space.parameter_rules import missing_problems, model_problems

ROOT = "space"
#: Replaces a dimension that has a problem, so that the check can go on.
_BROKEN = Constant("")


def parse_space(raw: object, catalogue: Catalogue, facts: Facts) -> tuple[Space, list[str]]:
    """Read the ``space`` of a sweep file.

    Args:
        raw: The space as plain data.
        catalogue: The families to choose from.
        facts: What task model and data set say about parameters (split points, classes).

    Returns:
        The space, and one line for each problem. The space is valid only without problems.
    """
    if not isinstance(raw, Mapping):
        return {}, [f"{ROOT}: must be a mapping with the key family, got {shown(raw)}"]
    problems = [f"{ROOT}.{key}: {unknown('key', key, ['family'])}" for key in raw if key != "family"]
    families, path = raw.get("family"), f"{ROOT}.family"
    if not isinstance(families, Mapping) or not families:
        rule = "must be a mapping from each family to its own space"
        given = f"got {shown(families)}" if "family" in raw else "but is missing"
        return {}, [*problems, f"{path}: {rule}, {given}; {valid_choices(catalogue.families)}"]
    options: dict[str, Space] = {}
    for name, family_space in families.items():
        if name not in catalogue.families:
            problems.append(f"{path}.{name}: {unknown('family', name, catalogue.families)}")
            continue
        model = catalogue.families[name].parameters
        options[name], family_problems = _read_family(family_space, model, facts, f"{path}.{name}")
        problems += family_problems
    return {"family": Branch(options)}, problems


def _read_family(
    raw: object, model: type[FamilyParameters], facts: Facts, path: str
) -> tuple[Space, list[str]]:
    parameters = parameters_of(model, facts)
    reader = _FamilyReader(parameters)
    space = reader.space(raw, path, {})
    problems = reader.problems + missing_problems(space, parameters, path)
    # Values that are wrong alone would only be found a second time.
    return space, problems if reader.problems else problems + model_problems(space, model, path, facts)


@dataclass
class _FamilyReader:
    """Reads the space of one family; ``taken`` maps each parameter on the path so far to its place in the file."""

    parameters: Mapping[str, Parameter]
    problems: list[str] = field(default_factory=list)

    def space(self, raw: object, path: str, taken: dict[str, str]) -> Space:
        """Read a mapping of parameters; problems are added to ``problems``."""
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            self._broken(path, f"must be a mapping of parameters, got {shown(raw)}")
            return {name: _BROKEN for name in self.parameters if name not in taken}
        space: dict[str, Dimension] = {}
        for key in raw:
            place = f"{path}.{key}"
            if key not in self.parameters:
                self.problems.append(f"{place}: {unknown('parameter', key, self.parameters)}")
                self._stand_in_for_misspelled(key, raw, space)
            elif key in taken:
                self.problems.append(f"{place}: occurs twice along one path, first at {taken[key]}")
            else:
                taken[key], space[key] = place, _BROKEN
        for key in (key for key in raw if key in space):
            space[key] = self._dimension(raw[key], self.parameters[key], f"{path}.{key}", taken)
        return space

    def _stand_in_for_misspelled(
        self, key: object, raw: Mapping[Any, Any], space: dict[str, Dimension]
    ) -> None:
        meant = closest(key, self.parameters)
        if meant is not None and meant not in raw:
            space[meant] = _BROKEN

    def _dimension(self, raw: object, parameter: Parameter, path: str, taken: dict[str, str]) -> Dimension:
        match raw:
            case list():
                return self._choice(raw, parameter, path)
            case Mapping():
                return self._mapping(raw, parameter, path, taken)
            case None:
                return self._broken(path, "has no value")
            case _:
                problem = parameter.problem_with(raw)
                return self._broken(path, problem) if problem else Constant(raw)  # type: ignore[arg-type]

    def _mapping(
        self, raw: Mapping[Any, Any], parameter: Parameter, path: str, taken: dict[str, str]
    ) -> Dimension:
        if not raw:
            return self._broken(path, "an empty mapping holds no option")
        if "float" in raw or "int" in raw:
            return self._range(raw, parameter, path)
        if parameter.opens_branches:
            return self._branch(raw, parameter, path, taken)
        return self._no_form(raw, parameter, path)

    def _choice(self, raw: list[Any], parameter: Parameter, path: str) -> Dimension:
        if not raw:
            return self._broken(path, "an empty list holds no choice")
        problems = [
            f"{path}[{i}]: {p}" for i, value in enumerate(raw) if (p := parameter.problem_with(value))
        ]
        problems += repeated(path, raw)
        self.problems += problems
        return _BROKEN if problems else Choice(tuple(raw))

    def _branch(
        self, raw: Mapping[Any, Any], parameter: Parameter, path: str, taken: dict[str, str]
    ) -> Dimension:
        options: dict[str, Space] = {}
        seen: dict[str, str] = {}
        for option, inner_space in raw.items():
            if problem := parameter.problem_with(option):
                self._broken(f"{path}.{option}", problem)
                continue
            inner = dict(taken)
            options[option] = self.space(inner_space, f"{path}.{option}", inner)
            seen |= inner
        taken |= seen
        return Branch(options) if options else _BROKEN

    def _range(self, raw: Mapping[Any, Any], parameter: Parameter, path: str) -> Dimension:
        kind = "float" if "float" in raw else "int"
        if kind not in parameter.ranges:
            return self._no_form(raw, parameter, path)
        problems = [
            f"{path}.{key}: {unknown('key', key, [kind, 'log'])}" for key in raw if key not in (kind, "log")
        ]
        log = raw.get("log", False)
        if not isinstance(log, bool):
            problems.append(f"{path}.log: must be true or false, got {shown(log)}")
        problems += [
            f"{path}: {problem}" for problem in _range_problems(raw[kind], kind, log is True, parameter)
        ]
        self.problems += problems
        if problems:
            return _BROKEN
        low, high = raw[kind]
        return Float(float(low), float(high), log) if kind == "float" else Int(low, high, log)

    def _no_form(self, raw: object, parameter: Parameter, path: str) -> Dimension:
        """Report a mapping that is not a valid form of this parameter, with the forms that are."""
        forms = ["a value", "a list of values", *(f"{{{kind}: [low, high]}}" for kind in parameter.ranges)]
        if parameter.opens_branches:
            forms.append("a mapping from values to further parameters")
        allowed = f"; values: {', '.join(map(str, parameter.choices))}" if parameter.choices else ""
        return self._broken(path, f"must be {' or '.join(forms)}, got {shown(raw)}{allowed}")

    def _broken(self, path: str, problem: str) -> Dimension:
        self.problems.append(f"{path}: {problem}")
        return _BROKEN


def _range_problems(ends: object, kind: str, log: bool, parameter: Parameter) -> list[str]:
    if not isinstance(ends, list) or len(ends) != 2 or not all(_is_number(end, kind) for end in ends):
        rule = "two whole numbers" if kind == "int" else "two numbers"
        return [f"must be {rule} [low, high], got {shown(ends)}"]
    low, high = ends
    problems = [
        f"{name} of the range {problem}"
        for name, end in (("low", low), ("high", high))
        if (problem := parameter.problem_with(end))
    ]
    if not low < high:
        problems.append(f"low must be < high, got {shown(ends)}")
    elif kind == "float" and high - low < LEAST_INTERVAL * max(abs(low), abs(high)):
        problems.append(f"low and high must differ in their first nine digits, got {shown(ends)}")
    if log and low <= 0:
        problems.append(f"a logarithmic range needs low > 0, got {shown(ends)}")
    return problems


def _is_number(end: object, kind: str) -> bool:
    return not isinstance(end, bool) and isinstance(end, int if kind == "int" else (int, float))
