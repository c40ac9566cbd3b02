"""The schema for editors: current, and of one mind with the check on what it can say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ratefront.catalogue import CATALOGUE
from ratefront.spec.views.json_schema import schema_text, sweep_json_schema
from ratefront.spec.yaml_text import read_yaml

SWEEPS = Path(__file__).parents[2] / "sweeps"
FILES = sorted(SWEEPS.glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = sweep_json_schema(CATALOGUE)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def test_the_schema_in_the_repository_is_current() -> None:
    kept = (SWEEPS / "schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(CATALOGUE), "make schema"
    assert json.loads(kept) == sweep_json_schema(CATALOGUE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_our_sweep_files_validate_and_name_the_schema(
    path: Path, validator: jsonschema.Draft7Validator
) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    validator.validate(read_yaml(text))


def test_families_are_an_enumeration_that_opens_their_parameters(
    validator: jsonschema.Draft7Validator,
) -> None:
    schema = validator.schema
    families = schema["properties"]["space"]["properties"]["family"]["properties"]
    assert list(families) == list(CATALOGUE.families)
    for name in CATALOGUE.families:
        fields = CATALOGUE.families[name].parameters.model_fields
        properties = schema["$defs"][f"family_{name}"]["properties"]
        assert list(properties) == list(fields)
        for parameter, field in fields.items():
            assert properties[parameter]["description"] == (field.description or "a parameter of the family")


def change(plain: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(plain)
    *parents, last = path.split(".")
    target = changed
    for key in parents:
        target = target[key]
    target[last] = value
    return changed


SPLIT = "space.family.split"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trails", 3),
        ("dataset", "digit"),
        ("dataset", {"name": "digits", "split_sed": 3}),
        ("task_model", {"epochs": 3}),
        ("objectives", ["acuracy"]),
        ("reference", {"acuracy": 1}),
        ("metrics", ["top4_accuracy"]),
        ("metrics", [{"target": "a:b", "way": "up"}]),
        ("metrics", [{"direction": "minimise"}]),
        ("space.family.splt", {}),
        ("space.famly", {}),
        (f"{SPLIT}.bta", 3),
        (f"{SPLIT}.split", [9]),
        (f"{SPLIT}.split", []),
        (f"{SPLIT}.split", ["conv1", "conv1"]),
        (f"{SPLIT}.beta", {"float": [1, 2, 3]}),
        (f"{SPLIT}.beta", {"float": [0, 2]}),
        (f"{SPLIT}.beta", {"floot": [1, 2]}),
        (f"{SPLIT}.refine.sga.refine_steps", {"int": [1, 2], "lgo": True}),
        (f"{SPLIT}.refine.sga.refine_steps", {"float": [1, 2]}),
        (f"{SPLIT}.refine.sga.bta", 3),
        (f"{SPLIT}.refine.none", {"alphabet": 1}),
        (f"{SPLIT}.alphabet", None),
    ],
)
def test_an_editor_marks_what_the_check_refuses(
    validator: jsonschema.Draft7Validator, plain: dict[str, Any], path: str, value: Any
) -> None:
    validator.validate(plain)
    assert list(validator.iter_errors(change(plain, path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{SPLIT}.split", {"conv1": {"objective": "cross_entropy"}, "conv2": None}),
        (f"{SPLIT}.beta", {"int": [1, 5]}),
        (f"{SPLIT}.beta", 1),
        (f"{SPLIT}.split", ["conv1", "hidden"]),
        ("dataset", {"name": "digits", "split_seed": 3}),
        ("reference", {"accuracy": 0.1}),
        ("metrics", ["top5_accuracy", "sklearn.metrics:hamming_loss"]),
        ("metrics", [{"target": "sklearn.metrics:hamming_loss", "direction": "minimise"}]),
        ("metrics", [{"name": "balanced_accuracy", "direction": "maximise"}]),
    ],
)
def test_editor_and_check_accept_the_same_files(
    validator: jsonschema.Draft7Validator,
    plain: dict[str, Any],
    write: Callable[[Any], Path],
    path: str,
    value: Any,
) -> None:
    from ratefront.spec.load_spec import load_spec

    changed = change(plain, path, value)
    validator.validate(changed)
    load_spec(write(changed))


def test_an_editor_accepts_a_metric_as_an_objective(
    validator: jsonschema.Draft7Validator, plain: dict[str, Any]
) -> None:
    plain |= {"metrics": ["balanced_accuracy"], "objectives": ["rate_bits", "balanced_accuracy"]}
    validator.validate(plain | {"reference": {"balanced_accuracy": 0.1}})
