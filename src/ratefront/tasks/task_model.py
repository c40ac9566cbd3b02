"""What every task model is: named stages in a row, cut at a split point into a front end and a back end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ratefront.catalogue.split_points import check_split_point
from ratefront.data.dataset import Samples
from ratefront.errors import InputError
from ratefront.tasks.float_rounding import without_tf32

DROP_SOFTMAX = "drop the softmax at its end: training takes one of its own, and so do the bounds"
"""To be told of a network whose outputs are probabilities."""

_BATCH = 512
_BATCH_NUMBERS = (
    2**23
)  # of the samples of one batch: what a network makes of them is a hundred times as large


class TaskModel(nn.Module):
    """A classifier made of named stages; input (N, C, H, W) or (N, P, 3), output logits (N, K).

    Every stage but the last may be a split point: between stages the graph has exactly one edge (a cut vertex), so that
    what is sent there is all that the rest needs. A stage without tensors, as an activation, may stand at several
    places.

    ``network`` is what the stages are parts of, where that is a network of its own: files of weights have its names,
    and in a row the stages have to compute what it does.

    Raises:
        InputError: Two stages have one name, or share a tensor: a cut between them would part what has to
            stay the same.
    """

    def __init__(self, stages: Sequence[tuple[str, nn.Module]], network: nn.Module | None = None) -> None:
        super().__init__()
        self._names = tuple(name for name, _ in stages)
        twice = {name for name in self._names if self._names.count(name) > 1}
        if twice:
            raise InputError(
                f"two stages are called {', '.join(sorted(twice))}: each needs a name of its own"
            )
        _refuse_shared_tensors(stages)
        self.stages = nn.ModuleDict({_key(name): stage for name, stage in stages})
        self._network = (
            network,
        )  # in a tuple it is no part of this module: its tensors are those of the stages

    @property
    def network(self) -> nn.Module:
        """What the stages are parts of; where that is nothing else, this."""
        return self._network[0] or self

    def run_network(self, images: Tensor) -> Tensor:
        """Logits (N, K) of the network itself, not of its stages in a row."""
        logits: Tensor = self.network(images)
        return logits

    @property
    def splits(self) -> tuple[str, ...]:
        """The split points, from input to output."""
        return self._names[:-1]

    def forward(self, images: Tensor) -> Tensor:
        return self.run_stages(images)

    def run_stages(self, images: Tensor) -> Tensor:
        """Logits (N, K) of one stage after the other, which is how a codec runs them."""
        value = images
        for stage in self.stages.values():
            value = stage(value)
        return value

    def front_end(self, split: str) -> nn.Sequential:
        """The stages up to and including the split point.

        Raises:
            UnknownNameError: There is no such split point; so for ``back_end``.
        """
        return nn.Sequential(*list(self.stages.values())[: self._position(split) + 1])

    def back_end(self, split: str) -> nn.Sequential:
        """The stages behind the split point."""
        return nn.Sequential(*list(self.stages.values())[self._position(split) + 1 :])

    def load_pretrained(self) -> None:
        """Begin with weights learned elsewhere, where they are asked for; ``requires_grad`` says what is left to train.

        Raises:
            InputError: They cannot be had.
        """

    def _position(self, split: str) -> int:
        check_split_point(split, self.splits)
        return self.splits.index(split)


def _refuse_shared_tensors(stages: Sequence[tuple[str, nn.Module]]) -> None:
    owners: dict[int, str] = {}
    for name, stage in stages:
        for tensor in (*stage.parameters(), *stage.buffers()):
            owner = owners.setdefault(id(tensor), name)
            if owner != name:
                raise InputError(
                    f"stages {owner} and {name} share weights: a cut between them would part what has to stay the "
                    "same; give each its own, or put all between them into one stage"
                )


def _key(name: str) -> str:
    """Torch allows no dots in a module's name."""
    return name.replace(".", "/")


def default_batch_size(sample: Sequence[int]) -> int:
    """How many samples of this shape go through a network together: fewer where they are large."""
    return max(1, min(_BATCH, _BATCH_NUMBERS // math.prod(sample)))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """In evaluation mode inside; each part goes back to the mode it was in: frozen ones may be in another."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


@torch.no_grad()
def predict_logits(model: nn.Module, images: Samples, batch_size: int | None = None) -> Tensor:
    """Logits (N, K) on the CPU, in evaluation mode, in batches, by default smaller ones of samples that are large."""
    model.eval()
    device = next(model.parameters()).device
    size = batch_size or default_batch_size(images.shape[1:])
    batches = (images[first : first + size] for first in range(0, len(images), size))
    with without_tf32(device):
        return torch.cat([model(torch.from_numpy(batch).to(device)).float().cpu() for batch in batches])
