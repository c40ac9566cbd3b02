"""Runs a trial: a pure function of its parameters and context, without Ray, MLflow or Optuna."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ratefront.bitstream.coded_stream import check_block_size
from ratefront.checkpoints.checkpoint_file import CheckpointFile, CheckpointSaver
from ratefront.codecs.codec_files import codec_structure, load_family, save_codec
from ratefront.codecs.codec_interface import Codec, CodecStructure, Learner
from ratefront.codecs.starting_weights import NoStartingWeightsError, start_from_codec
from ratefront.data.dataset import Dataset, Split
from ratefront.data.load_dataset import load_dataset
from ratefront.store.files.atomic_files import flush_to_disk, make_folder_below
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.task_models.stored_task_model import load_task_model
from ratefront.task_models.task_model import TaskModel
from ratefront.trial.checks.agrees_with_classifier import ties_with_classifier
from ratefront.trial.checks.agrees_with_task_model import ties_with_task_model
from ratefront.trial.checks.agrees_with_transmitter import check_receiver
from ratefront.trial.checks.unchanged_inputs import check_inputs_unchanged
from ratefront.trial.device import isolated_random_state, peak_memory_share, reset_gpu_memory
from ratefront.trial.evaluate import collapse_reason, encode_split, measure
from ratefront.trial.receiver import shared_receiver
from ratefront.trial.train_codec import CHECKPOINT_TIME_SHARE, begin_or_resume, train, trial_checkpoint
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import (
    GPU_MEMORY_SHARE,
    STARTED_FROM_NEIGHBOUR,
    TIES,
    Progress,
    TrialParams,
    TrialResult,
)

_log = logging.getLogger(__name__)


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """Run a trial step by step: yield after each epoch, and return the result; closing the generator stops the trial.

    Where the trial's folder holds a checkpoint of the trial, training resumes from there, and the epochs that are left
    are yielded. The checkpoint stays when the result is measured, and when the generator is closed: a result that is
    lost on its way then costs no training. The caller that knows that the trial has ended removes the checkpoint.

    Raises:
        DivergedError, OracleViolationError, BitstreamError, DisagreementError: The trial failed for good (not
            retryable).
        SweepMismatchError: Data or code are not those that the sweep began with. The trial is not at fault.
    """
    check_inputs_unchanged(context)
    data = load_dataset(context.spec.dataset)
    task_model = load_task_model(context.spec, SweepFolder(context.folder).task_model)
    files, checkpoint = SweepFolder(context.folder).trial(params.trial_id), trial_checkpoint(params, context)
    reset_gpu_memory(context.device)
    with isolated_random_state(
        context.device, params.seed
    ):  # only now: what is loaded above must not advance the generators
        trained = yield from _train_and_save(params, context, data, task_model, files, checkpoint)
        return _evaluate(params, context, data, files, trained)


def run_trial(
    params: TrialParams, context: TrialContext, report: Callable[[Progress], None] = lambda progress: None
) -> TrialResult:
    """Run a trial to its end, call ``report`` after each epoch, and remove the checkpoint at the end."""
    steps = trial_steps(params, context)
    while True:
        try:
            report(next(steps))
        except StopIteration as end:
            result: TrialResult = end.value
            trial_checkpoint(params, context).remove()
            return result


class _TrainedCodec(NamedTuple):
    codec: Codec
    identity: bytes
    train_seconds: float
    is_warm: bool


def _train_and_save(
    params: TrialParams,
    context: TrialContext,
    data: Dataset,
    task_model: TaskModel,
    files: TrialFolder,
    checkpoint: CheckpointFile,
) -> Generator[Progress, None, _TrainedCodec]:
    spec = context.spec
    structure = codec_structure(params.family_parameters, spec.task_model, data)
    family = load_family(params.family)
    codec = family.build(structure).to(context.device)
    check_block_size(codec.elements, min(spec.block_size, max(len(data.validation), len(data.test))))
    learner = family.learner(codec, structure, task_model, data)
    train_seconds, is_warm = 0.0, False
    if learner is not None:
        state = begin_or_resume(
            learner,
            spec.training,
            params.seed,
            checkpoint,
            lambda: _set_starting_weights(params, context, codec, learner, structure),
        )
        saving = CheckpointSaver(checkpoint, spec.training.epochs, state.seconds, CHECKPOINT_TIME_SHARE)
        yield from train(
            state, spec.training, batch_divisor=context.batch_divisor, after_epoch=saving.after_epoch
        )
        train_seconds, is_warm = state.seconds, state.is_warm
    make_folder_below(context.folder, files.path)
    identity = save_codec(codec.eval(), params.family, structure, files.codec_config, files.codec_weights)
    return _TrainedCodec(codec, identity, train_seconds, is_warm)


def _set_starting_weights(
    params: TrialParams, context: TrialContext, codec: Codec, learner: Learner, structure: CodecStructure
) -> bool:
    """Set the weights of the trial that this one starts from; False where it starts from scratch."""
    if not params.starts_from:
        return False
    other = SweepFolder(context.folder).trial(params.starts_from)
    try:
        start_from_codec(codec, learner, params.family, structure, other.codec_config, other.codec_weights)
    except NoStartingWeightsError as error:
        _log.warning("trial %s starts from scratch: %s", params.trial_id, error)
        return False
    return True


def _evaluate(
    params: TrialParams, context: TrialContext, data: Dataset, files: TrialFolder, trained: _TrainedCodec
) -> TrialResult:
    codec, identity, train_seconds, is_warm = trained
    block_size, metrics = context.spec.block_size, context.spec.metrics
    with tempfile.TemporaryDirectory() as temporary:
        validation_stream = Path(temporary) / "validation.bin"
        validation = encode_split(codec, identity, data.validation, block_size, validation_stream)
        test = encode_split(codec, identity, data.test, block_size, files.stream)
        decoded_validation, decoded_test = shared_receiver().decode(
            files.codec_config, files.codec_weights, [validation_stream, files.stream], Path(temporary)
        )
        check_receiver(codec, validation, decoded_validation.classes, "validation")
        check_receiver(codec, test, decoded_test.classes, "test")
        decoded = {"validation": decoded_validation.classes, "test": decoded_test.classes}
        ties = ties_with_task_model(codec, context, decoded)
        if ties is None:
            ties = ties_with_classifier(codec, files, data, decoded)
        validation_measured = measure(
            codec, validation, decoded_validation, data.classes, metrics, "validation"
        )
        test_measured = measure(codec, test, decoded_test, data.classes, metrics, "test")
    np.savez_compressed(
        files.samples, labels=data.test.labels, decoded=decoded_test.classes, bits_alone=test.bits_alone
    )
    flush_to_disk([*files.outcome, files.path])  # before the ledger says that they exist
    reason = collapse_reason(validation_measured, data.validation.labels)
    macs = codec.transmitter_macs(torch.from_numpy(data.test.images[:1]).to(codec.device))
    return TrialResult(
        trial_id=params.trial_id,
        status="collapsed" if reason else "finished",
        reason=reason,
        validation=validation_measured,
        test=test_measured,
        transmitter_bytes=codec.transmitter_bytes,
        transmitter_macs=macs.value,
        transmitter_macs_unknown=macs.why_unknown,
        encode_ms=test.encode_ms,
        train_seconds=train_seconds,
        encode_ms_validation=validation.encode_ms,
        extra=_extra(codec, data.test, context.device, ties)
        | ({STARTED_FROM_NEIGHBOUR: float(is_warm)} if params.starts_from else {}),
    )


def _extra(codec: Codec, test: Split, device: str, ties: int | None) -> dict[str, float]:
    shares = {GPU_MEMORY_SHARE: peak_memory_share()} if device == "cuda" else {}
    counted = {} if ties is None else {TIES: float(ties)}
    return codec.extra_metrics(test.images) | shares | counted
