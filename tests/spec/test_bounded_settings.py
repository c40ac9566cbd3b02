"""What a sweep file may cost and hold: its size, its aliases, its numbers, its texts, and the files that it names."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ratefront.api.one_trial import checked_params
from ratefront.api.simulate_sweep import simulate_sweep
from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError, SpecError
from ratefront.spec.load_spec import load_spec, load_spec_without_data
from ratefront.spec.plain_data import MOST_CHARACTERS
from ratefront.spec.problem_wording import repeated
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.spec.yaml_text import MOST_VALUES, MOST_YAML_BYTES, read_yaml

SWEEP = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
LONGEST_S = 5.0


def doublings(first: str, further: str) -> str:
    """Thirty anchors, each of which stands for the one before it nine times."""
    lines = [f"a0: &a0 {first}", *(further.format(now=now, before=f"*a{now - 1}") for now in range(1, 30))]
    return "\n".join(lines)


TOO_MUCH = {
    "billion laughs": doublings(
        "[x, x]", "a{now}: &a{now} [{before}, {before}, {before}, {before}, {before}]"
    ),
    "nested merges": doublings(
        "{k0: 1}", "a{now}: &a{now} {{<<: [{before}, {before}, {before}], k{now}: 1}}"
    ),
    "an alias of itself": "a: &a [*a]",
    "brackets": "[" * 100_000,
    "mappings": "{a: " * 60_000,
    "dashes": "- " * 100_000,
    "a long text": "a: " + "x" * MOST_YAML_BYTES,
    "a long list": "a: [" + "1," * (MOST_VALUES + 1) + "]",
}
TAGS = ("!!timestamp 5", "!!bool abc", '!!float ""', "!!int 1.5", "!!null x", "!!python/object/apply:os.system [ls]",
        "!!binary abc", "!!set {a}", "!!omap [a: 1]", "!!value 3", "!own 3", "!!map abc", "!!seq {a: 1}",
        "!!str [a]", "!!merge x")  # fmt: skip


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_stands_for_too_much_is_refused_at_once(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match=r"nested deeper|more than|is longer|stands inside"):
        read_yaml(text)
    assert time.process_time() - start < LONGEST_S


@pytest.mark.parametrize("tagged", TAGS)
def test_a_tag_of_anything_but_plain_data_is_refused(tagged: str) -> None:
    with pytest.raises(ValueError, match="line 1, column 4"):
        read_yaml(f"a: {tagged}")


def test_tags_and_aliases_of_plain_data_are_read() -> None:
    assert read_yaml(
        "a: &a {k: !!float 1}\nb: {<<: *a, l: !!str 2}\nc: [*a, !!int 3, !!bool TRUE, !!null ~]"
    ) == {
        "a": {"k": 1.0},
        "b": {"k": 1.0, "l": "2"},
        "c": [{"k": 1.0}, 3, True, None],
    }


@pytest.fixture
def irregular(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Names that a reader must not open, or not to their end."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        yield {"FIFO": tmp_path / "fifo", "device": Path("/dev/zero"), "socket": tmp_path / "socket"}


@pytest.mark.parametrize("kind", ["FIFO", "device", "socket"])
@pytest.mark.parametrize(
    "changes",
    [
        None,
        lambda path: {"dataset": {"name": "arrays", "path": str(path)}},
        lambda path: {"dataset": {"name": "image_folder", "root": str(path)}},
        lambda path: {"dataset": {"name": "mnist", "root": str(path)}},
        lambda path: {"task_model": {"name": "small_cnn", "weights": str(path)}},
    ],
    ids=["sweep file", "arrays", "image folder", "downloaded", "weights"],
)
def test_only_regular_files_are_opened(
    irregular: dict[str, Path], kind: str, changes: Callable[[Path], dict[str, Any]] | None
) -> None:
    path = irregular[kind]
    with pytest.raises(SpecError, match=f"is a {kind}, but must be a regular file"):
        load_spec(path) if changes is None else load_spec(SWEEP, changes(path))


def numbers_in(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number") and "enum" not in schema:
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from numbers_in(part)


MODELS: dict[str, type[BaseModel]] = {"the sweep file": SweepSpec} | {
    f"{registry.kind} {name}": registry[name].parameters
    for registry in (CATALOGUE.families, CATALOGUE.datasets, CATALOGUE.task_models)
    for name in registry
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_number_has_a_least_and_a_greatest_value(model: type[BaseModel]) -> None:
    without = [
        schema
        for schema in numbers_in(model.model_json_schema())
        if not schema.keys() & {"minimum", "exclusiveMinimum"}
        or not schema.keys() & {"maximum", "exclusiveMaximum"}
    ]
    assert without == []


PLAIN_SPLIT = {"split": "conv1", "entropy_model": "factorized", "width": 4}
NONSENSE = {
    "resources.cpus": (5e-324, 1e300), "resources.gpus": (1e-5, 1e9), "resources.trials_per_gpu": (10**6,),
    "resources.concurrent": (10**9,), "training.batch_size": (10**22, 2**40), "training.learning_rate": (5e-324, 1e300),
    "training.epochs": (10**12,), "task_model.learning_rate": (1e-300, float("inf")), "task_model.seed": (2**31, -1),
    "task_model.weight_decay": (1e300, float("nan")), "task_model.label_smoothing": (1 - 1e-16,),
    "sampler.seed": (2**32,), "sampler.startup_trials": (10**9,),
    "trials": (10**9, 10**400), "retries": (10**6,), "block_size": (2**30,), "reference.rate_bits": (1e308, 5e-324),
    "dataset.split_seed": (2**63,),
    "space.family.split.beta": (5e-324, 1e308, {"float": [1, 1.0000000000000002]},
                                {"float": [5, 5 + 1e-9], "log": True}),
    "name": ("x" * 300, "a\nb"),
    "space.family.split.entropy_model.factorized.refine.sga.refine_learning_rate": (5e-324,),
    "space.family.sample": ({"channel": "sample_and_communicate", "sharpness": 1e308},
                            {"channel": "task_model", "slope": 1e308}),
    "space.family.label.method.time_shared.share": (5e-324,), "tracking.experiment": ("a\0b", "\x1b[2J", "x" * 5000),
    "tracking.register_as": ("\ud800",),
    "tracking.uri": ("http://[::1", "http://h:port", "http://a\0b", "http://a\x1b", "sqlite:///"),
    "dataset": ([], ["digits"], {"name": ["digits"]}, {"name": {"digits": 1}}, "a\0b", 3),
    "task_model": ([], ["small_cnn"], {"name": []}, {"name": {}}, 3.5, {"name": "small_cnn", "weights": "a\0b"}),
    "objectives": (["rate_bits", "accuracy"] * 10,), "metrics": ([f"m:f{i}" for i in range(200)],),
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, values in NONSENSE.items() for value in values],
    ids=lambda value: ascii(value)[:40],
)
def test_nonsense_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(SWEEP, {key: value})
    message = str(caught.value)
    assert key.split(".", maxsplit=1)[0] in message
    assert all(one.isprintable() or one == "\n" for one in message)


def test_a_named_number_of_a_script_is_a_number() -> None:
    assert load_spec(SWEEP, {"training.epochs": IntEnum("Size", {"SMALL": 4})(4)}).spec.training.epochs == 4


def test_a_hundred_thousand_choices_take_linear_time() -> None:
    start = time.process_time()
    assert repeated("beta", [0.1 * place for place in range(100_000)]) == []
    with pytest.raises(SpecError, match=f"at most {MOST_VALUES} values"):
        load_spec(SWEEP, {"space.family.split.beta": [1 + 0.1 * place for place in range(100_000)]})
    assert time.process_time() - start < LONGEST_S
    mixed = [1, 1.0, 2, [1], [1], {1: 2, "a": 3}, "1"]
    assert repeated("x", mixed) == ["x: 1 is listed twice", "x: [1] is listed twice"]


def test_thousands_of_mistakes_are_a_hundred_lines() -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(SWEEP, {f"unknown{number}": number for number in range(2000)})
    assert len(caught.value.problems) == 2000
    assert str(caught.value).endswith("… and 1900 more")


def test_the_narrowest_interval_can_be_searched() -> None:
    narrow = {"float": [3e8, 3e8 * (1 + 1.1e-9)], "log": True}
    loaded = load_spec_without_data(SWEEP, {"space.family": {"split": {**PLAIN_SPLIT, "beta": narrow}}})
    for sampler in ("auto", "tpe", "nsga2", "random"):
        assert simulate_sweep(loaded, trials=12, sampler=sampler, latency_s=0.001).trials_finished == 12


def test_a_file_that_is_one_text_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text("--- |\n  name: x\n  dataset: digits\n", encoding="utf-8")
    with pytest.raises(SpecError, match="\n  the whole file must be text without control characters"):
        load_spec(path)


def test_a_mapping_that_holds_itself_is_refused() -> None:
    settings: dict[str, Any] = {"name": "a"}
    settings["space"] = settings
    with pytest.raises(InputError, match="nested deeper than 64 levels"):
        load_spec(settings)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"sharpness": [2.0]}, "sharpness: must be a single value, got"),
        ({"sharpness": {"float": [1, 2]}}, "sharpness: must be a single value, got"),
        ({"sharpness": 1e308}, "sharpness: must be ≤ 1e"),
        ({"sharpness": 10**30}, "sharpness: must be a number of at most 64 bit"),
        ({"sharpness": "x" * (MOST_CHARACTERS + 1)}, "sharpness: must be text of at most 4096 characters"),
    ],
)
def test_parameters_of_one_trial_are_single_bounded_values(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        checked_params(load_spec(SWEEP), {"family": "sample", "channel": "sample_and_communicate", **values})


def test_a_simulated_sweep_needs_neither_data_nor_code() -> None:
    changes = {
        "dataset": {"name": "arrays", "path": "/nowhere/x.npz"},
        "task_model": {"name": "module", "target": "nowhere:f", "weights": "/nowhere/x.pt"},
        "metrics": ["nowhere:f"],
    }
    with pytest.raises(SpecError, match=r"/nowhere/x\.npz"):
        load_spec(SWEEP, changes)
    assert load_spec_without_data(SWEEP, changes).spec.dataset.name == "arrays"
    of_a_package = {"dataset": "not_installed", "task_model": {"name": "theirs", "size": 3}}
    assert load_spec_without_data(SWEEP, of_a_package).spec.task_model.name == "theirs"
    assert load_spec_without_data(load_spec(SWEEP), {"trials": 3}).spec.trials == 3
