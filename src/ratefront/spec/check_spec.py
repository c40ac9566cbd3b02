"""Checks a whole sweep file against the catalogue: all problems at once, or the resolved spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from ratefront.catalogue import Catalogue
from ratefront.catalogue.registry import Registry, are_described, remember_descriptions
from ratefront.errors import InputError, SpecError
from ratefront.spec.coupled_settings import coupled_problems
from ratefront.spec.known_facts import Facts, dataset_facts_of, known_facts
from ratefront.spec.problem_wording import problems_of_pydantic, shown, unknown, valid_choices
from ratefront.spec.space.configurations import count
from ratefront.spec.space.dimensions import Space
from ratefront.spec.space.given_values import start_point_problems
from ratefront.spec.space.parse_space import parse_space
from ratefront.spec.sweep_spec import SamplerName, SweepSpec
from ratefront.wording import Message

#: The sampler ``grid`` holds every configuration in memory.
MOST_GRID = 100_000


@dataclass(frozen=True)
class LoadedSpec:
    """A sweep file that passed every check, and its search space.

    Attributes:
        spec: The content of the file, with all defaults resolved.
        space: The search space, as dimensions by name.

    Example:
        >>> import ratefront as rf
        >>> loaded = rf.load_spec("sweeps/digits.yaml")
        >>> loaded.spec.block_size
        1000
        >>> list(loaded.space)
        ['family']
    """

    spec: SweepSpec
    space: Space


def check_spec(raw: object, source: str, catalogue: Catalogue) -> LoadedSpec:
    """Resolve plain data into a spec with all defaults filled in; ``source`` names where the data came from.

    Raises:
        SpecError: One line for each problem: path in the file, rule, value, valid choices.
    """
    if not isinstance(raw, Mapping):
        raise SpecError(
            source, [f"must be a mapping of settings, got {shown(raw)}; {valid_choices(_keys())}"]
        )
    with remember_descriptions():
        return _checked(raw, source, catalogue)


def _checked(raw: Mapping[str, Any], source: str, catalogue: Catalogue) -> LoadedSpec:
    resolved = dict(raw)
    problems: list[str] = []
    for key, registry in (("dataset", catalogue.datasets), ("task_model", catalogue.task_models)):
        if key in raw:
            facts = [dataset_facts_of(catalogue, raw.get("dataset"))] if key == "task_model" else []
            resolved[key], own_problems = _resolve_named(raw[key], registry, key, *facts)
            problems += own_problems
    refusal = _without_labels(resolved.get("dataset"), catalogue)
    space, space_problems = ({}, [refusal]) if refusal else _space(resolved, catalogue)
    problems += space_problems
    try:
        spec = SweepSpec.model_validate(resolved)
    except ValidationError as error:
        raise SpecError(source, [*problems_of_pydantic(error, SweepSpec), *problems]) from error
    if not problems:  # else the space may have stand-ins
        problems += start_point_problems(spec.start_with, space)
        problems += grid_problems(spec.sampler.name, space)
    if problems := [*problems, *coupled_problems(spec, catalogue)]:
        raise SpecError(source, problems)
    return LoadedSpec(spec, space)


def _keys() -> list[str]:
    return list(SweepSpec.model_fields)


def _resolve_named(
    raw: object, registry: Registry[Any], path: str, *dataset_facts: Facts
) -> tuple[object, list[str]]:
    """Fill in the parameters of a named data set or task model.

    Returns:
        The mapping with all parameters and no problems, or ``raw`` with the problems that the registry finds.
    """
    described = {"name": raw} if isinstance(raw, str) else raw
    if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
        return raw, []  # the schema says what is wrong
    name = described["name"]
    if name not in registry and not are_described():
        return raw, []  # of a package that is not installed here, and not needed
    if name not in registry:
        where = path if isinstance(raw, str) else f"{path}.name"
        return raw, [f"{where}: {unknown(registry.kind, name, registry)}"]
    model: type[BaseModel] = registry[name].parameters
    raw_parameters = {key: value for key, value in described.items() if key != "name"}
    try:
        parameters = model.model_validate(raw_parameters, strict=True)
        registry[name].facts_for(parameters, *dataset_facts)
    except ValidationError as error:
        return raw, problems_of_pydantic(error, model, path)
    except InputError as error:
        return raw, [Message(f"{path}: ", error)]
    return {"name": name, **parameters.model_dump(mode="json")}, []


def _without_labels(dataset: object, catalogue: Catalogue) -> str | None:
    """Return why no sweep can run on a data set without labels; None if the data set has labels."""
    if known_facts(catalogue, None, dataset).get("classes") != 0:
        return None
    name = dataset["name"] if isinstance(dataset, Mapping) else dataset
    return (
        f"dataset: {name} has no labels: no task model can be trained on it; it serves reconstruction codecs"
    )


def grid_problems(sampler: SamplerName, space: Space) -> list[str]:
    """Return why the sampler ``grid`` cannot cover a space; nothing of other samplers."""
    size = count(space)
    if sampler != "grid" or (size is not None and size <= MOST_GRID):
        return []
    holds = "real intervals" if size is None else f"{size} configurations"
    return [f"sampler.name: grid takes a space of {MOST_GRID} configurations at most; this one holds {holds}"]


def _space(resolved: Mapping[str, Any], catalogue: Catalogue) -> tuple[Space, list[str]]:
    if not isinstance(resolved.get("space"), Mapping):
        return {}, []  # the schema says what is wrong
    facts = known_facts(catalogue, resolved.get("task_model"), resolved.get("dataset"))
    return parse_space(resolved["space"], catalogue, facts)
