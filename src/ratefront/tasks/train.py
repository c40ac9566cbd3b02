"""Training of a task model: once, before the trials, from a seed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ratefront.catalogue.task_models import TaskModelParameters
from ratefront.data.splits import Dataset
from ratefront.errors import DivergedError
from ratefront.tasks.model import TaskModel, round_to_half

_LABEL_SMOOTHING = 0.05  # its posteriors give the bounds: an overconfident model makes S&C and TMRD look bad


def train_task_model(model: TaskModel, data: Dataset, parameters: TaskModelParameters, device: str) -> None:
    """Train in place with Adam and a cosine schedule, then round the weights to fp16.

    Raises
    ------
    DivergedError
        The loss became NaN or infinite.
    """
    model.to(device).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=parameters.learning_rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, parameters.epochs)
    images = torch.from_numpy(data.train.images[:]).to(device)
    labels = torch.from_numpy(data.train.labels).to(device)
    generator = torch.Generator().manual_seed(parameters.seed)
    for _ in range(parameters.epochs):
        order = torch.randperm(len(labels), generator=generator).to(device)
        for batch in order.split(parameters.batch_size):
            _step(model, optimiser, images[batch], labels[batch])
        schedule.step()
    round_to_half(model)


def _step(model: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> None:
    loss = F.cross_entropy(model(images), labels, label_smoothing=_LABEL_SMOOTHING)
    if not torch.isfinite(loss):
        raise DivergedError(f"the task model's loss became {loss.item()}")
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
