"""How a trial trains its codec: the one training loop of all codecs that learn, and the checkpoint of a trial."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from ratefront.checkpoints.checkpoint_file import CheckpointFile
from ratefront.checkpoints.training_state import TrainingState
from ratefront.codecs.codec_interface import Learner
from ratefront.errors import DivergedError
from ratefront.spec.changeable_settings import settings_that_decide
from ratefront.spec.load_spec import to_plain
from ratefront.spec.sweep_spec import SweepSpec, Training
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import Progress, TrialParams

#: Raised when what a checkpoint holds changes its meaning: no training is resumed from an older one.
CHECKPOINT_FORMAT = 3

#: The share of the training's time that saving may take. With the last save, which is always made, it is a few percent.
CHECKPOINT_TIME_SHARE = 1 / 50

#: From where schedules run that follow the training's progress, where a training starts from trained weights. Their
#: first half (a rate weight that rises from 0, soft letters, an error of images or features) is for random weights.
#: From 0 on, the objective ended a little lower at low β and higher at high β (docs/results/neighbours.md).
WARM_PROGRESS = 0.5

_CLIP_NORM = 5.0


def trial_checkpoint(params: TrialParams, context: TrialContext) -> CheckpointFile:
    """Return the checkpoint in the trial's folder; it need not exist."""
    path = SweepFolder(context.folder).trial(params.trial_id).checkpoint
    return CheckpointFile(path, checkpoint_identity(params, context.spec), context.folder)


def checkpoint_identity(params: TrialParams, spec: SweepSpec) -> dict[str, Any]:
    """Return all that decides how a training proceeds, as JSON gives it back.

    No training is resumed from a checkpoint of another identity.
    """
    whole = settings_that_decide(
        to_plain(spec)
    )  # without where files lie: a file that has moved is still the same
    decisive = {
        "format": CHECKPOINT_FORMAT,
        "ratefront": version("ratefront"),
        "torch": torch.__version__,
        "trial_id": params.trial_id,
        "seed": params.seed,
        "values": dict(params.values),
        "starts_from": params.starts_from,
        **{key: whole[key] for key in ("training", "dataset", "task_model")},
    }
    plain: dict[str, Any] = json.loads(json.dumps(decisive))
    return plain


def begin_or_resume(
    learner: Learner,
    settings: Training,
    seed: int,
    checkpoint: CheckpointFile,
    set_starting_weights: Callable[[], bool] = lambda: False,
) -> TrainingState[Learner]:
    """Return the state of the checkpoint where there is one that fits, else the state before the first epoch.

    ``set_starting_weights`` is called for a training that begins; it says whether the weights are of another training.
    """
    state = begin(learner, settings, seed)
    snapshot = checkpoint.read()
    if snapshot is not None and state.fits(snapshot):
        state.restore(snapshot)
        return state
    is_warm = set_starting_weights()
    state = begin(learner, settings, seed)
    state.is_warm = is_warm
    return state


def begin(learner: Learner, settings: Training, seed: int) -> TrainingState[Learner]:
    """Return the state before the first epoch: Adam, a cosine schedule over all epochs, batches in seeded order."""
    optimiser = torch.optim.Adam(learner.parameter_groups(settings.learning_rate))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    return TrainingState(learner, optimiser, schedule, torch.Generator().manual_seed(seed))


def train(
    state: TrainingState[Learner],
    settings: Training,
    *,
    batch_divisor: int = 1,
    after_epoch: Callable[[TrainingState[Learner]], None] = lambda state: None,
) -> Generator[Progress, None, None]:
    """Train for the epochs that are left of ``settings.epochs``; yield progress after each one, then finish.

    Args:
        state: Where training stands; it is changed.
        settings: Epochs and batch size.
        batch_divisor: The batch of a gradient step is computed in so many parts, one after another. The step is the
            same.
        after_epoch: Called when the caller has taken the progress, so that no epoch that it saves goes unreported.

    Raises:
        DivergedError: The loss became NaN or infinite.
    """
    while state.epochs_done < settings.epochs:
        began = time.perf_counter()
        loss = _epoch(state, settings, batch_divisor)
        state.schedule.step()
        metrics = {"loss": loss, **state.learner.validate()}
        state.epochs_done += 1
        state.seconds += time.perf_counter() - began
        yield Progress(state.epochs_done, metrics)
        after_epoch(state)
    state.learner.finish()


def _epoch(state: TrainingState[Learner], settings: Training, batch_divisor: int) -> float:
    losses = []
    for batch in state.learner.batches(settings.batch_size, state.generator):
        state.optimiser.zero_grad()
        losses.append(_accumulate(state, batch.chunk(batch_divisor), settings))
        torch.nn.utils.clip_grad_norm_(_optimised_parameters(state.optimiser), _CLIP_NORM)
        state.optimiser.step()
    return float(torch.stack(losses).mean())


def _accumulate(state: TrainingState[Learner], parts: tuple[Tensor, ...], settings: Training) -> Tensor:
    """Return the mean loss of a batch that is given in parts; its gradient is added up in the parameters."""
    samples = sum(len(part) for part in parts)
    losses = []
    for part in parts:
        loss = state.learner.loss(part, _progress(state, settings))
        if not torch.isfinite(loss):
            raise DivergedError(f"the loss became {loss.item()} in epoch {state.epochs_done + 1}")
        share = loss * (len(part) / samples)
        share.backward()
        losses.append(share.detach())
    return torch.stack(losses).sum()


def _progress(state: TrainingState[Learner], settings: Training) -> float:
    done = state.epochs_done / settings.epochs
    return WARM_PROGRESS + (1 - WARM_PROGRESS) * done if state.is_warm else done


def _optimised_parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
