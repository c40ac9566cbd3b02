"""What a sweep file may give for a family's parameter, read from the field of its parameter model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ratefront.catalogue.split_points import inside_stage
from ratefront.spec.known_facts import Facts
from ratefront.spec.problem_wording import rule, shown, unknown, valid_choices
from ratefront.trial_records import Scalar

#: Parameters whose valid values are a fact of the task model: the check that a split point exists.
VALUES_FROM_TASK_MODEL: Mapping[str, str] = {"split": "splits"}
#: Parameters whose largest value is one less than a fact of the data set (one class is left to merge into).
BELOW_FACT_OF_DATASET: Mapping[str, str] = {"merged_classes": "classes"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family; ``choices`` and ``at_most`` may come from task model and data set."""

    name: str
    field: FieldInfo
    choices: tuple[Scalar, ...] | None = None
    at_most: int | None = None

    @property
    def required(self) -> bool:
        """Whether the parameter has no default."""
        return self.field.is_required()

    @property
    def description(self) -> str:
        """The field's description; empty where it has none."""
        return self.field.description or ""

    @cached_property
    def types(self) -> frozenset[type]:
        """The plain types of valid values, without ``None``."""
        return frozenset(type(v) for v in self.choices) if self.choices else _types(self.field.annotation)

    @property
    def ranges(self) -> tuple[str, ...]:
        """The valid forms of a range: ``float``, ``int``; a float parameter also takes an int range."""
        if self.choices:
            return ()
        return ("float", "int") if float in self.types else ("int",) if int in self.types else ()

    @property
    def opens_branches(self) -> bool:
        """Whether a value may open a further space: only names may."""
        return str in self.types

    def problem_with(self, value: object) -> str | None:
        """Return why ``value`` does not fit (rule, value, valid choices), or None if it fits."""
        if not isinstance(value, Scalar):
            return f"must be a single value, got {shown(value)}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"must be finite, got {value}"
        if self.choices is not None:
            return None if value in self.choices else self._unknown(value, self.choices)
        if self.at_most is not None and isinstance(value, int | float) and value > self.at_most:
            return f"must be ≤ {self.at_most}, got {shown(value)}"
        try:
            self._adapter.validate_python(value, strict=True)
        except ValidationError as error:
            return f"{rule(error.errors()[0])}, got {shown(value)}"
        return None

    def _unknown(self, value: Scalar, choices: tuple[Scalar, ...]) -> str:
        of_a_stage = self.name in VALUES_FROM_TASK_MODEL
        inside = inside_stage(str(value), tuple(map(str, choices))) if of_a_stage else None
        if inside:
            return f"unknown value {shown(value)}: {inside}; {valid_choices(choices)}"
        return unknown("value", value, choices)

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        annotation: Any = self.field.annotation
        for constraint in self.field.metadata:
            annotation = Annotated[annotation, constraint]
        return TypeAdapter(annotation)


def parameters_of(model: type[BaseModel], facts: Facts) -> dict[str, Parameter]:
    """Return the parameters of a family, with the choices and limits that follow from task model and data set."""
    return {
        name: Parameter(
            name,
            field,
            choices=facts.get(VALUES_FROM_TASK_MODEL.get(name, "")) or _literals(field.annotation),
            at_most=facts[fact] - 1 if (fact := BELOW_FACT_OF_DATASET.get(name, "")) in facts else None,
        )
        for name, field in model.model_fields.items()
    }


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, without ``None``; for anything else, the annotation itself."""
    union = get_origin(annotation) in (Union, UnionType)
    return [one for one in (get_args(annotation) if union else [annotation]) if one is not NoneType]


def _literals(annotation: Any) -> tuple[Scalar, ...] | None:
    members = _members(annotation)
    if not all(get_origin(member) is Literal for member in members):
        return None
    return tuple(value for member in members for value in get_args(member))


def _types(annotation: Any) -> frozenset[type]:
    types: set[type] = set()
    for member in _members(annotation):
        match get_origin(member):
            case None:
                types.add(member)
            case origin if origin is Literal:
                types |= {type(value) for value in get_args(member)}
            case origin if origin is Annotated:
                types |= _types(get_args(member)[0])
    return frozenset(types)
