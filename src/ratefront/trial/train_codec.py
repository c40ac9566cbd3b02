"""The one training loop: every codec that learns goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

import torch
from torch import Tensor

from ratefront.codecs.contract import Learner
from ratefront.errors import DivergedError
from ratefront.records import Progress
from ratefront.spec.schema import Training
from ratefront.training.training_state import TrainingState

_CLIP_NORM = 5.0


def begin(learner: Learner, settings: Training, seed: int) -> TrainingState[Learner]:
    """Before the first epoch: Adam, a cosine schedule over all epochs, batches in an order of their own seed."""
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
    """Train for the epochs that are left of ``settings.epochs``, reporting after each one, then finish.

    ``after_epoch`` is called when a report has been taken, so that no epoch that it saves goes unreported.
    ``batch_divisor``: a gradient step's batch is computed in so many parts, one after another; the step is the same.

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
        torch.nn.utils.clip_grad_norm_(_moved_by(state.optimiser), _CLIP_NORM)
        state.optimiser.step()
    return float(torch.stack(losses).mean())


def _accumulate(state: TrainingState[Learner], parts: tuple[Tensor, ...], settings: Training) -> Tensor:
    """The mean loss of a batch that is given in parts; its gradient is added up in the parameters."""
    samples = sum(len(part) for part in parts)
    losses = []
    for part in parts:
        loss = state.learner.loss(part, state.epochs_done / settings.epochs)
        if not torch.isfinite(loss):
            raise DivergedError(f"the loss became {loss.item()} in epoch {state.epochs_done + 1}")
        share = loss * (len(part) / samples)
        share.backward()
        losses.append(share.detach())
    return torch.stack(losses).sum()


def _moved_by(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
