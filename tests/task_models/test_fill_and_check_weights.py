"""A network that was trained elsewhere keeps its weights, statistics, logits and accuracy."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from tests.small_sweep import small_sweep_spec
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from ratefront.catalogue.task_models import ModuleParameters
from ratefront.codecs.codec_files import codec_structure
from ratefront.complexity.transmitter_bytes import module_bytes
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError, InputError, SpecError, SweepMismatchError
from ratefront.spec.load_spec import load_spec
from ratefront.spec.sweep_spec import Named, SweepSpec
from ratefront.spec.yaml_text import write_yaml
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.own_network.evaluation_check import check_stages
from ratefront.task_models.own_network.fill_and_check_weights import load_weights
from ratefront.task_models.own_network.module_task_model import loaded_digest
from ratefront.task_models.own_network.read_weights_file import fill_network, read_state_dict
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.trial.checks.unchanged_inputs import _check_behaviour, check_inputs_unchanged
from ratefront.trial.trial_context import TrialContext

pytestmark = pytest.mark.medium

MODULE = """
import torch
from torch import nn
from torch.nn import functional as F

from ratefront.task_models.task_model import TaskModel


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.hidden, self.out = nn.Linear(128, 32), nn.Linear(32, classes)

    def forward(self, images):
        features = F.max_pool2d(F.relu(self.norm(self.conv(images))), 2)
        hidden = F.dropout(F.relu(self.hidden(features.flatten(1))), 0.2, self.training)
        return self.out(hidden)


def net(classes, shape):
    network = Net(classes)
    conv = nn.Sequential(network.conv, network.norm, nn.ReLU(), nn.MaxPool2d(2))
    hidden = nn.Sequential(nn.Flatten(), network.hidden, nn.ReLU(), nn.Dropout(0.2))
    return TaskModel([("conv", conv), ("hidden", hidden), ("out", network.out)], network)


def forgetful(classes, shape):
    network = Net(classes)
    conv = nn.Sequential(network.conv, network.norm, nn.MaxPool2d(2))
    hidden = nn.Sequential(nn.Flatten(), network.hidden, nn.ReLU())
    return TaskModel([("conv", conv), ("hidden", hidden), ("out", network.out)], network)
"""

LINEAR = """
from collections import OrderedDict
from torch import nn

def net(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, classes)))
"""

Write = Callable[[str, str], Any]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module where Python finds it, and import it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    before = set(sys.modules)

    def written(name: str, content: str) -> Any:
        (tmp_path / f"{name}.py").write_text(content)
        importlib.invalidate_caches()
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    yield written
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def trained_outside(network: nn.Module, *, epochs: int = 4) -> nn.Module:
    """As somebody's own script would, with nothing of ours but the samples."""
    data = load_dataset(Named(name="digits"))
    images, labels = torch.from_numpy(data.train.images[:]), torch.from_numpy(data.train.labels)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimiser.step()
    return network.eval()


def module_spec(target: str, **parameters: Any) -> SweepSpec:
    return small_sweep_spec(task_model={"name": "module", "target": target, **parameters})


