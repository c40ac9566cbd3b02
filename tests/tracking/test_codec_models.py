"""Codecs in MLflow: described, logged twice, interrupted and completed, registered, loaded in another process."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from tests.tracking.tracked_places import EXPERIMENT, MlflowPlace

from ratefront.errors import InputError
from ratefront.tracking.mlflow import model_folder
from ratefront.tracking.mlflow.codec_models import CodecModels
from ratefront.tracking.mlflow.registration import check_model_name
from ratefront.tracking.tracker_protocol import FrontCodec

pytestmark = pytest.mark.medium

SWEEP = "0123456789abcdef"
ENDED_MS = 1_700_000_009_000
DESCRIBED = {
    "version": 3,
    "family": "label",
    "parameters": {"method": "lossless"},
    "task_model": {"name": "small_cnn"},
    "classes": 10,
    "shape": [1, 8, 8],
}
FILES = {
    "MLmodel",
    "artifacts/codec.json",
    "artifacts/codec.safetensors",
    "conda.yaml",
    "input_example.json",
    "pyfunc.py",
    "python_env.yaml",
    "requirements.txt",
    "serving_input_example.json",
}


@dataclass
class Shelf:
    """An experiment in a store of its own, and what is in it."""

    uri: str
    client: Any
    experiment_id: str

    def models(self, register: str | None = None) -> CodecModels:
        return CodecModels(self.client, self.experiment_id, register)

    def run(self, trial_id: str = "t0042") -> str:
        """A trial's run that has ended, with what it measured."""
        from mlflow.entities import Metric, Param

        client = self.client
        run_id = str(
            client.create_run(self.experiment_id, ENDED_MS - 5000, {"trial_id": trial_id}).info.run_id
        )
        point = Metric("test/rate_bits", 8.125, ENDED_MS, 0)
        client.log_batch(run_id, [point], [Param("hp/beta", "0.5")])
        client.set_terminated(run_id, "FINISHED", ENDED_MS)
        return run_id

    def stored(self) -> list[Any]:
        return list(self.client.search_logged_models([self.experiment_id]))

    def versions(self, name: str) -> dict[str, Any]:
        """By the trial."""
        versions = self.client.search_model_versions(f"name = '{name}'")
        named = {str(version.tags["trial_id"]): version for version in versions}
        assert len(named) == len(versions)
        return named


@pytest.fixture
def shelf(mlflow_place: MlflowPlace, tmp_path: Path) -> Shelf:
    client = mlflow_place.client
    experiment_id = client.create_experiment(EXPERIMENT, (tmp_path / "mlartifacts").as_uri())
    return Shelf(mlflow_place.uri, client, str(experiment_id))


@pytest.fixture
def codec(tmp_path: Path) -> FrontCodec:
    """Files that nothing here reads but their shape."""
    folder = tmp_path / "trials # 1 %" / "t0042"
    folder.mkdir(parents=True)
    config, weights = folder / "codec.json", folder / "codec.safetensors"
    config.write_text(json.dumps(DESCRIBED))
    weights.write_bytes(b"weights")
    return FrontCodec("t0042", "label", config, weights, 150, 8.125, 0.975)


def _files_of(model: Any) -> Path:
    return Path(model.artifact_location.removeprefix("file://"))


def test_a_model_describes_its_codec(shelf: Shelf, codec: FrontCodec) -> None:
    run_id = shelf.run()
    shelf.models().log(run_id, SWEEP, codec)
    (model,) = shelf.stored()
    assert (model.name, str(model.status), model.model_type) == ("t0042-label", "READY", "codec")
    assert model.source_run_id == run_id
    assert model.params == {"hp/beta": "0.5"}
    assert model.tags == {
        "sweep_id": SWEEP,
        "trial_id": "t0042",
        "family": "label",
        "rate_bits": "8.125",
        "accuracy": "0.975",
        "block_size": "150",
        "pareto": "true",
        "mlflow.note.content": model.tags["mlflow.note.content"],
    }
    assert "8.125 bit/sample, accuracy 97.50 % on test" in model.tags["mlflow.note.content"]
    assert {point.key: point.value for point in model.metrics} == {
        "test/rate_bits": 8.125,
        "test/accuracy": 0.975,
    }
    assert [output.model_id for output in shelf.client.get_run(run_id).outputs.model_outputs] == [
        model.model_id
    ]


