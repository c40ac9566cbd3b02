"""The check of a whole sweep file against the catalogue: every problem at once, or the resolved spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from ratefront.catalogue import Catalogue
from ratefront.errors import InputError, SpecError
from ratefront.records import NO_DEFAULT_REFERENCE
from ratefront.registry import Registry
from ratefront.spec.capacity import families_of
from ratefront.spec.facts import Facts, facts_of_dataset, facts_of_spec, known_facts
from ratefront.spec.parse import parse_space
from ratefront.spec.problems import from_pydantic, repeated, shown, unknown, valid_choices
from ratefront.spec.schema import SweepSpec
from ratefront.spec.space import Space


@dataclass(frozen=True)
class LoadedSpec:
    """A sweep file that passed every check, and its space as dimensions."""

    spec: SweepSpec
    space: Space


def check(raw: object, source: str, catalogue: Catalogue) -> LoadedSpec:
    """Resolve plain data into a spec with all defaults filled in; ``source`` names where the data came from.

    Raises
    ------
    SpecError
        One line for each problem: path in the file, rule, value, valid choices.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise SpecError(
            source, [f"must be a mapping of settings, got {shown(raw)}; {valid_choices(_keys())}"]
        )
    resolved = dict(raw)
    problems: list[str] = []
    for key, registry in (("dataset", catalogue.datasets), ("task_model", catalogue.task_models)):
        if key in raw:
            of_data = [facts_of_dataset(catalogue, raw.get("dataset"))] if key == "task_model" else []
            resolved[key], found = _resolve_named(raw[key], registry, key, *of_data)
            problems += found
    refusal = _without_labels(resolved.get("dataset"), catalogue)
    space, found = ({}, [refusal]) if refusal else _space(resolved, catalogue)
    problems += found
    try:
        spec = SweepSpec.model_validate(resolved)
    except ValidationError as error:
        raise SpecError(source, [*from_pydantic(error, SweepSpec), *problems]) from error
    if problems := [*problems, *_coupled(spec, catalogue)]:
        raise SpecError(source, problems)
    return LoadedSpec(spec, space)


def _keys() -> list[str]:
    return list(SweepSpec.model_fields)


def _resolve_named(
    raw: object, registry: Registry[Any], path: str, *of_data: Facts
) -> tuple[object, list[str]]:
    """The named thing with all its parameters, or as it was, with the problems that its registry sees."""
    given = {"name": raw} if isinstance(raw, str) else raw
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        return raw, []  # the schema says what is wrong
    name = given["name"]
    if name not in registry:
        place = path if isinstance(raw, str) else f"{path}.name"
        return raw, [f"{place}: {unknown(registry.kind, name, registry)}"]
    model: type[BaseModel] = registry[name].parameters
    own = {key: value for key, value in given.items() if key != "name"}
    try:
        parameters = model.model_validate(own, strict=True)
        registry[name].facts_for(parameters, *of_data)
    except ValidationError as error:
        return raw, from_pydantic(error, model, path)
    except InputError as error:
        return raw, [f"{path}: {error}"]
    return {"name": name, **parameters.model_dump(mode="json")}, []


def _without_labels(dataset: object, catalogue: Catalogue) -> str | None:
    """Why no sweep can be run on this data set, where it has no labels."""
    if known_facts(catalogue, None, dataset).get("classes") != 0:
        return None
    name = dataset["name"] if isinstance(dataset, Mapping) else dataset
    return (
        f"dataset: {name} has no labels: no task model can be trained on it; it serves reconstruction codecs"
    )


def _space(resolved: Mapping[str, Any], catalogue: Catalogue) -> tuple[Space, list[str]]:
    if not isinstance(resolved.get("space"), Mapping):
        return {}, []  # the schema says what is wrong
    facts = known_facts(catalogue, resolved.get("task_model"), resolved.get("dataset"))
    return parse_space(resolved["space"], catalogue, facts)


def _unfit(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """Why the task model cannot take the data set's samples, as far as both are known."""
    facts = facts_of_spec(catalogue, spec)
    if not {"takes", "shape"} <= facts.keys():
        return []
    problem = facts["takes"].problem(spec.task_model.name, spec.dataset.name, facts["shape"])
    return [f"task_model: {problem}"] if problem else []


def _coupled(spec: SweepSpec, catalogue: Catalogue) -> list[str]:
    """The rules between settings that are each right alone."""
    problems = _unfit(spec, catalogue)
    problems += repeated("objectives", spec.objectives) + repeated("bounds", spec.bounds)
    families = families_of(spec)
    problems += [
        f"resources.families.{name}: {unknown('family of this sweep', name, families)}"
        for name in spec.resources.families
        if name not in families
    ]
    for name, value in spec.reference.items():
        if name not in spec.objectives:
            problems.append(f"reference.{name}: {unknown('objective of this sweep', name, spec.objectives)}")
        elif name == "accuracy" and not 0 <= value < 1:
            problems.append(f"reference.{name}: must be in [0, 1), got {value}")
        elif name != "accuracy" and value <= 0:
            problems.append(f"reference.{name}: must be > 0, got {value}")
    return problems + [
        f"reference.{name}: is required where {name} is an objective, but missing (it has no default)"
        for name in NO_DEFAULT_REFERENCE
        if name in spec.objectives and name not in spec.reference
    ]
