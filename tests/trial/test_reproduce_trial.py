"""A trial of a sweep run again: the same bits, or a line for what differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.permission_checks import permissions_apply
from tests.small_sweep import CODEC_CONFIGURATIONS
from tests.trial.real_sweep import RealSweep, real_sweep

from ratefront.errors import DivergedError, InputError, SweepMismatchError
from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory
from ratefront.spec.load_spec import spec_from_plain
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.input_digests import present_inputs
from ratefront.task_models.stored_task_model import read_ready_event
from ratefront.trial.reproduction import reproduce_trial as reproduce_module
from ratefront.trial.reproduction.reproduce_trial import reproduce
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import STARTED_FROM_NEIGHBOUR, TrialParams, TrialResult

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def shared(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RealSweep, str]:
    """A sweep with one trial that has finished; not to be changed."""
    sweep = real_sweep(tmp_path_factory.mktemp("shared") / "sweep", task_model_folder)
    return sweep, sweep.finish("split-categorical")


@pytest.fixture
def copied_sweep(shared: tuple[RealSweep, str], tmp_path: Path) -> tuple[SweepFolder, SweepHistory, str]:
    """A copy of that sweep which a test may change."""
    sweep, trial_id = shared
    copied = SweepFolder(shutil.copytree(sweep.folder.path, tmp_path / "own"))
    return copied, sweep.history, trial_id


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_trial_run_again_has_the_same_bits_and_changes_nothing(
    shared: tuple[RealSweep, str], tmp_path: Path
) -> None:
    sweep, trial_id = shared
    before, threads = _contents(sweep.folder.path), torch.get_num_threads()
    again = reproduce(sweep.folder, sweep.history, trial_id, tmp_path / "again")
    assert (again.differences, again.not_compared) == ((), ())
    assert again.result is not None
    assert again.result.trial_id == trial_id
    files = [folder.trial(trial_id).stream for folder in (sweep.folder, SweepFolder(tmp_path / "again"))]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert _contents(sweep.folder.path) == before
    assert torch.get_num_threads() == threads


@pytest.fixture(scope="module")
def warm(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RealSweep:
    """A sweep whose second trial has started from the first one, and whose third found no files there."""
    sweep = real_sweep(tmp_path_factory.mktemp("warm") / "sweep", task_model_folder)
    source = sweep.finish("split-categorical")
    sweep.finish("split-categorical", source)
    files = sweep.folder.trial(source)
    weights = files.codec_weights.read_bytes()
    files.codec_weights.unlink()
    sweep.finish("split-categorical", source)
    files.codec_weights.write_bytes(weights)
    return sweep


@pytest.mark.parametrize(("trial_id", "started"), [("t0001", 1.0), ("t0002", 0.0)])
def test_a_warm_started_trial_is_reproduced(
    warm: RealSweep, tmp_path: Path, trial_id: str, started: float
) -> None:
    """From the same starting weights, or from scratch where it had found none."""
    result = warm.history.trials[trial_id].result
    assert result is not None
    assert result.extra[STARTED_FROM_NEIGHBOUR] == started
    again = reproduce(warm.folder, warm.history, trial_id, tmp_path / "again")
    assert (again.differences, again.not_compared) == ((), ())


def test_a_warm_started_trial_needs_its_neighbours_codec(warm: RealSweep, tmp_path: Path) -> None:
    folder = SweepFolder(shutil.copytree(warm.folder.path, tmp_path / "own"))
    folder.trial("t0000").codec_config.unlink()
    with pytest.raises(InputError, match=r"codec.json is gone: trial t0001 started from .* of trial t0000"):
        reproduce(folder, warm.history, "t0001", tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert reproduce(folder, warm.history, "t0002", tmp_path / "scratch").differences == ()


def test_a_damaged_codec_of_the_neighbour_is_a_difference(warm: RealSweep, tmp_path: Path) -> None:
    folder = SweepFolder(shutil.copytree(warm.folder.path, tmp_path / "own"))
    folder.trial("t0000").codec_weights.write_bytes(b"damaged")
    differences = reproduce(folder, warm.history, "t0001", tmp_path / "again").differences
    assert "started_from_neighbour: 1.0 → 0.0" in differences


def test_each_difference_has_its_line(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path
) -> None:
    folder, history, trial_id = copied_sweep
    trial, files = history.trials[trial_id], folder.trial(trial_id)
    assert trial.result is not None
    test = replace(trial.result.test, accuracy=0.5, log_loss_bits=7.0, metrics={"own": 0.25})
    validation = replace(trial.result.validation, metrics={"own": None})
    trial.result = replace(
        trial.result, test=test, validation=validation, transmitter_bytes=77, encode_ms=1e6, train_seconds=1e6
    )
    files.stream.write_bytes(b"other bytes")
    samples = dict(np.load(files.samples))
    samples["decoded"][:3] = (samples["decoded"][:3] + 1) % 10
    np.savez_compressed(files.samples, **samples)
    differences = reproduce(folder, history, trial_id, tmp_path / "again").differences
    assert len(differences) == 6
    for line, (begin, end) in zip(
        differences,
        [
            ("stream.bin: sha256", "…"),
            ("samples.npz: 3 of 360", "decoded classes differ"),
            ("transmitter_bytes: 77 →", ""),
            ("test accuracy: 0.5 →", ""),
            ("test log_loss_bits: 7.0 →", ""),
            ("test own: 0.25 → None", ""),
        ],
        strict=True,
    ):
        assert line.startswith(begin)
        assert line.endswith(end)


def test_missing_files_are_named_and_the_rest_is_compared(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path
) -> None:
    folder, history, trial_id = copied_sweep
    shutil.rmtree(folder.trial(trial_id).path)
    again = reproduce(folder, history, trial_id, tmp_path / "again")
    assert again.differences == ()
    assert [line.partition(":")[0] for line in again.not_compared] == ["stream.bin", "samples.npz"]


def _samples(decoded: Any, length: int | None = None) -> bytes:
    """The file with this array, whose header may claim another length."""
    content, array = BytesIO(), BytesIO()
    np.save(array, np.asarray(decoded))
    claimed = array.getvalue() if length is None else array.getvalue().replace(b"(1,)", b"(%d,)" % length, 1)
    with ZipFile(content, "w") as archive:
        archive.writestr("decoded.npy", claimed)
    return content.getvalue()


@pytest.mark.parametrize(
    "damage", [b"no archive", b"", _samples([1], 10**16), _samples([1], -1), _samples(["x"]), _samples(3)]
)
def test_samples_that_cannot_be_read_are_a_difference(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path, damage: bytes
) -> None:
    folder, history, trial_id = copied_sweep
    folder.trial(trial_id).samples.write_bytes(damage)
    (line,) = reproduce(folder, history, trial_id, tmp_path / "again").differences
    assert line.startswith("samples.npz: cannot be read")


def test_a_trial_is_reproduced_with_its_own_resources(
    task_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These are the family's number of threads, the parts of its batches, and the sweep's task model."""
    resources = {"cpus": 1, "families": {"split": {"cpus": 3}}}
    sweep = real_sweep(tmp_path / "sweep", task_model_folder, resources=resources)
    trial_id = sweep.fail("split-categorical", "OutOfMemoryError", "CUDA out of memory", final=False)
    seen: dict[str, Any] = {}

    def run(params: Any, context: TrialContext) -> TrialResult:
        seen.update(threads=torch.get_num_threads(), divisor=context.batch_divisor, params=params)
        seen["task_model"] = _contents(SweepFolder(context.folder).task_model).values()
        raise DivergedError("seen enough")

    monkeypatch.setattr(reproduce_module, "run_trial", run)
    sweep.fake.append(events.Started(trial_id, 2, "w"))
    sweep.fake.append(events.Failed(trial_id, 2, "DivergedError", "the loss became nan", final=True))
    again = reproduce(sweep.folder, sweep.history, trial_id, tmp_path / "again")
    assert again == reproduce_module.Reproduction(None)
    assert (seen["threads"], seen["divisor"]) == (3, 2)
    assert seen["params"] == sweep.history.trials[trial_id].params
    assert list(seen["task_model"]) == list(_contents(task_model_folder).values())