def test_a_models_metrics_name_the_runs_data_set(shelf: Shelf, codec: FrontCodec) -> None:
    from mlflow.entities import Dataset, DatasetInput

    run_id = shelf.run()
    shelf.client.log_inputs(run_id, [DatasetInput(Dataset("digits", "d16e57", "local", "{}"), [])])
    shelf.models().log(run_id, SWEEP, codec)
    (model,) = shelf.stored()
    assert {(point.dataset_name, point.dataset_digest) for point in model.metrics} == {("digits", "d16e57")}


def test_a_model_folder_holds_the_codec_and_no_pickle(shelf: Shelf, codec: FrontCodec) -> None:
    shelf.models().log(shelf.run(), SWEEP, codec)
    (model,) = shelf.stored()
    files = {str(path.relative_to(_files_of(model))): path for path in _files_of(model).rglob("*")}
    assert {name for name, path in files.items() if path.is_file()} == FILES
    assert files["artifacts/codec.safetensors"].read_bytes() == b"weights"
    assert files["pyfunc.py"].read_text() == Path(str(model_folder._code())).read_text()
    for name in FILES - {"artifacts/codec.safetensors"}:
        files[name].read_bytes().decode("ascii")  # a pickle is no text


def test_a_model_folder_holds_no_local_paths(codec: FrontCodec, tmp_path: Path) -> None:
    from mlflow.models import Model

    model_folder.write_model(tmp_path / "model", Model(), codec, {})
    described = (tmp_path / "model" / "MLmodel").read_text()
    assert str(codec.config.parent) not in described
    assert str(Path(model_folder.__file__).parents[1]) not in described
    assert "model_code_path: pyfunc.py" in described


def test_a_model_has_a_signature_and_an_example(shelf: Shelf, codec: FrontCodec) -> None:
    from mlflow.models import Model

    shelf.models().log(shelf.run(), SWEEP, codec)
    (model,) = shelf.stored()
    kept = Model.load(str(_files_of(model)))
    assert kept.signature is not None
    assert kept.signature.to_dict() == {
        "inputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 1, 8, 8]}}]',
        "outputs": json.dumps(
            [
                {"type": kind, "name": name, "required": True}
                for name, kind in (("class", "long"), ("bytes", "double"), ("payload_bytes", "double"))
            ]
        ),
        "params": '[{"name": "block_size", "default": 150, "shape": null, "type": "long"}]',
    }
    example = kept.load_input_example(str(_files_of(model)))
    assert (example.shape, float(example.min()), float(example.max())) == ((1, 1, 8, 8), 0.0, 1.0)
    assert kept.metadata is not None
    assert "no sample of the data set" in kept.metadata["input_example"]
    assert (kept.model_id, kept.run_id) == (model.model_id, model.source_run_id)


def test_requirements_are_pinned(codec: FrontCodec) -> None:
    needed = model_folder._requirements(DESCRIBED)
    assert "ratefront==0.1.0" in needed
    assert f"torch=={version('torch').partition('+')[0]}" in needed
    assert all("+" not in line for line in needed)


