"""The code of a task model is part of its identity, in the cache and for a sweep that is resumed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep
from tests.small_sweep import small_sweep_spec

from ratefront.catalogue import CATALOGUE
from ratefront.catalogue.registry import Registry
from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.errors import InputError, SweepMismatchError
from ratefront.history.events import TaskModelReady
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.same_inputs import check_code, check_inputs
from ratefront.task_models.input_digests import code_of_families, inputs_of_trials, present_inputs
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.trial.stored_codec import load_stored_codec

Write = Callable[[str, str], None]

NETWORK = """
from collections import OrderedDict
from torch import nn
from helping import width

def net(classes, shape):
    layers = OrderedDict(flat=nn.Flatten(), hidden=nn.Linear(64, width()), classifier=nn.Linear(width(), classes))
    return nn.Sequential(layers)
"""
HELPING = "def width():\n    return {}\n"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module that the next import finds, as in a process that starts now."""
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of sources of one size and second, one is as good
    written: set[str] = set()

    def write(name: str, content: str) -> None:
        (tmp_path / f"{name}.py").write_text(content)
        written.add(name)
        importlib.invalidate_caches()
        for name in written:
            sys.modules.pop(name, None)

    yield write
    for name in written:
        sys.modules.pop(name, None)


def module_spec(target: str = "networks:net", **parameters: Any) -> SweepSpec:
    return small_sweep_spec(task_model={"name": "module", "target": target, "epochs": 1, **parameters})


def test_a_changed_helper_module_changes_the_task_model(code: Write, tmp_path: Path) -> None:
    """And the same code again the same one: the cache answers."""
    code("networks", NETWORK)
    code("helping", HELPING.format(16))
    first = prepare_task_model(module_spec(), tmp_path / "first")
    assert set(first.inputs) == {"dataset", "code networks", "code helping", "loaded"}
    code("helping", HELPING.format(17))
    other = prepare_task_model(module_spec(), tmp_path / "other")
    assert other.identity != first.identity
    assert other.task_model_bytes > first.task_model_bytes
    code("helping", HELPING.format(16))
    assert prepare_task_model(module_spec(), tmp_path / "again") == first


def test_present_inputs_equal_those_of_the_task_model(code: Write, tmp_path: Path) -> None:
    code("networks", NETWORK)
    code("helping", HELPING.format(16))
    ready = prepare_task_model(module_spec(), tmp_path / "model")
    assert present_inputs(module_spec()) == ready.inputs
    trial_inputs = {name: digest for name, digest in ready.inputs.items() if name != "loaded"}
    assert inputs_of_trials(module_spec()) == trial_inputs
    code("helping", HELPING.format(17))
    now = present_inputs(module_spec())
    assert [name for name in now if now[name] != ready.inputs[name]] == ["code helping"]
    assert inputs_of_trials(module_spec()) == trial_inputs, (
        "a process goes on with the code that it has imported"
    )


def test_task_models_of_ratefront_have_no_user_code() -> None:
    spec = small_sweep_spec(space={"family": {"label": {}, "split": {}}})
    assert set(present_inputs(spec)) == {"dataset"}


def test_a_codec_is_refused_with_other_code(code: Write, tmp_path: Path) -> None:
    """What the sweep's trials have coded, other code would code and decide otherwise."""
    code("networks", NETWORK)
    code("helping", HELPING.format(16))
    sweep = FakeSweep(tmp_path, task_model=False)
    sweep.append(TaskModelReady("own", 0.9, 0.9, 1000, None, present_inputs(module_spec())))
    files = sweep.folder.trial("t0000")
    files.path.mkdir(parents=True)
    for path in (files.codec_config, files.codec_weights):
        path.write_text("{}")
    with pytest.raises(InputError, match="no codec at"):
        load_stored_codec(files)
    code("helping", HELPING.format(16) + "# changed")
    with pytest.raises(SweepMismatchError, match="the code of helping has changed since the codec was made"):
        load_stored_codec(files)


def test_changed_metric_code_stops_sweeps_but_no_codecs(code: Write, tmp_path: Path) -> None:
    code("measures_", "from helping import width\ndef own(labels, classes): return width()\n")
    code("helping", HELPING.format(3))
    spec = small_sweep_spec(
        metrics=["measures_:own", "sklearn.metrics:matthews_corrcoef", "balanced_accuracy"]
    )
    before = present_inputs(spec)
    assert set(before) == {"dataset", "metric measures_", "metric helping", "metric sklearn.metrics"}
    assert inputs_of_trials(spec) == before
    code("helping", HELPING.format(4))
    now = present_inputs(spec)
    assert [name for name in now if now[name] != before[name]] == ["metric helping"]
    with pytest.raises(SweepMismatchError, match="the code of the metrics' module helping has changed"):
        check_inputs(before, now, spec)
    check_code(before)  # codecs code and decide as they did


class TestPlugin:
    """What another package has registered is known by its code, too."""

    @pytest.fixture(autouse=True)
    def _registered(self, code: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        code("codecs_", "import helping")
        code("helping", HELPING.format(3))
        code("nets_", "import networks\ndef build(parameters, classes, shape): return made(classes, shape)\n")
        families, models = Registry("codec family"), Registry("task model")
        families.add("theirs", CATALOGUE.families["label"].parameters, "codecs_:Theirs", "of another package")
        models.add("theirs", TaskModelParameters, "nets_:build", "of another package")
        monkeypatch.setattr(CATALOGUE, "_families", families)
        monkeypatch.setattr(CATALOGUE, "_task_models", models)

    def test_the_code_of_a_plugins_family_is_digested(self) -> None:
        digests = code_of_families(small_sweep_spec(space={"family": {"theirs": {}}}))
        assert set(digests) == {"code codecs_", "code helping"}

    def test_the_code_of_a_plugins_task_model_is_digested(self, code: Write) -> None:
        code("networks", NETWORK)
        code(
            "nets_",
            "from ratefront.task_models.task_model import TaskModel\nfrom networks import net\n"
            "def build(parameters, classes, shape):\n"
            "    return TaskModel(list(net(classes, shape).named_children()))\n",
        )
        spec = small_sweep_spec(task_model={"name": "theirs"})
        assert set(present_inputs(spec)) == {"dataset", "code nets_", "code networks", "code helping"}
