"""A codec as an MLflow model, loaded from its folder: recorded figures, checked input, no foreign code by accident."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront.codecs.codec_files import load_family, save_codec
from ratefront.codecs.codec_interface import CodecStructure
from ratefront.data.dataset import Split
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.mlflow.model_folder import write_model
from ratefront.tracking.tracker_protocol import FrontCodec
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams, TrialResult

SPEC = small_sweep_spec(training={"epochs": 5})
USER_MODULE = """
from collections import OrderedDict
from torch import nn

def two(classes, shape):
    return nn.Sequential(OrderedDict(flat=nn.Flatten(), classifier=nn.Linear(64, classes)))
"""


def _load(folder: Path, codec: FrontCodec, **options: Any) -> Any:
    from mlflow import pyfunc
    from mlflow.models import Model

    write_model(folder, Model(), codec, {})
    return pyfunc.load_model(str(folder), **options)


@pytest.fixture(scope="module")
def result(task_model_folder: Path) -> TrialResult:
    """The result of a split codec that was trained for five epochs."""
    context = TrialContext(SPEC, task_model_folder.parent)
    return run_trial(TrialParams("m0", 0, CODEC_CONFIGURATIONS["split-factorized"]), context)


@pytest.fixture(scope="module")
def codec(result: TrialResult, task_model_folder: Path) -> FrontCodec:
    files = SweepFolder(task_model_folder.parent).trial("m0")
    return FrontCodec(
        trial_id="m0",
        family="split",
        config=files.codec_config,
        weights=files.codec_weights,
        block_size=SPEC.block_size,
        rate_bits=result.test.rate_bits,
        accuracy=result.test.accuracy,
    )


@pytest.fixture(scope="module")
def model(codec: FrontCodec, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _load(tmp_path_factory.mktemp("model") / "model", codec)


@pytest.fixture(scope="module")
def test_split() -> Split:
    return load_dataset(SPEC.dataset).test


def test_a_model_has_the_recorded_accuracy_and_rates(
    model: Any, result: TrialResult, test_split: Split
) -> None:
    predicted = model.predict(test_split.images[:])
    assert list(predicted.columns) == ["class", "bytes", "payload_bytes"]
    assert predicted["class"].dtype == np.int64
    assert (predicted["class"] == test_split.labels).mean() == result.test.accuracy
    assert 8 * predicted["bytes"].mean() == pytest.approx(result.test.rate_total_bits, rel=1e-12)
    assert 8 * predicted["payload_bytes"].mean() == pytest.approx(result.test.rate_bits, rel=1e-12)


def test_samples_can_be_coded_one_by_one(model: Any, codec: FrontCodec, test_split: Split) -> None:
    predicted = model.predict(test_split.images[:40], params={"block_size": 1})
    alone = np.load(codec.config.with_name("samples.npz"))["bits_alone"]
    assert np.array_equal(8 * predicted["payload_bytes"], alone[:40])


def test_a_models_example_can_be_coded(model: Any) -> None:
    assert len(model.predict(model.input_example)) == 1


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((2, 1, 8, 8)), "float64 does not match expected dtype float32"),
        (np.zeros((2, 1, 9, 8), np.float32), "does not match expected shape"),
        (np.full((2, 1, 8, 8), 255, np.float32), r"in \[0, 1\]"),
    ],
)
def test_samples_that_do_not_fit_are_refused(model: Any, samples: np.ndarray, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        model.predict(samples)


@pytest.fixture
def codec_of_user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrontCodec:
    """A codec whose task model is Python code; ``their_code`` is in no process before it runs."""
    (tmp_path / "their_code.py").write_text(USER_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    structure = CodecStructure(
        {"method": "lossless"}, {"name": "module", "target": "their_code:two"}, 10, (1, 8, 8)
    )
    config, weights = tmp_path / "codec.json", tmp_path / "codec.safetensors"
    save_codec(load_family("label").build(structure), "label", structure, config, weights)
    monkeypatch.delitem(sys.modules, "their_code")
    return FrontCodec("t0000", "label", config, weights, 10, 1.0, 0.5)


def test_code_that_a_codec_names_is_not_run(codec_of_user_module: FrontCodec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'their_code:two'.*\(model_config=\{\"own_module\": True\}\)"):
        _load(tmp_path / "model", codec_of_user_module)
    assert "their_code" not in sys.modules


@pytest.mark.parametrize("word", ["yes", 1, "true"])
def test_only_true_allows_the_users_code_to_run(
    codec_of_user_module: FrontCodec, tmp_path: Path, word: object
) -> None:
    with pytest.raises(InputError, match="own_module"):
        _load(tmp_path / "model", codec_of_user_module, model_config={"own_module": word})
    assert "their_code" not in sys.modules


@pytest.mark.parametrize("allowed_by", ["argument", "environment"])
def test_the_users_code_runs_where_it_is_allowed(
    codec_of_user_module: FrontCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed_by: str
) -> None:
    monkeypatch.setitem(sys.modules, "their_code", None)  # is put back as it was: not there
    monkeypatch.delitem(sys.modules, "their_code")
    if allowed_by == "environment":  # as for MLflow's own commands
        monkeypatch.setenv("MLFLOW_PYFUNC_INFERENCE_CONFIG", '{"own_module": true}')
    _load(
        tmp_path / "model",
        codec_of_user_module,
        model_config={"own_module": True} if allowed_by == "argument" else None,
    )
    assert "their_code" in sys.modules


def test_a_damaged_codec_is_refused(codec: FrontCodec, tmp_path: Path) -> None:
    described = json.loads(codec.config.read_text()) | {"version": 99}
    config = tmp_path / "codec.json"
    config.write_text(json.dumps(described))
    damaged = FrontCodec("t0000", "split", config, codec.weights, 10, 1.0, 0.5)
    with pytest.raises(InputError, match="version 99"):
        _load(tmp_path / "model", damaged)