def test_the_same_failure_is_no_difference(task_model_folder: Path, tmp_path: Path) -> None:
    training = {"epochs": 3, "learning_rate": 1e30}
    sweep = real_sweep(tmp_path / "sweep", task_model_folder, training=training)
    trial_id = sweep.fail("split-factorized", "DivergedError", "the loss became nan in epoch 1")
    again = reproduce(sweep.folder, sweep.history, trial_id, tmp_path / "again")
    assert (again.result, again.differences) == (None, ())
    other = sweep.fail("split-factorized", "WorkerLostError", "the worker died")
    again = reproduce(sweep.folder, sweep.history, other, tmp_path / "other")
    (line,) = again.differences
    assert "WorkerLostError" in line
    assert "DivergedError" in line


def test_a_memory_that_is_full_again_is_the_same_failure(
    task_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(reproduce_module, "run_trial", full)
    sweep = real_sweep(tmp_path / "sweep", task_model_folder)
    trial_id = sweep.fail("label-lossless", "OutOfMemoryError", "CUDA out of memory")
    again = reproduce(sweep.folder, sweep.history, trial_id, tmp_path / "again")
    assert again == reproduce_module.Reproduction(None)


def test_a_failure_that_does_not_repeat_itself_is_a_difference(
    task_model_folder: Path, tmp_path: Path
) -> None:
    sweep = real_sweep(tmp_path / "sweep", task_model_folder)
    trial_id = sweep.fail("label-lossless", "WorkerLostError", "the worker died")
    again = reproduce(sweep.folder, sweep.history, trial_id, tmp_path / "again")
    assert again.result is not None
    assert again.differences == ("it had failed with WorkerLostError (the worker died), now it is finished",)


def test_data_that_changed_since_the_sweep_are_refused_and_named(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path
) -> None:
    """The ledger has the digests; the task model in the folder is unchanged."""
    folder, history, trial_id = copied_sweep
    inputs = present_inputs(spec_from_plain(history.spec).spec)
    history.task_model = replace(read_ready_event(folder.task_model), inputs=inputs)
    assert reproduce(folder, history, trial_id, tmp_path / "again").differences == ()
    other = {**inputs, "dataset": "0" * 64}
    history.task_model = replace(history.task_model, inputs=other)
    with pytest.raises(SweepMismatchError, match="content of the data set digits has changed"):
        reproduce(folder, history, trial_id, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_trial_keeps_the_resources_that_it_ran_with(
    task_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that was resumed with other resources has trials of both."""
    sweep = real_sweep(tmp_path / "sweep", task_model_folder, resources={"cpus": 2})
    sweep.fail("label-lossless", "DivergedError", "as expected")
    sweep.fake.append(events.Reconfigured({"resources": {**sweep.history.spec["resources"], "cpus": 1.0}}))
    sweep.fail("label-lossless", "DivergedError", "as expected")
    threads = []

    def run(*_: object) -> None:
        threads.append(torch.get_num_threads())
        raise DivergedError("as expected")

    monkeypatch.setattr(reproduce_module, "run_trial", run)
    for trial_id in ("t0000", "t0001"):
        reproduce(sweep.folder, sweep.history, trial_id, tmp_path / f"again-{trial_id}")
    assert threads == [2, 1]


def test_a_trial_that_cannot_be_reproduced_is_refused(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], shared: tuple[RealSweep, str], tmp_path: Path
) -> None:
    folder, history, trial_id = copied_sweep
    out = tmp_path / "again"
    with pytest.raises(InputError, match=r"no trial 't000'; near it: t0000; valid: t0000 to t0000"):
        reproduce(folder, history, "t000", out)
    with pytest.raises(InputError, match="it has none yet"):
        reproduce(folder, SweepHistory(spec=history.spec), trial_id, out)
    with pytest.raises(InputError, match="own is in use"):
        reproduce(folder, history, trial_id, folder.path)
    history.trials[trial_id].status = "pruned"
    with pytest.raises(InputError, match="t0000 is pruned: only one that ran to its end"):
        reproduce(folder, history, trial_id, out)
    history.trials[trial_id].status = "finished"
    (folder.task_model / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="task_model is not as the sweep has left it"):
        reproduce(folder, history, trial_id, out)
    shutil.rmtree(folder.task_model)
    with pytest.raises(InputError, match="task_model is gone"):
        reproduce(folder, history, trial_id, out)
    assert not out.exists()


@pytest.mark.parametrize("forged", [{"width": -1}, {"width": "\ud800"}, {"more": 1}, {"beta": 1e300}])
def test_values_that_no_sweep_can_suggest_are_refused(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path, forged: dict[str, Any]
) -> None:
    folder, history, _ = copied_sweep
    trial_id = "t0001"
    params = TrialParams(trial_id, 0, {**CODEC_CONFIGURATIONS["split-categorical"], **forged})
    history.trials[trial_id] = replace(history.trials["t0000"], params=params)
    with pytest.raises(
        InputError, match=f"t0001 has values that its family does not take: .*{next(iter(forged))}"
    ):
        reproduce(folder, history, trial_id, tmp_path / "again")


def _spoil_weights(path: Path) -> None:
    spoiled = {name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(path).items()}
    save_file(spoiled, path)


FORGED: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "fact": (lambda folder: _write_facts(folder, "accuracy"), r"facts\.json: it lacks accuracy"),
    "identity": (lambda folder: _write_facts(folder, "identity"), "is not as the sweep has left it"),
    "checksums": (lambda folder: _write_facts(folder, "sha256"), "is not as the sweep has left it"),
    "type": (lambda folder: _write_facts(folder, warnings=[3]), r"facts\.json: warnings\.0: .*, got 3"),
    "weights": (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "these are not the weights"),
    "tensors": (
        lambda folder: save_file({"x": torch.zeros(1)}, folder / "model.safetensors"),
        "model.safetensors: these are not the weights of task_model small_cnn: .*Missing key",
    ),
    "NaN": (
        lambda folder: _spoil_weights(folder / "model.safetensors"),
        r"model\.safetensors: the weights .*conv1.* are not all finite",
    ),
    "logits": (
        lambda folder: np.savez(folder / "predictions.npz", logits_validation=np.zeros(3)),
        r"predictions\.npz: the logits cannot be read: .*logits_test",
    ),
    "shape": (
        lambda folder: np.savez(
            folder / "predictions.npz", logits_validation=np.zeros(3), logits_test=np.zeros(3)
        ),
        r"logits_validation must be float32 \(N, K\), got float64 \(3,\)",
    ),
}


def _write_facts(folder: Path, missing: str = "", **changes: Any) -> None:
    facts = json.loads((folder / "facts.json").read_text())
    kept = {name: value for name, value in facts.items() if name != missing}
    (folder / "facts.json").write_text(json.dumps({**kept, **changes}))


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_task_model_is_bad_input_and_no_other_result(
    task_model_folder: Path, tmp_path: Path, name: str
) -> None:
    """Its checksums are right, as a stranger can make them."""
    sweep = real_sweep(tmp_path / "sweep", task_model_folder)
    sweep.fail("label-lossless", "DivergedError", "once")
    history, folder = sweep.history, sweep.folder.task_model
    history.task_model = read_ready_event(folder)
    forge, why = FORGED[name]
    forge(folder)
    if name not in ("checksums", "fact", "identity", "type"):
        sums = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("[mp]*")}
        _write_facts(folder, sha256=sums)
    with pytest.raises(InputError, match=why):
        reproduce(sweep.folder, history, "t0000", tmp_path / "again")


@pytest.mark.parametrize(
    "file", ["task_model/model.safetensors", "trials/t0000/stream.bin", "trials/t0000/samples.npz"]
)
def test_a_file_that_may_not_be_read_is_no_altered_file(
    copied_sweep: tuple[SweepFolder, SweepHistory, str], tmp_path: Path, file: str
) -> None:
    folder, history, trial_id = copied_sweep
    (folder.path / file).chmod(0)
    with permissions_apply(), pytest.raises(PermissionError, match=file):
        reproduce(folder, history, trial_id, tmp_path / "again")
    assert not (tmp_path / "again").exists()