@torch.no_grad()
def logits_outside(network: nn.Module) -> Tensor:
    return network(torch.from_numpy(load_dataset(Named(name="digits")).test.images[:]))  # type: ignore[no-any-return]


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_accuracy_and_logits_are_those_of_the_network(write: Write, tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(3)
    network = trained_outside(write("my_models", MODULE).Net(10))
    path = tmp_path / f"mine{suffix}"
    (torch.save if suffix == ".pt" else save_file)(network.state_dict(), path)  # type: ignore[operator]
    labels, outside = load_dataset(Named(name="digits")).test.labels, logits_outside(network)
    spec = module_spec("my_models:net", weights=str(path), epochs=0, precision="fp32")
    ready = prepare_task_model(spec, tmp_path / "model")
    assert ready.accuracy_given == (outside.argmax(1).numpy() == labels).mean() > 0.8
    assert ready.accuracy == ready.accuracy_given
    stored = np.load(tmp_path / "model" / "predictions.npz", allow_pickle=False)["logits_test"]
    np.testing.assert_allclose(stored, outside.numpy(), atol=1e-5)
    loaded = load_task_model(spec, tmp_path / "model")
    assert torch.equal(loaded.stages["conv"][1].running_var, network.norm.running_var)  # type: ignore[index,union-attr]
    assert torch.equal(loaded.stages["out"].weight, network.out.weight)


def test_accuracy_before_rounding_is_reported(write: Write, tmp_path: Path) -> None:
    """Weights round 30 000 differ by less than fp16 tells apart there; what all classes share decides nothing."""
    module = write("own", LINEAR)
    network = trained_outside(module.net(10, (1, 8, 8)), epochs=8)
    with torch.no_grad():
        network.out.weight += 30_000
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    settings = {"weights": str(tmp_path / "mine.pt"), "epochs": 0}
    half = prepare_task_model(module_spec("own:net", **settings), tmp_path / "half")
    whole = prepare_task_model(module_spec("own:net", precision="fp32", **settings), tmp_path / "whole")
    assert whole.accuracy == whole.accuracy_given == half.accuracy_given > 0.8
    assert len(whole.warnings) == 1
    assert half.accuracy < 0.7
    assert whole.task_model_bytes == 2 * half.task_model_bytes == 4 * 650


def test_epochs_train_from_given_weights(write: Write, tmp_path: Path) -> None:
    network = trained_outside(write("my_models", MODULE).Net(10))
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    few = {"epochs": 1, "learning_rate": 1e-6}
    tuned = prepare_task_model(
        module_spec("my_models:net", weights=str(tmp_path / "mine.pt"), **few), tmp_path / "a"
    )
    fresh = prepare_task_model(module_spec("my_models:net", **few), tmp_path / "b")
    assert tuned.accuracy > 0.8 > fresh.accuracy
    assert len(tuned.warnings) == 1
    assert fresh.warnings == ()


def test_identity_depends_on_the_weights_not_on_their_place(write: Write, tmp_path: Path) -> None:
    net = write("my_models", MODULE).Net
    path, other = tmp_path / "mine.pt", tmp_path / "elsewhere.pt"
    torch.manual_seed(0)
    torch.save(net(10).state_dict(), path)
    first = prepare_task_model(module_spec("my_models:net", weights=str(path), epochs=0), tmp_path / "a")
    other.write_bytes(path.read_bytes())
    moved = prepare_task_model(module_spec("my_models:net", weights=str(other), epochs=0), tmp_path / "b")
    torch.save(net(10).state_dict(), path)
    replaced = prepare_task_model(module_spec("my_models:net", weights=str(path), epochs=0), tmp_path / "c")
    assert first == moved
    assert "a task model trained elsewhere has probably seen" in first.warnings[0]
    assert first.identity != replaced.identity
    assert {name for name in first.inputs if first.inputs[name] != replaced.inputs[name]} == {"weights"}


LOADING = """
from collections import OrderedDict
from torch import nn
import torch
from safetensors.torch import load_file

def made(classes, state):
    network = nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, classes)))
    network.load_state_dict(state)
    return network

def by_torch(classes, shape):
    return made(classes, torch.load({path!r} + ".pt", weights_only=True))

def by_safetensors(classes, shape):
    return made(classes, load_file({path!r} + ".safetensors"))
"""


def _put(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    state = nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, 10))).state_dict()
    torch.save(state, path.with_suffix(".pt"))
    save_file(state, path.with_suffix(".safetensors"))


def test_a_function_that_opens_files_is_refused(write: Write, tmp_path: Path) -> None:
    _put(tmp_path / "own", 0)
    write("loading", LOADING.format(path=str(tmp_path / "own")))
    with pytest.raises(InputError, match=r"opens .*own\.pt while .*`weights: FILE`"):
        prepare_task_model(module_spec("loading:by_torch", epochs=0), tmp_path / "model")
    with pytest.raises(SpecError, match=r"task_model: target loading:by_torch: opens .*own\.pt"):
        _checked({"name": "module", "target": "loading:by_torch", "epochs": 0})


READING = "open({path!r}).close()\n"


@pytest.mark.parametrize("when", ["in the function", "at import", "by a helper", "by a helper, late"])
def test_files_read_by_user_code_are_refused(write: Write, tmp_path: Path, when: str) -> None:
    (tmp_path / "settings.json").write_text("{}")
    reading = READING.format(path=str(tmp_path / "settings.json"))
    (tmp_path / "helper.py").write_text(reading)
    where = {"in the function": f"    {reading}", "by a helper, late": "    import helper\n"}.get(when, "")
    first = {"at import": reading, "by a helper": "import helper\n"}.get(when, "")
    (tmp_path / "reading.py").write_text(first + LINEAR.replace("shape):\n", "shape):\n" + where))
    for _ in range(2):  # a module is imported once
        with pytest.raises(
            SpecError, match=r"opens .*settings\.json while the module is imported or the network"
        ):
            _checked({"name": "module", "target": "reading:net"})
        if when == "by a helper, late":
            return


