"""The task model: named stages in sequence, which a split point cuts into a front end and a back end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ratefront.catalogue.split_points import check_split_point
from ratefront.data.dataset import Samples
from ratefront.errors import InputError
from ratefront.task_models.float_rounding import without_tf32

DROP_SOFTMAX = "drop the softmax at its end: training takes one of its own, and so do the bounds"
"""The advice for a network whose outputs are probabilities."""

_LARGEST_BATCH = 512
#: The most values in the samples of one batch: the features that a network makes of them are a hundred times as many.
_MOST_BATCH_VALUES = 2**23


class TaskModel(nn.Module):
    """A classifier made of named stages; input (N, C, H, W) or (N, P, 3), output logits (N, K).

    The end of every stage but the last may be a split point: between two stages the graph has exactly one edge, so the
    rest of the network needs nothing but what is sent there. A stage without tensors, such as an activation, may stand
    in several places.

    Args:
        stages: Names and modules, from input to output.
        network: The network that the stages are parts of, if there is one. Files of weights use its names, and the
            stages in sequence have to compute what it computes.

    Raises:
        InputError: Two stages have the same name, or share a tensor: a cut between them would separate what has to stay
            the same.
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
        self.stages = nn.ModuleDict({_stage_key(name): stage for name, stage in stages})
        # In a tuple, so that torch does not register it: its tensors are those of the stages.
        self._network = (network,)

    @property
    def network(self) -> nn.Module:
        """The network that the stages are parts of; this task model if there is no other."""
        return self._network[0] or self

    def run_network(self, images: Tensor) -> Tensor:
        """Return the logits (N, K) of the network itself, not of its stages in sequence."""
        logits: Tensor = self.network(images)
        return logits

    @property
    def splits(self) -> tuple[str, ...]:
        """The split points, from input to output."""
        return self._names[:-1]

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, K)."""
        return self.run_stages(images)

    def run_stages(self, images: Tensor) -> Tensor:
        """Return the logits (N, K) of one stage after the other, as a codec runs them."""
        value = images
        for stage in self.stages.values():
            value = stage(value)
        return value

    def front_end(self, split: str) -> nn.Sequential:
        """Return the stages up to and including the split point.

        Raises:
            UnknownNameError: There is no such split point.
        """
        return nn.Sequential(*list(self.stages.values())[: self._position(split) + 1])

    def back_end(self, split: str) -> nn.Sequential:
        """Return the stages behind the split point.

        Raises:
            UnknownNameError: There is no such split point.
        """
        return nn.Sequential(*list(self.stages.values())[self._position(split) + 1 :])

    def load_pretrained(self) -> None:
        """Load weights learned elsewhere, if the parameters ask for them; ``requires_grad`` says what is left to train.

        Raises:
            InputError: The weights cannot be loaded.
        """

    def look_for_pretrained(self) -> str:
        """Say where ``load_pretrained`` finds its weights, or from where it downloads them; empty if it loads none.

        Raises:
            InputError: They are not here, and cannot be downloaded.
        """
        return ""

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


def _stage_key(name: str) -> str:
    """Return the key of a stage in the ``ModuleDict``: torch allows no dots in a module's name."""
    return name.replace(".", "/")


def default_batch_size(shape: Sequence[int]) -> int:
    """Return how many samples of this shape a network evaluates together: fewer if they are large."""
    return max(1, min(_LARGEST_BATCH, _MOST_BATCH_VALUES // math.prod(shape)))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode inside; each part returns to its mode before, since frozen parts may have another one."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


@torch.no_grad()
def predict_logits(model: nn.Module, images: Samples, batch_size: int | None = None) -> Tensor:
    """Return logits (N, K) on the CPU, computed in evaluation mode in batches of ``batch_size``.

    Without ``batch_size``, ``default_batch_size`` is used.
    """
    model.eval()
    device = next(model.parameters()).device
    size = batch_size or default_batch_size(images.shape[1:])
    batches = (images[first : first + size] for first in range(0, len(images), size))
    with without_tf32(device):
        return torch.cat([model(torch.from_numpy(batch).to(device)).float().cpu() for batch in batches])