def test_a_family_of_another_package_needs_that_package(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(target="their_codecs.odd:Odd")
    points = [
        SimpleNamespace(module="their_codecs.register", dist=SimpleNamespace(name="their-codecs")),
        SimpleNamespace(module="others", dist=SimpleNamespace(name="others")),
    ]
    small_cnn = SimpleNamespace(target="ratefront.task_models.architectures.small_cnn:SmallCNN")
    catalogue = SimpleNamespace(families={"odd": entry}, task_models={"small_cnn": small_cnn})
    monkeypatch.setattr(model_folder, "CATALOGUE", catalogue)
    monkeypatch.setattr(model_folder, "entry_points", lambda group: points if group == "ratefront" else [])
    monkeypatch.setattr(model_folder, "version", lambda name: "3.1+local")
    needed = model_folder._requirements({"family": "odd", "task_model": {"name": "small_cnn"}})
    assert needed[-1] == "their-codecs==3.1"
    assert not any(line.startswith("others") for line in needed)


def test_logging_a_codec_twice_keeps_one_model(shelf: Shelf, codec: FrontCodec) -> None:
    run_id = shelf.run()
    for _ in range(2):
        shelf.models("digits").log(run_id, SWEEP, codec)
    (model,) = shelf.stored()
    assert list(shelf.versions("digits")) == ["t0042"]
    assert len(model.metrics) == 2
    run = shelf.client.get_run(run_id)
    assert len(run.outputs.model_outputs) == 1
    assert len(shelf.client.get_metric_history(run_id, "test/rate_bits")) == 1
    assert run.info.status == "FINISHED"


class Broken:
    """A client whose store cannot be reached from one call on."""

    def __init__(self, client: Any, call: str) -> None:
        self._client, self._call, self._is_broken = client, call, False

    def __getattr__(self, name: str) -> Any:
        if name == self._call or self._is_broken:
            self._is_broken = True
            raise ConnectionError(name)
        return getattr(self._client, name)


@pytest.mark.parametrize(
    "call",
    [
        "log_model_artifacts",
        "log_batch",
        "log_outputs",
        "finalize_logged_model",
        "create_model_version",
        "set_logged_model_tags",
        "set_registered_model_alias",
    ],
)
def test_an_interrupted_model_is_completed(shelf: Shelf, codec: FrontCodec, call: str) -> None:
    run_id = shelf.run()
    with pytest.raises(ConnectionError):
        CodecModels(Broken(shelf.client, call), shelf.experiment_id, "digits").log(run_id, SWEEP, codec)
    shelf.models("digits").log(run_id, SWEEP, codec)
    (model,) = shelf.stored()
    assert str(model.status) == "READY"
    assert (_files_of(model) / "MLmodel").is_file()
    assert len(model.metrics) == 2
    assert len(shelf.client.get_run(run_id).outputs.model_outputs) == 1
    assert list(shelf.versions("digits")) == ["t0042"]
    assert shelf.client.get_registered_model("digits").aliases == {"t0042": 1}


def test_a_model_created_twice_becomes_one(shelf: Shelf, codec: FrontCodec) -> None:
    """As if the store had carried out a request whose answer was lost."""
    run_id = shelf.run()
    for _ in range(2):
        shelf.client.create_logged_model(
            shelf.experiment_id, "t0042-label", run_id, {"trial_id": "t0042"}, {}, "codec"
        )
    shelf.models().log(run_id, SWEEP, codec)
    (model,) = shelf.stored()
    assert str(model.status) == "READY"


def test_another_model_of_the_run_is_left_alone(shelf: Shelf, codec: FrontCodec) -> None:
    run_id = shelf.run()
    shelf.client.create_logged_model(shelf.experiment_id, "mine", run_id, {}, {}, "other")
    shelf.models().log(run_id, SWEEP, codec)
    assert sorted(model.name for model in shelf.stored()) == ["mine", "t0042-label"]


@pytest.mark.parametrize("missing", ["config", "weights"])
def test_a_codec_with_missing_files_is_named_in_the_log(
    shelf: Shelf, codec: FrontCodec, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    getattr(codec, missing).unlink()
    with caplog.at_level(logging.WARNING):
        shelf.models().log(shelf.run(), SWEEP, codec)
    assert f"{getattr(codec, missing)} does not exist" in caplog.text
    assert shelf.stored() == []


def test_a_model_that_left_the_front_is_tagged(shelf: Shelf, codec: FrontCodec) -> None:
    models = shelf.models()
    models.log(shelf.run("t0042"), SWEEP, codec)
    models.log(shelf.run("t0043"), SWEEP, replace(codec, trial_id="t0043"))
    models.log(shelf.run("t0042"), "of another sweep", codec)
    models.mark_front(SWEEP, {"t0043"})
    tags = {
        (model.tags["sweep_id"], model.tags["trial_id"]): model.tags["pareto"] for model in shelf.stored()
    }
    assert tags == {
        (SWEEP, "t0042"): "false",
        (SWEEP, "t0043"): "true",
        ("of another sweep", "t0042"): "true",
    }


def test_nothing_is_registered_without_a_name(shelf: Shelf, codec: FrontCodec) -> None:
    shelf.models().log(shelf.run(), SWEEP, codec)
    assert list(shelf.client.search_registered_models()) == []


def test_each_codec_is_a_version_with_its_trial_as_alias(shelf: Shelf, codec: FrontCodec) -> None:
    run_ids = {trial_id: shelf.run(trial_id) for trial_id in ("t0042", "t0007")}
    for trial_id, run_id in run_ids.items():
        shelf.models("my digits").log(run_id, SWEEP, replace(codec, trial_id=trial_id))
    versions = shelf.versions("my digits")
    assert {trial_id: version.run_id for trial_id, version in versions.items()} == run_ids
    assert versions["t0007"].tags["accuracy"] == "0.975"
    assert versions["t0007"].tags["sweep_id"] == SWEEP
    assert "t0007 label: 8.125 bit/sample" in versions["t0007"].description
    registered = shelf.client.get_registered_model("my digits")
    assert registered.aliases == {"t0042": 1, "t0007": 2}
    assert "models:/my digits@t0042" in registered.description
    links = {model.tags["trial_id"]: model.tags["mlflow.modelVersions"] for model in shelf.stored()}
    assert json.loads(links["t0007"]) == [{"name": "my digits", "version": 2}]


def test_the_newer_of_two_sweeps_gets_the_alias(shelf: Shelf, codec: FrontCodec) -> None:
    earlier, later = shelf.run(), shelf.run()
    for run_id, sweep in ((earlier, "earlier"), (later, "later"), (earlier, "earlier")):
        shelf.models("digits").log(run_id, sweep, codec)
    version = shelf.client.get_model_version_by_alias("digits", "t0042")
    assert (version.run_id, version.tags["sweep_id"]) == (later, "later")
    assert len(shelf.client.search_model_versions("name = 'digits'")) == 2


@pytest.mark.parametrize("trial_id", ["LATEST", "v3", "a.b"])
def test_a_trial_id_that_cannot_be_an_alias_gets_none(shelf: Shelf, codec: FrontCodec, trial_id: str) -> None:
    models, run_id = shelf.models("digits"), shelf.run(trial_id)
    models.log(run_id, SWEEP, replace(codec, trial_id=trial_id))
    assert shelf.client.get_registered_model("digits").aliases == {}
    assert list(shelf.versions("digits")) == [trial_id]


@pytest.mark.parametrize("name", ["digits", "my digits", "digits_2026-11.a", "ä", "7", "x" * 256])
def test_valid_model_names_are_accepted(shelf: Shelf, name: str) -> None:
    check_model_name(name)
    assert shelf.client.create_registered_model(name).name == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "a/b", "a:b", "a@b", "it's", 'a"b', "a%b", "a?b", "a#b", " a", "a\n", "x" * 257],
)
def test_bad_model_names_are_refused_before_anything_is_sent(name: str) -> None:
    with pytest.raises(InputError, match="is no name for one"):
        CodecModels(Broken(None, ""), "0", name)