def test_files_read_by_packages_are_accepted(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.json").write_text("{}")
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "packaged.py").write_text(READING.format(path=str(tmp_path / "settings.json")))
    monkeypatch.syspath_prepend(package)
    write("own", "import packaged\n" + LINEAR)
    _checked({"name": "module", "target": "own:net"})


CONFIGURED = """
import os
from collections import OrderedDict
from torch import nn

class Sharp(nn.Module):
    def forward(self, images):
        return images * float(os.environ["OWN_SHARPNESS"])

def net(classes, shape):
    return nn.Sequential(OrderedDict(sharp=Sharp(), flat=nn.Flatten(), out=nn.Linear(64, classes)))
"""


def test_unrecorded_inputs_are_noticed_by_changed_logits(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the cache nor a trial that goes on takes another network for the one that it was."""
    write("configured", CONFIGURED)
    spec = module_spec("configured:net", epochs=1)
    monkeypatch.setenv("OWN_SHARPNESS", "1")
    (tmp_path / "sweep").mkdir()
    first = prepare_task_model(spec, tmp_path / "sweep" / "task_model")
    assert prepare_task_model(spec, tmp_path / "again") == first
    context = TrialContext(spec, tmp_path / "sweep", inputs=first.inputs)
    check_inputs_unchanged(context)
    monkeypatch.setenv("OWN_SHARPNESS", "-2")
    _check_behaviour.cache_clear()  # as in a process that starts now
    with pytest.raises(
        InputError, match="with its code and its weights as they were it computes something else"
    ):
        prepare_task_model(spec, tmp_path / "other")
    with pytest.raises(SweepMismatchError, match="with its code and its weights as they were"):
        check_inputs_unchanged(context)


LOOSE = """
from collections import OrderedDict
import numpy as np
import torch
from torch import nn

BANK = torch.randn(64, 64)

class Loose(nn.Module):
    def __init__(self):
        super().__init__()
        self.kept = {"bank": BANK}
        self.array = np.ones((64, 64), np.float32)
    def forward(self, images):
        return EXPRESSION

def net(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), loose=Loose(), out=nn.Linear(64, classes)))
"""


@pytest.mark.parametrize(
    ("expression", "is_loose"),
    [
        ("images @ BANK", True),
        ("images @ self.kept['bank'].T", True),
        ("images @ torch.from_numpy(self.array)", True),
        ("images * torch.tensor([0.5])", False),
        ("(images - torch.arange(64) / 64) @ torch.eye(64)", False),
        ("images - torch.tensor([float(i) for i in range(64)])", False),
    ],
)
def test_unregistered_tensors_are_refused(
    write: Write, tmp_path: Path, expression: str, is_loose: bool
) -> None:
    write("loose", LOOSE.replace("EXPRESSION", expression))
    named = Named(name="module", target="loose:net")
    if is_loose:
        with pytest.raises(
            InputError, match=r"stage loose computes with a tensor \(64, 64\) that is neither"
        ):
            build_task_model(named, 10, (1, 8, 8))
    else:
        build_task_model(named, 10, (1, 8, 8))


def test_stages_need_unique_names_and_parameters(write: Write) -> None:
    write(
        "odd",
        """
from torch import nn
from ratefront.task_models.task_model import TaskModel

def twice(classes, shape):
    relus = [("relu", nn.ReLU()), ("relu", nn.ReLU())]
    return TaskModel([("flat", nn.Flatten()), *relus, ("out", nn.Linear(64, classes))])

def none(classes, shape):
    return nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(classes))

