"""A user's own task model: the documented example, and everything that can be wrong."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small_sweep import small_sweep_spec

from ratefront.catalogue import CATALOGUE
from ratefront.errors import InputError, SpecError
from ratefront.spec.known_facts import known_facts
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import Named
from ratefront.spec.yaml_text import read_yaml, write_yaml
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.task_models.stored_task_model import load_task_model

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "task-models.md").read_text()
BLOCKS = {
    language: re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    for language in ("python", "yaml")
}
WHOLE = "ratefront.task_models.architectures.small_cnn:SmallCNN"

SEQUENCE = """
from collections import OrderedDict
from torch import nn

def two(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(64, classes)))

def one(classes, shape):
    return nn.Sequential(OrderedDict(all=nn.Sequential(nn.Flatten(), nn.Linear(64, classes))))

def other_logits(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(64, classes + 1)))

def probabilities(classes, shape):
    return nn.Sequential(
        OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(64, classes), normalise=nn.Softmax(dim=1))
    )

def log_probabilities(classes, shape):
    return nn.Sequential(
        OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(64, classes), normalise=nn.LogSoftmax(dim=1))
    )

def too_wide(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(65, classes)))

def taken_name(classes, shape):
    return nn.Sequential(OrderedDict(keys=nn.Flatten(), classifier=nn.Linear(64, classes)))

def no_module(classes, shape):
    return [classes]

def no_arguments():
    return two(10, (1, 8, 8))

number = 3
"""

Write = Callable[[str, str], None]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module into a folder that PYTHONPATH might name."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name: str, content: str) -> None:
        (tmp_path / f"{name}.py").write_text(content)
        importlib.invalidate_caches()
        sys.modules.pop(name, None)

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def named(target: str, **parameters: Any) -> Named:
    return Named(name="module", target=target, **parameters)


def test_the_documented_example_works(code: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of the split points is so, and it can be trained, kept and loaded."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    (example,) = BLOCKS["python"]
    code("my_models", example)
    (described,) = [read_yaml(b)["task_model"] for b in BLOCKS["yaml"] if "module" in b]
    facts = known_facts(CATALOGUE, described, "digits")
    assert (facts["splits"], facts["strides"]) == (("conv1", "conv2", "hidden"), (1, 2, 0))
    spec = small_sweep_spec(task_model={**described, "epochs": 2})
    ready = prepare_task_model(spec, tmp_path / "model")
    assert load_task_model(spec, tmp_path / "model").splits == facts["splits"]
    assert ready.accuracy > 0.5


def test_a_function_may_return_a_task_model(code: Write) -> None:
    code(
        "own",
        "from ratefront.task_models.architectures.small_cnn import SmallCNN\n"
        "def build(k, shape): return SmallCNN(k, shape[0])\n",
    )
    model = build_task_model(named("own:build"), 10, (1, 8, 8))
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)


def test_log_probabilities_are_accepted(code: Write) -> None:
    code("own", SEQUENCE)
    assert build_task_model(named("own:log_probabilities"), 10, (1, 8, 8)).splits == ("flat", "classifier")


def test_probabilities_for_real_samples_are_refused(
    code: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it gave of the one sample that is tried before training."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "ratefront.task_models.own_network.module_task_model.refuse_probabilities", lambda *_: None
    )
    code("own", SEQUENCE)
    spec = small_sweep_spec(task_model={"name": "module", "target": "own:probabilities", "epochs": 1})
    with pytest.raises(InputError, match=r"what the task model gives must be logits.*drop the softmax"):
        prepare_task_model(spec, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "no_such_thing:build",
            "ModuleNotFoundError: No module named 'no_such_thing'; expected package.module",
        ),
        ("own:nothing", "AttributeError: .*'nothing'; expected package.module:function"),
        ("broken:build", "SyntaxError"),
        ("own:number", "is not a function but int"),
        ("own:no_module", "made a list; expected"),
        ("own:no_arguments", "TypeError: .*; expected"),
        ("own:one", "needs at least 2 stages, to be cut between them; got 1"),
        ("own:taken_name", "KeyError: .*keys"),
        ("own:other_logits", r"logits must be \(N, 10\) for 10 classes, got \(N, 11\)"),
        ("own:probabilities", "these are probabilities: .*; drop the softmax at its end"),
        ("own:too_wide", r"samples \(1, 8, 8\) do not go through stage the last: "),
    ],
)
def test_invalid_networks_are_refused_by_check_and_build(
    code: Write, tmp_path: Path, target: str, message: str
) -> None:
    code("own", SEQUENCE)
    code("broken", "def build(")
    with pytest.raises(InputError, match=message):
        build_task_model(named(target), 10, (1, 8, 8))
    with pytest.raises(SpecError, match=f"task_model: .*{message}"):
        _check(tmp_path, {"name": "module", "target": target}, "flat")


def _check(folder: Path, task_model: dict[str, Any], split: str) -> None:
    plain = read_yaml((ROOT / "sweeps" / "digits.yaml").read_text())
    plain["task_model"] = task_model
    plain["space"]["family"]["split"]["split"] = split
    (folder / "sweep.yaml").write_text(write_yaml(plain))
    load_spec(folder / "sweep.yaml")


def test_split_points_of_the_network_are_checked(code: Write, tmp_path: Path) -> None:
    code("own", SEQUENCE)
    _check(tmp_path, {"name": "module", "target": "own:two"}, "flat")
    with pytest.raises(SpecError, match='unknown value "conv1"; valid: flat'):
        _check(tmp_path, {"name": "module", "target": "own:two"}, "conv1")
    with pytest.raises(SpecError, match=r"task_model\.target: must match"):
        _check(tmp_path, {"name": "module", "target": "own.two"}, "flat")


def test_changed_code_is_another_task_model(
    code: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    spec = small_sweep_spec(task_model={"name": "module", "target": "own:two", "epochs": 1})
    identities = []
    for content in (SEQUENCE, SEQUENCE, SEQUENCE + "\n# changed\n"):
        code("own", content)
        identities.append(prepare_task_model(spec, tmp_path / "model").identity)
    assert identities[0] == identities[1] != identities[2]
