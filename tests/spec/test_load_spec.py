"""A sweep file read, changed from the command line, resolved, written and read again."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratefront.catalogue import CATALOGUE
from ratefront.cli.shared_arguments import overrides_of
from ratefront.errors import SpecError
from ratefront.spec.load_spec import dump_yaml, load_spec, spec_from_plain, to_plain
from ratefront.spec.spec_difference import spec_difference
from ratefront.spec.yaml_text import read_yaml, write_yaml

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


def test_defaults_are_resolved(write: Callable[[Any], Path], plain: dict[str, Any]) -> None:
    resolved = to_plain(load_spec(write(plain)).spec)
    for key, registry in (("dataset", CATALOGUE.datasets), ("task_model", CATALOGUE.task_models)):
        name = plain[key]
        assert resolved[key] == {"name": name, **registry[name].parameters().model_dump()}
    assert resolved["space"] == plain["space"]
    assert resolved["sampler"]["name"] == "auto"


def test_plain_data_survive_json_and_yaml(write: Callable[[Any], Path]) -> None:
    loaded = load_spec(DIGITS)
    plain = to_plain(loaded.spec)
    assert spec_from_plain(json.loads(json.dumps(plain)), CATALOGUE) == loaded
    assert load_spec(write(dump_yaml(loaded.spec))) == loaded


def test_plain_data_that_no_longer_fit_name_their_source() -> None:
    plain = {**to_plain(load_spec(DIGITS).spec), "dataset": {"name": "gone"}}
    with pytest.raises(SpecError, match=r'(?s)the ledger.*dataset.name: unknown dataset "gone"'):
        spec_from_plain(plain, CATALOGUE)


def test_overrides_apply_in_order_and_trials_last(
    write: Callable[[Any], Path], plain: dict[str, Any]
) -> None:
    overrides = [
        "trials=5",
        "training.epochs=2",
        "training.epochs=3",
        "dataset.split_seed=7",
        "space.family.split.beta=2.5",
        "tracking.experiment=a=b",
        "training.learning_rate=1e-3",
    ]
    spec = load_spec(write(plain), overrides_of(overrides, 9)).spec
    assert (spec.trials, spec.training.epochs, spec.training.learning_rate) == (9, 3, 0.001)
    assert spec.dataset.parameters == {"split_seed": 7}
    assert spec.space["family"]["split"]["beta"] == 2.5
    assert spec.tracking.experiment == "a=b"


def test_the_difference_names_each_changed_setting(
    write: Callable[[Any], Path], plain: dict[str, Any]
) -> None:
    path = write(plain)
    old = to_plain(load_spec(path).spec)
    changes = ["trials=5", "space.family.split.beta=2", "objectives=[accuracy]", "reference.accuracy=0.1"]
    new = to_plain(load_spec(path, overrides_of(changes)).spec)
    assert spec_difference(old, new) == [
        'space.family.split.beta: {"float": [0.5, 500], "log": true} → 2',
        'objectives: ["rate_bits", "accuracy", "transmitter_bytes"] → ["accuracy"]',
        "trials: 4 → 5",
        "reference.accuracy: (absent) → 0.1",
    ]
    assert spec_difference(old, json.loads(json.dumps(old, sort_keys=True))) == []


def test_scalars_are_read_as_yaml_1_2_reads_them() -> None:
    text = "[1e-3, 1.0e+2, .5, 010, no, on, 2024-01-01, 1:30, 0x1f, 1_000, ~, true, '1', -.inf]"
    assert read_yaml(text) == [
        0.001, 100.0, 0.5, 10, "no", "on", "2024-01-01", "1:30", "0x1f", "1_000", None, True, "1", -math.inf,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value", ["1e-3", "no", "010", "null", "", "true", "a: b", 1e-9, 1e22, 3, True, None]
)
def test_scalars_survive_writing(value: object) -> None:
    assert read_yaml(write_yaml({"value": [value]})) == {"value": [value]}


def test_merge_keys_are_no_second_key() -> None:
    assert read_yaml("a: &a {x: 1}\nb: {<<: *a, x: 2}") == {"a": {"x": 1}, "b": {"x": 2}}


def test_a_check_imports_no_torch_ray_or_mlflow() -> None:
    heavy = ("torch", "ray", "optuna", "mlflow", "sklearn", "numpy", "rich")
    code = (
        "import sys, ratefront.spec.load_spec, ratefront.spec.views.plan, ratefront.spec.views.json_schema\n"
        f"ratefront.spec.load_spec.load_spec({str(DIGITS)!r})\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
