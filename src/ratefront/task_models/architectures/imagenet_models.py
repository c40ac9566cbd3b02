"""The common part of torchvision's models: the normalisation of images, and weights learned on ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.catalogue.task_models import IMAGENET_CLASSES, ImageNetParameters
from ratefront.errors import InputError
from ratefront.task_models.architectures.torchvision_weights import load_torchvision_weights, look_for_weights
from ratefront.task_models.own_network.read_weights_file import fill_network
from ratefront.task_models.task_model import TaskModel

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

#: Names and modules, from input to output.
Stages: TypeAlias = Sequence[tuple[str, nn.Module]]


class Incoming(nn.Module):
    """Bring images (N, 1 or 3, H, W) in [0, 1] to three channels, and normalise them if asked.

    With ``normalise``, ImageNet's mean is subtracted and the result divided by its standard deviation. The name of this
    class is part of the keys of cached features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        if normalise:
            self.register_buffer("mean", torch.tensor(_MEAN).reshape(3, 1, 1), persistent=False)
            self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W)."""
        coloured = images.expand(-1, 3, -1, -1)
        return (coloured - self.mean) / self.deviation if self.normalise else coloured


class ImageNetModel(TaskModel):
    """One of torchvision's models, cut into stages; the last stage is its classifier.

    Args:
        make_network: Makes torchvision's model for a number of classes.
        cut_into_stages: Returns the stages of such a model.
        url: Where torchvision offers the weights.
        parameters: The parameters of the sweep file.
        classes: The number of classes, K.
    """

    def __init__(
        self,
        make_network: Callable[[int], nn.Module],
        cut_into_stages: Callable[[nn.Module], Stages],
        url: str,
        parameters: ImageNetParameters,
        classes: int,
    ) -> None:
        network = make_network(classes)
        normalises = parameters.pretrained if parameters.normalise is None else parameters.normalise
        normalisation = Incoming(normalise=normalises)
        (name, first), *further = cut_into_stages(network)
        super().__init__([(name, nn.Sequential(normalisation, *first.children())), *further], network)
        self._normalisation = (
            normalisation,
        )  # in a tuple, so that torch does not register it again: it is a part of the first stage
        self._url, self._settings, self._classes = url, parameters, classes

    @override
    def run_network(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self._normalisation[0](images))
        return logits

    def load_pretrained(self) -> None:
        """Load torchvision's weights if ``pretrained``, and freeze all but a new classifier unless ``fine_tune``.

        Raises:
            InputError: The weights cannot be loaded; or the classes are not ImageNet's, and no epoch would train the
                new classifier.
        """
        if not self._settings.pretrained:
            return
        is_new = self._classes != IMAGENET_CLASSES
        if is_new and self._settings.epochs == 0:
            raise InputError(
                f"task_model.epochs: must be ≥ 1 to train a classifier of {self._classes} classes (the weights know "
                f"ImageNet's {IMAGENET_CLASSES}), got 0"
            )
        *_, classifier = self.stages.values()
        self._fill_network(load_torchvision_weights(self._url), classifier if is_new else None)
        self.requires_grad_(self._settings.fine_tune)
        classifier.requires_grad_(self._settings.fine_tune or is_new)

    @override
    def look_for_pretrained(self) -> str:
        return look_for_weights(self._url) if self._settings.pretrained else ""

    def _fill_network(self, learned: Mapping[str, Tensor], new: nn.Module | None) -> None:
        """Fill in all weights but those of the ``new`` classifier, which keeps its own."""
        new_ids = {id(tensor) for tensor in new.parameters()} if new else set()
        kept = {name for name, tensor in self.network.named_parameters() if id(tensor) in new_ids}
        fill_network(self.network, learned, self._url, except_for=kept)
