"""What torchvision's models have in common here: how images come in, and weights that were learned on ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ratefront.catalogue.task_models import IMAGENET_CLASSES, ImageNetParameters
from ratefront.errors import InputError
from ratefront.tasks.architectures.torchvision_weights import load_torchvision_weights
from ratefront.tasks.own_network.weights_file import fill_network
from ratefront.tasks.task_model import TaskModel

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

#: Names and modules, from input to output.
Stages: TypeAlias = Sequence[tuple[str, nn.Module]]


class Incoming(nn.Module):
    """Images (N, 1 or 3, H, W) in [0, 1] to three channels, normalised as ImageNet's where the weights expect it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        if normalise:
            self.register_buffer("mean", torch.tensor(_MEAN).reshape(3, 1, 1), persistent=False)
            self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        coloured = images.expand(-1, 3, -1, -1)
        return (coloured - self.mean) / self.deviation if self.normalise else coloured


class ImageNetModel(TaskModel):
    """One of torchvision's models, cut into stages; the last stage is its classifier.

    ``whole`` makes torchvision's model for so many classes, ``cut`` the stages of one; ``url`` holds its weights.
    """

    def __init__(
        self,
        whole: Callable[[int], nn.Module],
        cut: Callable[[nn.Module], Stages],
        url: str,
        parameters: ImageNetParameters,
        classes: int,
    ) -> None:
        network = whole(classes)
        normalises = parameters.pretrained if parameters.normalise is None else parameters.normalise
        incoming = Incoming(normalise=normalises)
        (name, first), *further = cut(network)
        super().__init__([(name, nn.Sequential(incoming, *first.children())), *further], network)
        self._incoming = (incoming,)  # in a tuple, since it is a part of the first stage already
        self._url, self._told, self._classes = url, parameters, classes

    def run_network(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self._incoming[0](images))
        return logits

    def load_pretrained(self) -> None:
        """With ``pretrained``: torchvision's weights. All but a new classifier is frozen, unless ``fine_tune``.

        Raises:
            InputError: The weights cannot be had, or nothing would train the classifier of other classes than
                ImageNet's.
        """
        if not self._told.pretrained:
            return
        is_new = self._classes != IMAGENET_CLASSES
        if is_new and self._told.epochs == 0:
            raise InputError(
                f"task_model.epochs: must be ≥ 1 to train a classifier of {self._classes} classes (the weights know "
                f"ImageNet's {IMAGENET_CLASSES}), got 0"
            )
        *_, classifier = self.stages.values()
        self._fill(load_torchvision_weights(self._url), classifier if is_new else None)
        self.requires_grad_(self._told.fine_tune)
        classifier.requires_grad_(self._told.fine_tune or is_new)

    def _fill(self, learned: Mapping[str, Tensor], new: nn.Module | None) -> None:
        """All weights but those of the ``new`` classifier, which keeps its own."""
        own = {id(tensor) for tensor in new.parameters()} if new else set()
        kept = {name for name, tensor in self.network.named_parameters() if id(tensor) in own}
        fill_network(self.network, learned, self._url, but=kept)
