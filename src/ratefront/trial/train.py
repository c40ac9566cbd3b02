"""The one training loop: every codec that learns goes through it."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

import torch

from ratefront.codecs.contract import Learner
from ratefront.errors import DivergedError
from ratefront.records import Progress
from ratefront.spec.schema import Training

_CLIP_NORM = 5.0


@dataclass
class TrainingClock:
    """Seconds spent in training, apart from what the caller does between two reports."""

    seconds: float = 0.0


def train(
    learner: Learner, settings: Training, seed: int, clock: TrainingClock
) -> Generator[Progress, None, None]:
    """Train for ``settings.epochs`` with Adam and a cosine schedule, reporting after each epoch, then finish.

    Raises
    ------
    DivergedError
        The loss became NaN or infinite.
    """
    optimiser = torch.optim.Adam(learner.parameter_groups(settings.learning_rate))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(settings.epochs):
        began = time.perf_counter()
        loss = _epoch(learner, optimiser, settings, epoch, generator)
        schedule.step()
        metrics = {"loss": loss, **learner.validate()}
        clock.seconds += time.perf_counter() - began
        yield Progress(epoch + 1, metrics)
    learner.finish()


def _epoch(
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    settings: Training,
    epoch: int,
    generator: torch.Generator,
) -> float:
    losses = []
    for batch in learner.batches(settings.batch_size, generator):
        loss = learner.loss(batch, epoch / settings.epochs)
        if not torch.isfinite(loss):
            raise DivergedError(f"the loss became {loss.item()} in epoch {epoch + 1}")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(_moved_by(optimiser), _CLIP_NORM)
        optimiser.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def _moved_by(optimiser: torch.optim.Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