_LOG = """
import json, sys
from pathlib import Path
from ratefront.tracking.mlflow.codec_models import CodecModels
from ratefront.tracking.mlflow.mlflow_store import MlflowStore
from ratefront.tracking.tracker_protocol import FrontCodec

store = MlflowStore(sys.argv[1], "ratefront")
run = store.client.create_run(store.experiment_id)
store.client.set_terminated(run.info.run_id)
folder = Path(sys.argv[2])
codec = FrontCodec("t0042", "label", folder / "codec.json", folder / "codec.safetensors", 150, 8.0, 0.9)
CodecModels(store.client, store.experiment_id, "digits").log(run.info.run_id, "s", codec)
assert "torch" not in sys.modules, "a driver needs none"
"""


@pytest.mark.slow
def test_logging_a_model_loads_no_torch_and_prints_nothing(
    mlflow_place: MlflowPlace, codec: FrontCodec, tmp_path: Path
) -> None:
    """The driver's own folder neither gives files to the model (MLflow looks for projects) nor is given any."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("uv.lock", "pyproject.toml"):
        (here / name).write_text("[project]\nname = 'private'\n")
    command = [sys.executable, "-c", _LOG, mlflow_place.uri, str(codec.config.parent)]
    ended = subprocess.run(command, capture_output=True, cwd=here, text=True, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert sorted(path.name for path in here.iterdir()) == ["pyproject.toml", "uv.lock"]
    kept = [path.name for path in (tmp_path / "mlartifacts").rglob("*")]
    assert "MLmodel" in kept
    assert "uv.lock" not in kept


_PREDICT = """
import json, sys
import mlflow, numpy

