"""A trial is a pure function of its parameters and context; it knows neither Ray, nor MLflow, nor Optuna."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import torch

from ratefront.codecs.contract import Codec
from ratefront.codecs.storage import load_family, save_codec, structure_of
from ratefront.data.load import load_dataset
from ratefront.data.splits import Dataset
from ratefront.records import Progress, TrialParams, TrialResult
from ratefront.store.folder import SweepFolder, TrialFolder
from ratefront.tasks.model import TaskModel
from ratefront.tasks.prepare import load_task_model
from ratefront.trial.context import TrialContext
from ratefront.trial.evaluate import collapse_reason, encode_split, measure
from ratefront.trial.receiver import shared_receiver
from ratefront.trial.train import TrainingClock, train


def trial_steps(params: TrialParams, context: TrialContext) -> Generator[Progress, None, TrialResult]:
    """Run a trial step by step: yields after each epoch, returns the result; closing the generator stops it.

    Raises
    ------
    DivergedError, OracleViolationError, BitstreamError
        The trial failed for good (not retryable).
    """
    data = load_dataset(context.spec.dataset)
    task_model = load_task_model(context.spec, SweepFolder(context.folder).task_model)
    clock = TrainingClock()
    with torch.random.fork_rng():
        torch.manual_seed(
            params.seed
        )  # only now: what was loaded or cached above must not move the draws below
        codec, identity = yield from _trained(params, context, data, task_model, clock)
        return _evaluated(params, context, data, codec, identity, clock.seconds)


def run_trial(
    params: TrialParams, context: TrialContext, report: Callable[[Progress], None] = lambda progress: None
) -> TrialResult:
    """Run a trial to its end, calling ``report`` after each epoch."""
    steps = trial_steps(params, context)
    while True:
        try:
            report(next(steps))
        except StopIteration as end:
            result: TrialResult = end.value
            return result


def _trained(
    params: TrialParams, context: TrialContext, data: Dataset, task_model: TaskModel, clock: TrainingClock
) -> Generator[Progress, None, tuple[Codec, bytes]]:
    spec = context.spec
    structure = structure_of(params.own, spec.task_model.name, data.classes, data.train.images.shape[1:])
    family = load_family(params.family)
    codec = family.build(structure).to(context.device)
    learner = family.learner(codec, structure, task_model, data)
    if learner is not None:
        yield from train(learner, spec.training, params.seed, clock)
    files = _files(params, context)
    identity = save_codec(codec.eval(), params.family, structure, files.codec_config, files.codec_weights)
    return codec, identity


def _files(params: TrialParams, context: TrialContext) -> TrialFolder:
    files = SweepFolder(context.folder).trial(params.trial_id)
    files.path.mkdir(parents=True, exist_ok=True)
    return files


def _evaluated(
    params: TrialParams,
    context: TrialContext,
    data: Dataset,
    codec: Codec,
    identity: bytes,
    train_seconds: float,
) -> TrialResult:
    files = _files(params, context)
    block_size = context.spec.block_size
    with tempfile.TemporaryDirectory() as temporary:
        validation_stream = Path(temporary) / "validation.bin"
        validation = encode_split(codec, identity, data.validation, block_size, validation_stream)
        test = encode_split(codec, identity, data.test, block_size, files.stream)
        decoded_validation, decoded_test = shared_receiver().decode(
            files.codec_config, files.codec_weights, [validation_stream, files.stream]
        )
    on_validation = measure(codec, validation, decoded_validation, data.classes)
    on_test = measure(codec, test, decoded_test, data.classes)
    np.savez_compressed(
        files.samples, labels=data.test.labels, decoded=decoded_test, bits_alone=test.bits_alone
    )
    reason = collapse_reason(on_validation, data.validation.labels)
    return TrialResult(
        trial_id=params.trial_id,
        status="collapsed" if reason else "finished",
        reason=reason,
        validation=on_validation,
        test=on_test,
        transmitter_bytes=codec.transmitter_bytes,
        transmitter_macs=codec.transmitter_macs(torch.from_numpy(data.test.images[:1]).to(codec.device)),
        encode_ms=test.encode_ms,
        train_seconds=train_seconds,
        encode_ms_validation=validation.encode_ms,
    )
