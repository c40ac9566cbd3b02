"""A trial that starts from another trial's weights: what it takes over, and what happens where it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.small_sweep import CODEC_CONFIGURATIONS
from tests.trial.trial_bits import result_bits, trial_params

from ratefront.codecs.codec_files import codec_structure, load_family, save_codec
from ratefront.codecs.codec_interface import Codec, CodecStructure, Learner
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables
from ratefront.codecs.reduction import with_float_weights
from ratefront.codecs.starting_weights import start_from_codec
from ratefront.data.load_dataset import load_dataset
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.trial import run_trial as run_module
from ratefront.trial.run_trial import run_trial, trial_steps
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import STARTED_FROM_NEIGHBOUR, TrialParams, TrialResult

pytestmark = pytest.mark.medium

EXAMPLE, NEIGHBOUR = "split-categorical", "neighbour"
LEARNED = sorted(name for name, values in CODEC_CONFIGURATIONS.items() if "beta" in values)


@pytest.fixture(scope="module")
def with_neighbour(
    context: TrialContext, short_context: TrialContext, tmp_path_factory: pytest.TempPathFactory
) -> TrialContext:
    """A sweep's folder with one finished trial of 12 epochs; not to be changed. Others have 5."""
    folder = tmp_path_factory.mktemp("sweep") / "own"
    shutil.copytree(SweepFolder(short_context.folder).task_model, folder / "task_model")
    run_trial(trial_params(EXAMPLE, NEIGHBOUR), replace(context, folder=folder))
    return replace(short_context, folder=folder)


@pytest.fixture
def own(with_neighbour: TrialContext, tmp_path: Path) -> TrialContext:
    """A copy of that folder which a test may change."""
    return replace(with_neighbour, folder=Path(shutil.copytree(with_neighbour.folder, tmp_path / "own")))


def _params(trial_id: str = "t0001", starts_from: str = NEIGHBOUR, **changes: Any) -> TrialParams:
    values = {**CODEC_CONFIGURATIONS[EXAMPLE], "beta": 90.0, **changes}
    return TrialParams(trial_id, 5, values, starts_from)


def _run(params: TrialParams, context: TrialContext) -> tuple[list[float], TrialResult, dict[str, Any]]:
    """Run a trial; return the loss of each epoch, the result, and its bits."""
    losses: list[float] = []
    result = run_trial(params, context, lambda progress: losses.append(progress.metrics["loss"]))
    return losses, result, result_bits(context.folder, params.trial_id, result)


def test_a_trial_starts_where_its_neighbour_ended(own: TrialContext) -> None:
    cold = _run(_params("t0001", ""), own)
    warm = _run(_params("t0002"), own)
    again = _run(_params("t0003"), own)
    assert warm[2] == again[2], "it follows from its values, its seed and the neighbour's codec"
    assert warm[2]["codec.safetensors"] != cold[2]["codec.safetensors"]
    assert warm[1].extra[STARTED_FROM_NEIGHBOUR] == 1
    assert STARTED_FROM_NEIGHBOUR not in cold[1].extra
    # Although the rate's weight is 1 from the start, and 0 in the first epoch from scratch.
    assert warm[0][0] < cold[0][0], "the loss of the first epoch"


def _remove(files: Any) -> None:
    files.codec_weights.unlink()


def _truncate(files: Any) -> None:
    files.codec_weights.write_bytes(files.codec_weights.read_bytes()[:-100])


def _lose_a_tensor(files: Any) -> None:
    tensors = load_file(files.codec_weights)
    save_file({name: tensor for name, tensor in tensors.items() if ".g_s." not in name}, files.codec_weights)


def _spoil_a_tensor(files: Any) -> None:
    tensors = load_file(files.codec_weights)
    name = next(name for name in tensors if ".g_s." in name)
    save_file(tensors | {name: torch.full_like(tensors[name], torch.nan)}, files.codec_weights)