def lazy(classes, shape):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
""",
    )
    with pytest.raises(InputError, match="two stages are called relu"):
        build_task_model(Named(name="module", target="odd:twice"), 10, (1, 8, 8))
    with pytest.raises(InputError, match="its stages have no parameters"):
        build_task_model(Named(name="module", target="odd:none"), 10, (1, 8, 8))
    assert loaded_digest(ModuleParameters(target="odd:lazy"), 10, (1, 8, 8))


def test_weights_loaded_by_code_are_part_of_the_identity(write: Write, tmp_path: Path) -> None:
    """Not every library opens files where Python hears of it."""
    write("loading", LOADING.format(path=str(tmp_path / "own")))
    spec, ready = module_spec("loading:by_safetensors", epochs=0), []
    for seed in (0, 0, 1):
        _put(tmp_path / "own", seed)
        ready.append(prepare_task_model(spec, tmp_path / "model"))
    assert ready[0].identity == ready[1].identity != ready[2].identity
    assert ready[0].accuracy != ready[2].accuracy


def test_a_network_with_weights_in_its_code_gets_a_warning(write: Write, tmp_path: Path) -> None:
    write("own", LINEAR)
    assert len(prepare_task_model(module_spec("own:net", epochs=0), tmp_path / "given").warnings) == 1
    assert prepare_task_model(module_spec("own:net", epochs=1), tmp_path / "trained").warnings == ()


def test_a_codec_does_not_store_the_name_of_the_weights(tmp_path: Path) -> None:
    data = load_dataset(Named(name="digits"))
    structures = [
        codec_structure({"method": "lossless"}, Named(name="small_cnn", weights=name, epochs=0), data)
        for name in ("/a/mine.pt", "/b/other.pt")
    ]
    assert structures[0] == structures[1]
    assert structures[0].task_model_untrained().splits


def test_random_weights_are_not_part_of_the_identity(write: Write, tmp_path: Path) -> None:
    write("my_models", MODULE)
    identities = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        identities.append(
            prepare_task_model(module_spec("my_models:net", epochs=1), tmp_path / str(seed)).identity
        )
    assert identities[0] == identities[1]


def _checked(task_model: dict[str, Any]) -> None:
    plain = {
        "name": "own",
        "dataset": "digits",
        "task_model": task_model,
        "space": {"family": {"label": {"method": "lossless"}}},
        "trials": 1,
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "own.yaml"
        path.write_text(write_yaml(plain))
        load_spec(path)


class Arbitrary:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


def _state(**changes: Any) -> dict[str, Any]:
    state = nn.Sequential(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, 10))).state_dict()
    return {**state, **changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_state(), None),
        ({"out.weight": torch.zeros(10, 64)}, r"out\.bias: the network has \(10,\), the file lacks it"),
        (
            _state(**{"out.weight": torch.zeros(9, 64)}),
            r"out\.weight: the network has \(10, 64\), the file \(9, 64\)",
        ),
        (_state(more=torch.zeros(3)), r"more: the file has \(3,\), the network no such tensor"),
        (
            {f"module.{name}": tensor for name, tensor in _state().items()},
            r"begins with 'module\.', without which all would fit",
        ),
        (
            {"epoch": 3, "state_dict": _state()},
            r"holds 'epoch', 'state_dict', .* under 'state_dict': torch\.save",
        ),
        (_state(**{"out.bias": torch.full((10,), torch.nan)}), r"NaN or infinite weights: out\.bias"),
        ([torch.zeros(3)], "holds a list"),
    ],
    ids=["fits", "missing", "shape", "unknown", "wrapped", "checkpoint", "nan", "list"],
)
def test_mismatches_of_weights_are_listed(
    write: Write, tmp_path: Path, content: Any, message: str | None
) -> None:
    write("own", LINEAR)
    torch.save(content, tmp_path / "mine.pt")
    task_model = {"name": "module", "target": "own:net", "weights": str(tmp_path / "mine.pt"), "epochs": 0}
    if message is None:
        _checked(task_model)
        return
    with pytest.raises(SpecError, match=message):
        _checked(task_model)


def test_invalid_files_and_pickles_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = build_task_model(Named(name="small_cnn"), 10, (1, 8, 8))
    (tmp_path / "object.pt").write_bytes(pickle.dumps(Arbitrary(), protocol=2))
    torch.save(Arbitrary(), tmp_path / "zip.pt")
    (tmp_path / "text.pt").write_text("epoch,loss\n")
    (tmp_path / "text.safetensors").write_text("epoch,loss\n")
    torch.save(model.state_dict(), tmp_path / "torn.pt")
    (tmp_path / "torn.pt").write_bytes((tmp_path / "torn.pt").read_bytes()[:2000])
    for name, message in {
        "object.pt": "only pickle could read",
        "zip.pt": r"only pickle could read.*torch\.save\(model\.state_dict\(\), FILE\)",
        "text.pt": "only pickle could read|not a file of torch.save",
        "text.safetensors": "is not a safetensors file, or it is truncated",
        "torn.pt": "is not a file of torch.save, or it is truncated",
        "gone.pt": "gone.pt is not there",
        ".": "is a folder",
    }.items():
        with pytest.raises(InputError, match=message):
            load_weights(model, tmp_path / name)
    assert capsys.readouterr().out == ""


def test_files_may_have_any_name_and_tied_weights(write: Write, tmp_path: Path) -> None:
    """As ``safetensors.torch.save_model`` writes them."""
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    save_model(tied, str(tmp_path / "mine.pt"))
    other = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    other[1].weight = other[0].weight
    fill_network(other, read_state_dict(tmp_path / "mine.pt"), "mine.pt")
    assert all(torch.equal(a, b) for a, b in zip(tied.parameters(), other.parameters(), strict=True))


def test_sparse_and_quantised_tensors_are_named(tmp_path: Path) -> None:
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "sparse.pt")
    with pytest.raises(InputError, match="tensors that are sparse or quantised: a"):
        read_state_dict(tmp_path / "sparse.pt")
    norm = nn.BatchNorm1d(2)
    with pytest.raises(InputError, match="NaN or infinite weights: running_var"):
        fill_network(norm, {**norm.state_dict(), "running_var": torch.tensor([1.0, torch.nan])}, "it")


def test_stages_that_omit_an_operation_are_refused(write: Write, tmp_path: Path) -> None:
    write("my_models", MODULE)
    with pytest.raises(InputError, match="stages in sequence do not compute what the network does"):
        prepare_task_model(module_spec("my_models:forgetful", epochs=1), tmp_path / "model")
    with pytest.raises(SpecError, match="stages in sequence do not compute"):
        _checked({"name": "module", "target": "my_models:forgetful"})


def test_a_sequential_with_another_forward_is_refused(write: Write, tmp_path: Path) -> None:
    write(
        "own",
        """
