"""What every task model is: named stages in a row, cut at a split point into a front end and a back end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ratefront.catalogue.task_models import inside_of_stage
from ratefront.data.splits import Samples
from ratefront.errors import UnknownNameError
from ratefront.tasks.rounding import plain_float32

_BATCH = 512
_BATCH_NUMBERS = (
    2**23
)  # of the samples of one batch: what a network makes of them is a hundred times as large


class TaskModel(nn.Module):
    """A classifier made of named stages; input (N, C, H, W) or (N, P, 3), output logits (N, K).

    Every stage but the last may be a split point: between stages the graph has exactly one edge (a cut vertex), so that
    what is sent there is all that the rest needs.
    """

    def __init__(self, stages: Sequence[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self._names = tuple(name for name, _ in stages)
        self.stages = nn.ModuleDict({_key(name): stage for name, stage in stages})

    @property
    def splits(self) -> tuple[str, ...]:
        """The split points, from input to output."""
        return self._names[:-1]

    def forward(self, images: Tensor) -> Tensor:
        return _run(self.stages.values(), images)

    def front_end(self, split: str) -> nn.Sequential:
        """The stages up to and including the split point.

        Raises
        ------
        UnknownNameError
            There is no such split point; so for ``back_end``.
        """
        return nn.Sequential(*list(self.stages.values())[: self._position(split) + 1])

    def back_end(self, split: str) -> nn.Sequential:
        """The stages behind the split point."""
        return nn.Sequential(*list(self.stages.values())[self._position(split) + 1 :])

    def take_pretrained(self) -> None:
        """Begin with weights learned elsewhere, where they are asked for; ``requires_grad`` says what is left to train.

        Raises
        ------
        InputError
            They cannot be had.
        """

    def _position(self, split: str) -> int:
        if split not in self.splits:
            remark = inside_of_stage(split, self.splits)
            raise UnknownNameError("split point", split, self.splits, remark or "")
        return self.splits.index(split)


def _key(name: str) -> str:
    """Torch allows no dots in a module's name."""
    return name.replace(".", "/")


def _run(stages: Iterable[nn.Module], value: Tensor) -> Tensor:
    for stage in stages:
        value = stage(value)
    return value


def at_once(sample: Sequence[int]) -> int:
    """How many samples of this shape go through a network together: fewer where they are large."""
    return max(1, min(_BATCH, _BATCH_NUMBERS // math.prod(sample)))


@torch.no_grad()
def predict_logits(model: nn.Module, images: Samples, batch_size: int | None = None) -> Tensor:
    """Logits (N, K) on the CPU, in evaluation mode, in batches, by default smaller ones of samples that are large."""
    model.eval()
    device = next(model.parameters()).device
    size = batch_size or at_once(images.shape[1:])
    batches = (images[first : first + size] for first in range(0, len(images), size))
    with plain_float32(device):
        return torch.cat([model(torch.from_numpy(batch).to(device)).float().cpu() for batch in batches])


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round weights, and the statistics of batch normalisation, to what fp16 can store; arithmetic stays in fp32.

    Other buffers are constants of their layers, as the least likelihood of an entropy model: they stay.
    """
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._NormBase)]
    statistics = [buffer for norm in norms for buffer in norm.buffers() if buffer.is_floating_point()]
    for tensor in (*module.parameters(), *statistics):
        tensor.copy_(tensor.half().to(tensor.dtype))
