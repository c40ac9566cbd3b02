"""A codec that sends decisions is decoded to those of the stored weights, but for ties; else the trial fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from torch import Tensor
from torch.nn import functional as F

from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.codecs.label.label_family import LabelFamily
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DisagreementError
from ratefront.store.sweep_folder import SweepFolder
from ratefront.task_models.architectures.small_cnn import SmallCNN
from ratefront.task_models.stored_task_model import load_task_model_uncached
from ratefront.task_models.task_model import predict_logits
from ratefront.trial.checks.score_ties import RankedClasses, count_ties
from ratefront.trial.receiver import Decoded, decode_file
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TIES, TrialParams, TrialResult

BIAS, WEIGHT = "stages.classifier.bias", "stages.classifier.weight"
LABELS = ["label-lossless", "label-merged", "label-time-shared"]
Change = Callable[[dict[str, Tensor]], None]


def _run(context: TrialContext, example: str) -> TrialResult:
    return run_trial(TrialParams("t", 0, CODEC_CONFIGURATIONS[example]), context)


@pytest.fixture
def copied_context(context: TrialContext, tmp_path: Path) -> TrialContext:
    """A sweep's folder whose task model may be changed."""
    shutil.copytree(SweepFolder(context.folder).task_model, SweepFolder(tmp_path).task_model)
    return TrialContext(context.spec, tmp_path)


def _change_weights(context: TrialContext, change: Change) -> None:
    path = SweepFolder(context.folder).task_model / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def _predict_anew(context: TrialContext) -> None:
    """Store the predictions of the weights as they are now."""
    folder, data = SweepFolder(context.folder).task_model, load_dataset(context.spec.dataset)
    model = load_task_model_uncached(context.spec, folder)
    logits = {f"logits_{n}": predict_logits(model, getattr(data, n).images) for n in ("validation", "test")}
    np.savez(folder / "predictions.npz", **{name: value.numpy() for name, value in logits.items()})