from collections import OrderedDict
from torch import nn

class Sharp(nn.Sequential):
    def forward(self, images):
        return 3 * super().forward(images)

def net(classes, shape):
    return Sharp(OrderedDict(flat=nn.Flatten(), out=nn.Linear(64, classes)))
""",
    )
    with pytest.raises(InputError, match="stages in sequence do not compute"):
        prepare_task_model(module_spec("own:net", epochs=1), tmp_path / "model")


def test_small_logits_are_compared_relatively(write: Write, tmp_path: Path) -> None:
    """Of a network whose logits are a ten-thousandth, a tanh that is left out decides as much as of any other."""
    write(
        "small",
        """
from torch import nn
from ratefront.task_models.task_model import TaskModel

class Small(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.flat, self.hidden, self.out = nn.Flatten(), nn.Linear(64, 32), nn.Linear(32, classes)
    def forward(self, images):
        return 1e-4 * self.out(self.hidden(self.flat(images)).tanh())

class Less(nn.Module):
    def forward(self, logits):
        return 1e-4 * logits

def net(classes, shape):
    network = Small(classes)
    out = nn.Sequential(network.out, Less())
    return TaskModel([("hidden", nn.Sequential(network.flat, network.hidden)), ("out", out)], network)
""",
    )
    with pytest.raises(InputError, match="stages in sequence do not compute"):
        prepare_task_model(module_spec("small:net", epochs=1), tmp_path / "model")


TWICE = """
from collections import OrderedDict
from torch import nn

def act(classes, shape):
    relu = nn.ReLU()
    return nn.Sequential(OrderedDict(
        flat=nn.Flatten(), a=nn.Linear(64, 32), relu1=relu, b=nn.Linear(32, 32), relu2=relu, out=nn.Linear(32, classes)
    ))

def weights(classes, shape):
    again = nn.Linear(64, 64)
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), first=again, relu=nn.ReLU(), second=again,
                                     out=nn.Linear(64, classes)))