def _change_an_architecture(files: Any) -> None:
    content = json.loads(files.codec_config.read_text())
    content["parameters"]["width"] = 3
    files.codec_config.write_text(json.dumps(content))


HURDLES: list[Callable[[Any], None]] = [
    _remove,
    _truncate,
    _lose_a_tensor,
    _spoil_a_tensor,
    _change_an_architecture,
    lambda files: files.codec_config.write_text("{"),
    lambda files: files.codec_config.write_text("[]"),
    lambda files: shutil.rmtree(files.path),
]


@pytest.mark.parametrize("hurdle", HURDLES)
def test_a_trial_whose_neighbour_is_unusable_says_so(
    own: TrialContext, hurdle: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    """It is then the trial from scratch, to the bit, and its result says that it is."""
    spec = own.spec.model_copy(update={"training": own.spec.training.model_copy(update={"epochs": 1})})
    short = replace(own, spec=spec)
    cold = _run(_params("t0001", ""), short)
    hurdle(SweepFolder(own.folder).trial(NEIGHBOUR))
    warm = _run(_params("t0002"), short)
    assert warm[1].extra[STARTED_FROM_NEIGHBOUR] == 0
    assert warm[2] == cold[2]
    assert "trial t0002 starts from scratch: " in caplog.text


def test_a_resumed_attempt_does_not_load_the_neighbour_again(
    own: TrialContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_TIME_SHARE", 1e9)  # save after every epoch
    _, undisturbed, bits = _run(_params("t0001"), own)
    params = _params("t0002")
    attempt = trial_steps(params, own)
    for _ in range(3):
        next(attempt)
    attempt.close()
    shutil.rmtree(SweepFolder(own.folder).trial(NEIGHBOUR).path)
    losses, result, resumed = _run(params, own)
    assert len(losses) == 3, "the epochs that are left"
    assert resumed == bits
    assert result.extra == undisturbed.extra


def _untrained(
    context: TrialContext, example: str, seed: int, beta: float
) -> tuple[Codec, Learner, CodecStructure]:
    values, data = {**CODEC_CONFIGURATIONS[example], "beta": beta}, load_dataset(context.spec.dataset)
    structure = codec_structure(
        {name: value for name, value in values.items() if name != "family"}, context.spec.task_model, data
    )
    torch.manual_seed(seed)
    family = load_family(values["family"])
    codec = family.build(structure)
    task_model = load_task_model(context.spec, SweepFolder(context.folder).task_model)
    learner = family.learner(codec, structure, task_model, data)
    assert learner is not None
    return codec, learner, structure


@pytest.mark.parametrize("example", LEARNED)
def test_every_learned_codec_takes_all_that_is_trained(
    short_context: TrialContext, example: str, tmp_path: Path
) -> None:
    """As it is stored, and nothing else: tables stay empty, and what is frozen stays as it was."""
    stored, its_learner, structure = _untrained(short_context, example, 1, 50.0)
    its_learner.finish()
    family = str(CODEC_CONFIGURATIONS[example]["family"])
    files = tmp_path / "codec.json", tmp_path / "codec.safetensors"
    save_codec(stored, family, structure, *files)
    codec, learner, structure = _untrained(short_context, example, 2, 70.0)
    before = {name: tensor.clone() for name, tensor in codec.state_dict().items()}
    trained = {id(p) for group in learner.parameter_groups(1.0) for p in group["params"]}
    names = {name for name, parameter in codec.named_parameters() if id(parameter) in trained}
    assert len(names) == len(trained), "all of it is in the codec"
    assert any("prior" in name for name in names), "the densities too"
    start_from_codec(codec, learner, family, structure, *files)
    weights = with_float_weights(stored.state_dict())
    for name, tensor in codec.state_dict().items():
        due = weights[name] if name in names else before[name]
        assert torch.equal(tensor, due), name
    assert all(not tables.size.any() for tables in codec.modules() if isinstance(tables, QuantizedTables))
