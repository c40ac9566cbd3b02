"""The JSON schema of a sweep file, made from the catalogue: editors complete and check with it.

The schema says less than the check. The check alone knows which parameters a path needs, and which rules couple two
of them. The schema is draft 7, which most editors support.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from ratefront.catalogue import Catalogue
from ratefront.catalogue.registry import Registry
from ratefront.spec.settings.stopping_settings import Stopping
from ratefront.spec.space.parameter_fields import VALUES_FROM_TASK_MODEL
from ratefront.spec.sweep_spec import SHIPPED_METRICS, SweepSpec
from ratefront.trial_records import OBJECTIVES

Schema = dict[str, Any]

_NOT_OF_A_VALUE = ("title", "description", "default")


def sweep_json_schema(catalogue: Catalogue) -> Schema:
    """Return the schema of all sweep files that this catalogue allows, and of some that only the check refuses."""
    schema = SweepSpec.model_json_schema()
    definitions = {key: value for key, value in schema.pop("$defs").items() if key != "Named"}
    definitions |= {
        _definition(name): _space_of(name, catalogue, catalogue.families[name].parameters)
        for name in catalogue.families
    }
    properties = schema["properties"]
    properties["dataset"] = _named(catalogue.datasets)
    properties["task_model"] = _named(catalogue.task_models)
    properties["space"] = _space(catalogue)
    properties["stopping"] = _or_its_rule(properties["stopping"])
    properties["metrics"]["items"] = _metric(definitions.pop("Metric"))
    properties["objectives"]["items"] = {"anyOf": [{"enum": list(OBJECTIVES)}, {"type": "string"}]}
    properties["repeats"] = _repeats(properties["repeats"], definitions.pop("Repeats"))
    properties["reference"]["properties"] = {name: {"type": "number"} for name in OBJECTIVES}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **schema,
        "title": "ratefront sweep",
        "description": "A sweep over codecs: what is searched, on which data, against which bounds.",
        "$defs": definitions,
        "if": {"properties": {"metrics": {"maxItems": 0}}},
        "then": {"properties": _objectives_without_metrics()},
    }


def schema_text(catalogue: Catalogue) -> str:
    """Return the schema as the text of ``sweeps/schema.json``, the same for the same catalogue."""
    return json.dumps(sweep_json_schema(catalogue), indent=2, ensure_ascii=False) + "\n"


def _metric(model: Schema) -> Schema:
    """Return the forms of a metric: a shipped name, its function, or a mapping."""
    target = model["properties"]["target"]["pattern"]
    mapping = {**model, "required": [], "anyOf": [{"required": ["name"]}, {"required": ["target"]}]}
    return {"anyOf": [{"enum": list(SHIPPED_METRICS)}, {"type": "string", "pattern": target}, mapping]}


def _or_its_rule(stopping: Schema) -> Schema:
    """Return the forms of ``stopping``: a mapping, or the rule alone."""
    mapping = {"$ref": stopping["$ref"]}
    others = {key: value for key, value in stopping.items() if key != "$ref"}
    return {"anyOf": [{"enum": list(get_args(Stopping.model_fields["rule"].annotation))}, mapping], **others}


def _repeats(property_: Schema, model: Schema) -> Schema:
    """Return the forms of ``repeats``: a number of seeds, or a mapping."""
    seeds = {key: value for key, value in model["properties"]["seeds"].items() if key != "default"}
    return {**{key: value for key, value in property_.items() if key != "$ref"}, "anyOf": [seeds, model]}


def _objectives_without_metrics() -> Schema:
    """Return the schema of objectives and reference in a sweep without metrics."""
    return {
        "objectives": {"items": {"enum": list(OBJECTIVES)}},
        "reference": _keys_of(OBJECTIVES, {"type": "number"}),
    }


def _definition(family: str) -> str:
    return f"family_{family}"


def _reference(family: str) -> Schema:
    return {"anyOf": [{"$ref": f"#/$defs/{_definition(family)}"}, {"type": "null"}]}


def _keys_of(names: Iterable[str], value: Schema) -> Schema:
    return {"properties": dict.fromkeys(names, value), "additionalProperties": False}


def _named(registry: Registry[Any]) -> Schema:
    """Return the forms of a registered entry: its bare name, or a mapping with its name and parameters."""
    entries = [registry[name] for name in registry]
    return {
        "description": f"the {registry.kind}: its name, or a mapping of its name and parameters",
        "anyOf": [
            {"enum": [entry.name for entry in entries]},
            *(
                {
                    "type": "object",
                    "description": entry.summary,
                    "properties": {
                        "name": {"const": entry.name, "description": entry.summary},
                        **entry.parameters.model_json_schema()["properties"],
                    },
                    "required": ["name"],
                    "additionalProperties": False,
                }
                for entry in entries
            ),
        ],
    }


def _space(catalogue: Catalogue) -> Schema:
    families = {
        name: {"description": catalogue.families[name].summary, **_reference(name)}
        for name in catalogue.families
    }
    return {
        "type": "object",
        "description": "the search space: a branch for each family, with that family's own parameters",
        "properties": {
            "family": {
                "type": "object",
                "properties": families,
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
        "required": ["family"],
        "additionalProperties": False,
    }


def _space_of(family: str, catalogue: Catalogue, model: type[BaseModel]) -> Schema:
    """Return the space of a family. It is the same at every depth, since a branch may open any parameter."""
    schema = model.model_json_schema()
    return {
        "type": "object",
        "description": catalogue.families[family].summary,
        "properties": {
            name: _forms(_value_of(name, field, catalogue), field.get("description"), family)
            for name, field in schema["properties"].items()
        },
        "additionalProperties": False,
    }


def _value_of(name: str, field: Schema, catalogue: Catalogue) -> Schema:
    """Return the schema of one value of a parameter. Null is not allowed: an absent parameter is left out."""
    if fact := VALUES_FROM_TASK_MODEL.get(name):
        models = [catalogue.task_models[model] for model in catalogue.task_models]
        names = list(dict.fromkeys(value for model in models for value in model.facts.get(fact, ())))
        if all(fact in model.facts for model in models):
            return {"enum": names}
        return {
            "anyOf": [{"enum": names}, {"type": "string"}]
        }  # an editor completes ours; a user's own has others
    members = [member for member in field.get("anyOf", [field]) if member != {"type": "null"}]
    values = [{key: x for key, x in member.items() if key not in _NOT_OF_A_VALUE} for member in members]
    return values[0] if len(values) == 1 else {"anyOf": values}


def _forms(value: Schema, description: str | None, family: str) -> Schema:
    """Return the forms of a parameter: a constant, a choice, a range of numbers, a branch of names."""
    choice = {
        "type": "array",
        "items": value,
        "minItems": 1,
        "uniqueItems": True,
        "description": "one of these",
    }
    forms = [{"description": "a constant", **value}, choice]
    kinds = {member.get("type") for member in value.get("anyOf", [value])}
    if "number" in kinds:
        forms.append(_range("float", value))
    if kinds & {"number", "integer"}:
        forms.append(_range("int", {**value, "type": "integer"}))
    if "string" in kinds or any(isinstance(one, str) for one in value.get("enum", ())):
        forms.append(_branch(value, family))
    return {"description": description or "a parameter of the family", "anyOf": forms}


def _range(kind: str, end: Schema) -> Schema:
    ends = {"type": "array", "items": end, "minItems": 2, "maxItems": 2, "description": "[low, high]"}
    return {
        "type": "object",
        "description": f"a range, both ends included, of {'numbers' if kind == 'float' else 'whole numbers'}",
        "properties": {kind: ends, "log": {"type": "boolean", "description": "search the logarithm"}},
        "required": [kind],
        "additionalProperties": False,
    }


def _branch(value: Schema, family: str) -> Schema:
    branch: Schema = {"type": "object", "minProperties": 1, "description": "each option opens parameters"}
    if "enum" in value:
        return {**branch, **_keys_of(map(str, value["enum"]), _reference(family))}
    return {**branch, "additionalProperties": _reference(family)}