def tied(classes, shape):
    first, second = nn.Linear(64, 64), nn.Linear(64, 64)
    second.weight = first.weight
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), first=first, second=second, out=nn.Linear(64, classes)))
"""


def test_a_stage_without_weights_may_run_twice(write: Write, tmp_path: Path) -> None:
    module = write("twice", TWICE)
    torch.manual_seed(0)
    network = module.act(10, (1, 8, 8))
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    spec = module_spec("twice:act", weights=str(tmp_path / "mine.pt"), epochs=0, precision="fp32")
    prepare_task_model(spec, tmp_path / "model")
    model = load_task_model(spec, tmp_path / "model")
    assert model.splits == ("flat", "a", "relu1", "b", "relu2")
    images = torch.rand(4, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(model(images), network(images))
        for split in model.splits:
            assert torch.equal(model.back_end(split)(model.front_end(split)(images)), network(images))


@pytest.mark.parametrize("target", ["weights", "tied"])
def test_stages_that_share_weights_are_refused_by_name(write: Write, target: str) -> None:
    write("twice", TWICE)
    with pytest.raises(InputError, match="stages first and second share weights"):
        build_task_model(Named(name="module", target=f"twice:{target}"), 10, (1, 8, 8))


def test_torchvision_networks_accept_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = models.resnet18(num_classes=7).train()
    with torch.no_grad():
        network(torch.rand(4, 3, 32, 32))
    network.eval()
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    images = torch.rand(2, 1, 32, 32)
    mean, deviation = (
        torch.tensor(v).reshape(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    for normalise in (False, True):
        named = Named(name="resnet18", weights=str(tmp_path / "mine.pt"), epochs=0, normalise=normalise)
        model = build_task_model(named, 7, (1, 32, 32)).eval()
        load_weights(model, tmp_path / "mine.pt")
        check_stages(model, images, "resnet18")
        coloured = images.repeat(1, 3, 1, 1)
        with torch.no_grad():
            expected = network((coloured - mean) / deviation if normalise else coloured)
            torch.testing.assert_close(model(images), expected)
    model = build_task_model(Named(name="resnet18"), 8, (1, 32, 32))
    with pytest.raises(InputError, match=r"fc\.weight: the network has \(8, 512\), the file \(7, 512\)"):
        load_weights(model, tmp_path / "mine.pt")


def test_vgg_for_sizes_with_other_pooling_is_refused() -> None:
    """Its poolings keep the edge here, which torchvision's drop: of 40 pixels that is another network."""
    torch.manual_seed(0)
    check_stages(build_task_model(Named(name="vgg16"), 4, (3, 64, 64)), torch.rand(1, 3, 64, 64), "vgg16")
    with pytest.raises(InputError, match="do not compute what the network does"):
        check_stages(build_task_model(Named(name="vgg16"), 4, (3, 40, 40)), torch.rand(1, 3, 40, 40), "vgg16")


BUFFERED = """
from collections import OrderedDict
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("range", torch.tensor([{value}]))
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    def forward(self, images):
        return images.flatten(1) * self.range / {value}

def net(classes, shape):
    return nn.Sequential(OrderedDict(scaled=Scaled(), hidden=nn.Linear(64, 32), relu=nn.ReLU(),
                                     out=nn.Linear(32, classes)))
"""


@pytest.mark.parametrize("value", [65_535.0, 2.0**16, 1e-9])
def test_buffers_are_stored_unchanged(write: Write, tmp_path: Path, value: float) -> None:
    write("buffered", BUFFERED.format(value=value))
    spec = module_spec("buffered:net", epochs=4)
    ready = prepare_task_model(spec, tmp_path / "model")
    model, data = load_task_model(spec, tmp_path / "model"), load_dataset(spec.dataset)
    assert model.stages["scaled"].range == value
    again = (predict_logits(model, data.test.images).argmax(1).numpy() == data.test.labels).mean()
    assert again == ready.accuracy > 0.7
    assert ready.task_model_bytes == 2 * (65 * 32 + 33 * 10) + 4 * 3


def test_weights_beyond_fp16_get_advice_for_fp32(write: Write, tmp_path: Path) -> None:
    write("large", TWICE)
    state = build_task_model(Named(name="module", target="large:act"), 10, (1, 8, 8)).network.state_dict()
    state["a.weight"][0, 0] = 1e6
    torch.save(state, tmp_path / "mine.pt")
    settings = {"weights": str(tmp_path / "mine.pt"), "epochs": 0}
    with pytest.raises(DivergedError, match=r"fp16 cannot store \(stages\.a\.weight\); precision: fp32"):
        prepare_task_model(module_spec("large:act", **settings), tmp_path / "a")
    prepare_task_model(module_spec("large:act", precision="fp32", **settings), tmp_path / "b")


def test_each_copy_of_a_module_keeps_its_precision() -> None:
    half = build_task_model(Named(name="small_cnn"), 10, (1, 8, 8))
    whole = build_task_model(Named(name="small_cnn", precision="fp32"), 10, (1, 8, 8))
    assert module_bytes(whole.front_end("conv2")) == 2 * module_bytes(half.front_end("conv2"))
    assert isinstance(whole, TaskModel)
    assert module_bytes(nn.Linear(4, 4), whole) == 2 * 20 + module_bytes(whole)