def _spoil_codec(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Let the label codec work with other weights than the stored ones."""
    learner = LabelFamily.learner

    def spoiling(self: LabelFamily, codec: LabelCodec, *others: Any) -> None:
        learner(self, codec, *others)
        with torch.no_grad():
            change(dict(codec.task_model.state_dict()))

    monkeypatch.setattr(LabelFamily, "learner", spoiling)


@pytest.mark.parametrize("example", LABELS)
def test_the_task_models_own_decisions_pass(context: TrialContext, example: str) -> None:
    threads = torch.get_num_threads()
    assert _run(context, example).extra[TIES] == 0
    assert torch.get_num_threads() == threads


def test_codecs_with_other_decisions_count_no_ties(short_context: TrialContext) -> None:
    assert TIES not in _run(short_context, "image-jpeg").extra


def _too_large(tensors: dict[str, Tensor]) -> None:
    """Spoil the first tensor: multiply it by 2¹⁶."""
    next(iter(tensors.values())).mul_(2.0**16)


def _one_bias(tensors: dict[str, Tensor]) -> None:
    tensors[BIAS][3] += 2


@pytest.mark.parametrize("spoil", [_too_large, _one_bias])
def test_weights_spoiled_on_disk_fail_the_trial_and_are_no_collapse(
    copied_context: TrialContext, spoil: Change
) -> None:
    """The spoiled weights decide what is decoded, but the bounds were computed from other weights."""
    _change_weights(copied_context, spoil)
    with pytest.raises(
        DisagreementError, match=r"validation: of \d+ of \d+ samples the stored weights .* were spoiled"
    ) as caught:
        _run(copied_context, "label-lossless")
    assert not caught.value.retryable


@pytest.mark.parametrize("example", LABELS)
def test_a_codec_with_other_weights_than_the_task_model_fails(
    context: TrialContext, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    _spoil_codec(monkeypatch, _one_bias)
    with pytest.raises(
        DisagreementError, match=r"decoded classes are not those .*: \d+ of \d+ samples .* behind by"
    ):
        _run(context, example)


def test_a_few_samples_reveal_spoiled_weights(context: TrialContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference is a hundredth of a logit, as from one more rounding to half precision."""
    _spoil_codec(monkeypatch, lambda tensors: tensors[BIAS].add_(torch.linspace(0, 0.3, 10)))
    with pytest.raises(DisagreementError, match=r": (1|2|3|4|5|6|7|8|9|1\d) of \d+ samples"):
        _run(context, "label-lossless")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_network_that_became_random_fails_the_trial(
    copied_context: TrialContext, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """Without the check each run would have another accuracy.

    In the first trial of a process the run of the stored weights shows it, in later ones what they decode.
    """
    if not is_first:
        _run(copied_context, "label-lossless")
    forward = SmallCNN.forward
    monkeypatch.setattr(SmallCNN, "forward", lambda self, x: forward(self, F.dropout(x, 0.2)))
    message = "random or depends on the batch" if is_first else "decoded classes are not those"
    with pytest.raises(DisagreementError, match=message):
        _run(copied_context, "label-lossless")


def _twins(tensors: dict[str, Tensor]) -> None:
    """Give class 8 the score of class 3, for every sample."""
    for name in (BIAS, WEIGHT):
        tensors[name][8] = tensors[name][3]


def test_ties_pass_and_are_counted(copied_context: TrialContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task model decides for the first of two classes that tie; the codec, off by a rounding, sends the other."""
    _change_weights(copied_context, _twins)
    _predict_anew(copied_context)
    data, model = (
        load_dataset(copied_context.spec.dataset),
        load_task_model_uncached(copied_context.spec, copied_context.folder / "task_model"),
    )
    decided = [predict_logits(model, s.images).argmax(dim=1) for s in (data.validation, data.test)]
    threes = sum(int((classes == 3).sum()) for classes in decided)
    _spoil_codec(monkeypatch, lambda tensors: tensors[BIAS][8].add_(4e-6))
    assert _run(copied_context, "label-lossless").extra[TIES] == threes > 40


@pytest.mark.parametrize("nudge", [0.02, 0.5])
def test_logits_further_apart_than_rounding_are_no_tie(
    copied_context: TrialContext, monkeypatch: pytest.MonkeyPatch, nudge: float
) -> None:
    _change_weights(copied_context, _twins)
    _change_weights(copied_context, lambda tensors: tensors[BIAS][8].sub_(nudge / 2))
    _predict_anew(copied_context)
    _spoil_codec(monkeypatch, lambda tensors: tensors[BIAS][8].add_(nudge))
    with pytest.raises(DisagreementError, match="expected 3"):
        _run(copied_context, "label-lossless")


def test_predictions_of_another_data_set_fail_the_trial(copied_context: TrialContext) -> None:
    path = SweepFolder(copied_context.folder).task_model / "predictions.npz"
    with np.load(path) as arrays:
        cut = {name: array[1:] for name, array in arrays.items()}
    np.savez(path, **cut)
    with pytest.raises(DisagreementError, match="another data set's"):
        _run(copied_context, "label-lossless")


class _Unsure:
    """A receiver whose network drops units: one class in twenty is another one."""

    def decode(self, config: Path, weights: Path, streams: Sequence[Path], folder: Path) -> list[Decoded]:
        decoded = [decode_file(config, weights, stream) for stream in streams]
        for classes in decoded:
            classes[::20] = (classes[::20] + 1) % 10
        return [*map(Decoded, decoded)]


@pytest.mark.parametrize("example", ["split-categorical", "image-jpeg"])
def test_a_receiver_that_decodes_other_classes_fails_the_trial(
    monkeypatch: pytest.MonkeyPatch, context: TrialContext, example: str
) -> None:
    monkeypatch.setattr("ratefront.trial.run_trial.shared_receiver", _Unsure)
    short = TrialContext(small_sweep_spec(training={"epochs": 1}), context.folder)
    with pytest.raises(DisagreementError, match=r"the receiver's classes .* \d+ of \d+ samples"):
        _run(short, example)


SCORES = torch.tensor([[1.0, 5.0, 5.0 - 4e-6, 0.0], [9.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0]])


def _as_they_are(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    return classes


@pytest.mark.parametrize(
    ("decoded", "ties"), [([1, 0, 0], 0), ([2, 0, 0], 1), ([1, 0, 3], 1), ([2, 0, 1], 2)]
)
def test_only_ties_may_be_exchanged(decoded: list[int], ties: int) -> None:
    assert count_ties(RankedClasses.from_scores(SCORES), np.array(decoded), _as_they_are, 1e-5, "it") == ties


@pytest.mark.parametrize("decoded", [[0, 0, 0], [1, 3, 0], [2, 2, 1]])
def test_decoded_classes_that_do_not_tie_are_counted_and_named(decoded: list[int]) -> None:
    with pytest.raises(DisagreementError, match="it: 1 of 3 samples"):
        count_ties(RankedClasses.from_scores(SCORES), np.array(decoded), _as_they_are, 1e-5, "it")


def test_classes_that_are_merged_count_as_the_same() -> None:
    def merged(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([0, 2, 2, 0])[classes]

    ranked = RankedClasses.from_scores(SCORES)
    assert count_ties(ranked, np.array([2, 0, 0]), merged, 1e-5, "it") == 0
    with pytest.raises(DisagreementError, match="expected 2"):
        count_ties(ranked, np.array([1, 0, 0]), merged, 1e-5, "it")


def test_a_score_that_is_nan_ties_with_none() -> None:
    ranked = RankedClasses.from_scores(torch.tensor([[0.0, torch.nan, 1.0]]))
    assert count_ties(ranked, np.array([1]), _as_they_are, 1e-5, "it") == 0
    with pytest.raises(DisagreementError):
        count_ties(ranked, np.array([2]), _as_they_are, 1e-5, "it")
