"""What every task model is: named stages in a row, cut at a split point into a front end and a back end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ratefront.data.splits import Samples
from ratefront.errors import UnknownNameError


class TaskModel(nn.Module):
    """A classifier made of named stages; input (N, C, H, W), output logits (N, K).

    Every stage but the last may be a split point: between stages the graph has exactly one edge (a cut vertex), so that
    what is sent there is all that the rest needs.
    """

    def __init__(self, stages: Sequence[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(dict(stages))

    @property
    def splits(self) -> tuple[str, ...]:
        """The split points, from input to output."""
        return tuple(self.stages)[:-1]

    def forward(self, images: Tensor) -> Tensor:
        return _run(self.stages.values(), images)

    def front_end(self, split: str) -> nn.Sequential:
        """The stages up to and including the split point."""
        return nn.Sequential(*list(self.stages.values())[: self._position(split) + 1])

    def back_end(self, split: str) -> nn.Sequential:
        """The stages behind the split point."""
        return nn.Sequential(*list(self.stages.values())[self._position(split) + 1 :])

    def _position(self, split: str) -> int:
        if split not in self.splits:
            raise UnknownNameError("split point", split, self.splits)
        return self.splits.index(split)


def _run(stages: object, value: Tensor) -> Tensor:
    for stage in stages:  # type: ignore[attr-defined]
        value = stage(value)
    return value


@torch.no_grad()
def predict_logits(model: nn.Module, images: Samples, batch_size: int = 512) -> Tensor:
    """Logits (N, K) on the CPU, in evaluation mode, in batches."""
    model.eval()
    device = next(model.parameters()).device
    batches = (images[first : first + batch_size] for first in range(0, len(images), batch_size))
    return torch.cat([model(torch.from_numpy(batch).to(device)).cpu() for batch in batches])


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round every floating tensor to what fp16 can store; arithmetic stays in fp32."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().to(tensor.dtype))