digits, measured = numpy.load(sys.argv[1]), []
for uri in sys.argv[2:]:
    predicted = mlflow.pyfunc.load_model(uri).predict(digits["images"])
    sizes = predicted["payload_bytes"].mean(), predicted["bytes"].mean()
    measured.append([float((predicted["class"] == digits["labels"]).mean()), *(8 * size for size in sizes)])
print(json.dumps(measured))
"""


@pytest.mark.slow
def test_a_fresh_process_predicts_what_the_trial_recorded(
    shelf: Shelf, task_model_folder: Path, tmp_path: Path
) -> None:
    import numpy as np

    from ratefront.data.load_dataset import load_dataset
    from ratefront.store.sweep_folder import SweepFolder
    from ratefront.trial.run_trial import run_trial
    from ratefront.trial.trial_context import TrialContext
    from ratefront.trial_records import TrialParams

    spec, folder = small_sweep_spec(training={"epochs": 5}), SweepFolder(task_model_folder.parent)
    params = TrialParams("p0", 0, CODEC_CONFIGURATIONS["split-categorical"])
    test, files = run_trial(params, TrialContext(spec, folder.path)).test, folder.trial("p0")
    figures = (spec.block_size, test.rate_bits, test.accuracy)
    codec = FrontCodec("p0", "split", files.codec_config, files.codec_weights, *figures)
    shelf.models("digits").log(shelf.run("p0"), SWEEP, codec)
    split = load_dataset(spec.dataset).test
    np.savez(tmp_path / "digits.npz", images=split.images[:], labels=split.labels)
    for predicted in _predicted(shelf, tmp_path / "digits.npz", "models:/digits/1", "models:/digits@p0"):
        assert predicted[0] == test.accuracy
        assert predicted[1:] == pytest.approx([test.rate_bits, test.rate_total_bits], rel=1e-12)


def _predicted(shelf: Shelf, digits: Path, *uris: str) -> list[list[float]]:
    """Accuracy, rate and rate with all overhead, from a process that knows the store's address alone and may read
    no pickle.
    """
    environment = {"MLFLOW_TRACKING_URI": shelf.uri, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PREDICT, str(digits), *uris],
        stdout=subprocess.PIPE,
        cwd=digits.parent,
        env=os.environ | environment,
        text=True,
        timeout=300,
        check=True,
    )
    predicted: list[list[float]] = json.loads(ended.stdout)
    assert len(predicted) == len(uris)
    return predicted
