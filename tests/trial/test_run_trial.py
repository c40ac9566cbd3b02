"""A trial from its parameters to its record and its files."""

from __future__ import annotations

import hashlib
import io
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec

from ratefront.bitstream.coded_stream import CodedStream
from ratefront.bounds import oracle_rate_bits
from ratefront.data.dataset import Split
from ratefront.data.load_dataset import load_dataset
from ratefront.errors import DivergedError, InputError, OracleViolationError, WorkerLostError
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.task_models.prepare_task_model import prepare_task_model
from ratefront.trial.evaluate import CodedSplit, collapse_reason, measure
from ratefront.trial.receiver import Decoded, Receiver, _serve, decode_file
from ratefront.trial.run_trial import run_trial, trial_steps
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Measurement, Progress, TrialParams, TrialResult

pytestmark = pytest.mark.medium


def _run(
    context: TrialContext, example: str, trial_id: str, seed: int = 3
) -> tuple[TrialResult, list[Progress]]:
    reports: list[Progress] = []
    result = run_trial(TrialParams(trial_id, seed, CODEC_CONFIGURATIONS[example]), context, reports.append)
    return result, reports


@pytest.fixture(scope="session")
def split_trial(context: TrialContext) -> tuple[TrialResult, list[Progress], TrialFolder]:
    result, reports = _run(context, "split-categorical", "split")
    return result, reports, SweepFolder(context.folder).trial("split")


def test_a_trial_reports_every_epoch(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder], context: TrialContext
) -> None:
    _, reports, _ = split_trial
    assert [report.step for report in reports] == list(range(1, context.spec.training.epochs + 1))
    assert all({"loss", "rate_bits_estimated", "accuracy"} == set(report.metrics) for report in reports)
    assert reports[-1].metrics["loss"] < reports[0].metrics["loss"]


def test_the_rate_is_that_of_the_files_bytes(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder],
) -> None:
    result, _, files = split_trial
    assert result.test.rate_total_bits == pytest.approx(8 * files.stream.stat().st_size / result.test.samples)
    assert result.test.rate_bits < result.test.rate_total_bits
    assert result.test.rate_bits_alone > result.test.rate_bits


def test_the_recorded_classes_are_those_that_a_receiver_decodes(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder],
) -> None:
    result, _, files = split_trial
    samples = np.load(files.samples, allow_pickle=False)
    decoded = decode_file(files.codec_config, files.codec_weights, files.stream)
    np.testing.assert_array_equal(samples["decoded"], decoded)
    assert (samples["decoded"] == samples["labels"]).mean() == pytest.approx(result.test.accuracy)
    assert samples["bits_alone"].mean() == pytest.approx(result.test.rate_bits_alone)


def test_a_trials_folder_holds_the_promised_files_and_no_more(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder],
) -> None:
    files = split_trial[2]
    names = {path.name for path in files.path.iterdir()}
    assert names == {"codec.safetensors", "codec.json", "stream.bin", "samples.npz"}


def test_the_same_seed_gives_the_same_bits(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder], context: TrialContext
) -> None:
    torch.rand(17)  # what happened in the process before must not matter
    again, _ = _run(context, "split-categorical", "again")
    first, _, files = split_trial
    assert again.test == first.test
    assert again.validation == first.validation
    digests = {_digest(f.stream) for f in (files, SweepFolder(context.folder).trial("again"))}
    assert len(digests) == 1


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_seed_gives_another_codec(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder], context: TrialContext
) -> None:
    other, _ = _run(context, "split-categorical", "other", seed=4)
    assert other.test != split_trial[0].test


def test_the_callers_random_state_is_left_alone(context: TrialContext) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    _run(context, "label-lossless", "quiet")
    assert torch.equal(torch.rand(3), expected)


def test_no_result_lies_below_the_oracle(context: TrialContext) -> None:
    labels = load_dataset(context.spec.dataset).test.labels
    prior = np.bincount(labels) / len(labels)
    for example in ("label-lossless", "label-merged"):
        result, _ = _run(context, example, example)
        assert result.test.rate_bits >= oracle_rate_bits(prior, 1 - result.test.accuracy)


