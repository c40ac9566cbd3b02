"""Exported codecs of every family that can be exported, run by another process that knows nothing of ratefront."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.export.conftest import ExportedSweep
from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.data.load_dataset import load_dataset
from ratefront.errors import InputError
from ratefront.export.export_trial import Export, export_trial
from ratefront.trial.stored_codec import load_stored_codec

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("short_recovery")]

EXPORTED = [
    "label-merged",
    "label-time-shared",
    "label-small-int8",
    "label-pruned",
    "split-factorized",
    "split-categorical",
    "split-map-cosine",
    "split-structured",
    "split-unstructured",
    "student-int8",
    "image-learned",
]

#: As a deployer runs both files: each sample alone, and no ratefront, no torch.
DEPLOYED = """
import sys
import numpy as np, onnxruntime
folder, samples = sys.argv[1], np.load(sys.argv[2])
transmitter, receiver = (onnxruntime.InferenceSession(f"{folder}/{h}.onnx") for h in ("transmitter", "receiver"))
latents = [transmitter.run(None, {"samples": one[None]})[0] for one in samples]
received = receiver.run(None, {"latents": np.concatenate(latents)})[0]
assert not {"ratefront", "torch"} & set(sys.modules)
np.savez(sys.argv[3], latents=np.concatenate(latents), received=received)
"""


@pytest.mark.parametrize("name", EXPORTED)
def test_both_halves_run_in_another_process(
    exported: Callable[[str], Export], exported_sweep: ExportedSweep, name: str, tmp_path: Path
) -> None:
    export, images = exported(name), load_dataset(exported_sweep.context.spec.dataset).test.images[:40]
    np.save(tmp_path / "x.npy", images)
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        DEPLOYED,
        export.folder,
        tmp_path / "x.npy",
        tmp_path / "y.npz",
    ]
    subprocess.run(command, check=True, timeout=120)
    found = np.load(tmp_path / "y.npz")
    codec = load_stored_codec(exported_sweep.files(name)).module
    own = codec.analyse(_tensor(images))
    sent = codec._is_sent(40, 0) if codec.uses_position else np.ones(40, dtype=bool)
    apart = (found["latents"] != own)[sent].sum()
    assert (
        apart <= export.check.latents_apart + 1
    )  # alone, a sample may be rounded in another way than in a batch
    decided = found["received"] if found["received"].ndim == 1 else found["received"].argmax(axis=1)
    same = (found["latents"] == own).all(axis=1) & sent
    assert (decided == codec.classify(own).numpy())[same].mean() > 0.97


def _tensor(images: np.ndarray) -> object:
    import torch

    return torch.from_numpy(images.copy())


@pytest.mark.parametrize("name", EXPORTED)
def test_the_check_finds_what_the_trial_had_measured(exported: Callable[[str], Export], name: str) -> None:
    export = exported(name)
    check, test = export.check, export.result.test
    assert check.samples == test.samples
    assert check.samples_apart <= check.latents_apart <= 3
    assert check.value_deviation < 2**-14
    if not check.latents_apart:
        assert check.rate_bits == test.rate_bits
    if not check.classes_apart:
        assert check.accuracy == test.accuracy


@pytest.mark.parametrize("name", EXPORTED)
def test_the_manifest_describes_the_files(exported: Callable[[str], Export], name: str) -> None:
    export = exported(name)
    manifest = json.loads((export.folder / "manifest.json").read_text())
    assert {path.name for path in export.folder.iterdir()} == {*manifest["files"], "manifest.json"}
    for file, facts in manifest["files"].items():
        content = (export.folder / file).read_bytes()
        assert (facts["bytes"], facts["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    for half in ("transmitter", "receiver"):
        graph = onnx.load(export.folder / manifest[half]["file"]).graph
        for side, values in (("input", graph.input), ("output", graph.output)):
            (value,) = values
            shape = value.type.tensor_type.shape.dim
            assert value.name == manifest[half][side]["name"]
            assert [d.dim_value for d in shape[1:]] == manifest[half][side]["shape"][1:]
            assert shape[0].dim_param
    assert manifest["parameters"] == CODEC_CONFIGURATIONS[name] | manifest["parameters"]
    assert manifest["check"]["accuracy"] == export.check.accuracy


@pytest.mark.parametrize("name", EXPORTED)
def test_files_are_small_and_name_nothing_of_this_machine(
    exported: Callable[[str], Export], name: str
) -> None:
    export = exported(name)
    content = (export.folder / "transmitter.onnx").read_bytes()
    dense = (
        2 * export.result.transmitter_bytes
        if name == "split-unstructured"
        else export.result.transmitter_bytes
    )
    assert len(content) < dense + 6000
    for path in export.folder.iterdir():
        data = path.read_bytes()
        assert str(Path(__file__).parents[2]).encode() not in data, path
        assert b"site-packages" not in data, path


def test_a_second_export_has_the_same_bytes(
    exported: Callable[[str], Export], exported_sweep: ExportedSweep, tmp_path: Path
) -> None:
    first = exported("split-factorized")
    again = export_trial(
        exported_sweep.folder, exported_sweep.history, exported_sweep.trial("split-factorized"), tmp_path
    )
    for path in first.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes()


REFUSED = {
    "sample-communicate": "family sample: what such a codec sends is not the output of a network",
    "image-png": "family image: what such a codec sends is not the output of a network",
    "split-factorized-sga": "family split: its latents are refined for each sample",
    "split-mean-scale": "family split: its entropy model chooses a table for each latent",
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_codecs_are_refused_with_the_reason(
    exported_sweep: ExportedSweep, name: str, tmp_path: Path
) -> None:
    trial_id = exported_sweep.trial(name)
    with pytest.raises(InputError, match=REFUSED[name]) as caught:
        export_trial(exported_sweep.folder, exported_sweep.history, trial_id, tmp_path / "out")
    assert "what can be exported: label, split and student" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_left_alone(exported_sweep: ExportedSweep, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(InputError, match="it is in use"):
        export_trial(
            exported_sweep.folder, exported_sweep.history, exported_sweep.trial("label-merged"), tmp_path
        )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_missing_packages_are_named(
    exported_sweep: ExportedSweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"needs onnxscript, .*: pip install 'ratefront\[onnx\]'"):
        export_trial(exported_sweep.folder, exported_sweep.history, "t0000", tmp_path / "out")