def test_a_loss_that_becomes_nan_fails_the_trial(context: TrialContext) -> None:
    broken = TrialContext(small_sweep_spec(training={"epochs": 5, "learning_rate": 1e30}), context.folder)
    with pytest.raises(DivergedError, match=r"the loss became (nan|inf)"):
        run_trial(TrialParams("nan", 0, CODEC_CONFIGURATIONS["split-factorized"]), broken)


def test_closing_the_steps_stops_the_trial_and_keeps_its_checkpoint(context: TrialContext) -> None:
    """A worker does not know whether the trial or the sweep is stopped; the one that knows removes the checkpoint."""
    steps = trial_steps(TrialParams("stopped", 0, CODEC_CONFIGURATIONS["split-factorized"]), context)
    files = SweepFolder(context.folder).trial("stopped")
    assert next(steps).step == 1
    assert not files.path.exists()
    assert next(steps).step == 2
    steps.close()
    assert list(files.path.iterdir()) == [files.checkpoint]


def test_a_codec_that_knows_the_labels_fails(context: TrialContext) -> None:
    """Decoded classes equal to the labels at a tenth of a bit: no codec can do that."""
    split = load_dataset(context.spec.dataset).test
    leak = _Leak()
    with pytest.raises(OracleViolationError, match="a leak or a bug"):
        measure(leak, leak.coded(split), Decoded(split.labels), 10, (), "test")  # type: ignore[arg-type]


class _Leak:
    uses_position = False

    def coded(self, split: Split) -> CodedSplit:
        payload_bytes = len(split) // 80
        stream = CodedStream(bytes(100 + payload_bytes), len(split), (payload_bytes,))
        alone = np.ones(len(split), dtype=np.int64)
        return CodedSplit(split, stream, 0.1, alone, 0.0)


def test_a_new_task_model_in_the_same_folder_is_read_anew(tmp_path: Path) -> None:
    """What a process keeps between trials is found by its content, not by its path."""
    accuracies = []
    for epochs in (1, 15):
        spec = small_sweep_spec(task_model={"name": "small_cnn", "epochs": epochs})
        ready = prepare_task_model(spec, tmp_path / "task_model")
        result = run_trial(
            TrialParams("t", 0, CODEC_CONFIGURATIONS["label-lossless"]), TrialContext(spec, tmp_path)
        )
        assert result.test.accuracy == pytest.approx(ready.accuracy)
        accuracies.append(ready.accuracy)
    assert accuracies[0] < accuracies[1]


def test_a_killed_receiver_is_retryable(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder], tmp_path: Path
) -> None:
    files, receiver = split_trial[2], Receiver()
    receiver._process.kill()
    with pytest.raises(WorkerLostError, match="receiver died") as caught:
        receiver.decode(files.codec_config, files.codec_weights, [files.stream], tmp_path)
    assert caught.value.retryable
    receiver.close()


def test_a_full_memory_ends_the_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the codec is wrong, so that the trial is worth another try."""

    def load(*_: object, **__: object) -> None:
        raise InputError("codec.json describes no codec") from MemoryError()

    monkeypatch.setattr("ratefront.codecs.codec_files.load_codec", load)
    with pytest.raises(InputError):
        _serve(io.StringIO('{"config": "", "weights": ""}\n'), io.StringIO())


def test_a_receiver_imports_where_its_parent_does(
    split_trial: tuple[TrialResult, list[Progress], TrialFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "ratefront.py").write_text("raise SystemExit('not the one of this process')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [tmp_path, *sys.path])  # no text, so that Python skips it
    files, receiver = split_trial[2], Receiver()
    assert len(receiver.decode(files.codec_config, files.codec_weights, [files.stream], tmp_path)) == 1
    receiver.close()


def test_only_accuracy_near_the_majority_class_is_a_collapse() -> None:
    labels = np.repeat(np.arange(10), 36)
    threshold = 0.1 + 2 * math.sqrt(0.1 * 0.9 / 360)
    assert "2σ" in collapse_reason(_at(threshold - 1e-6), labels)
    assert collapse_reason(_at(threshold + 1e-6), labels) == ""


def _at(accuracy: float) -> Measurement:
    return Measurement(360, 1.0, 1.0, 8.0, 0.0, 1.0, accuracy)
