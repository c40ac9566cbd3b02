"""A learned image codec in front of the task model (RA Fig. 8 middle): the receiver decodes an image, then decides.

::

    X ─ g_a ─ ŷ ─ entropy coder ─ ŷ ─ g_s ─ X̂ ─ 8 bit ─ task model ─ class
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from ratefront.codecs.bottleneck.bottleneck import Bottleneck
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.bottleneck_learner import RateDistortionLearner, mixed_precision
from ratefront.codecs.bottleneck.learner_splits import LearnerSplit
from ratefront.codecs.image.image_error import mean_squared_error
from ratefront.data.dataset import Samples
from ratefront.objectives.distortions import RelativeFeatureError, cross_entropy
from ratefront.tasks.task_model import TaskModel

_STEPS = 255
_ON_IMAGES_UNTIL = 0.25  # of a training for the task
_FIRST_LAMBDA = 0.01  # what images are learned with until then: a middle quality of CompressAI's models


class EightBitPixels(nn.Module):
    """What an image file can hold, 8 bit in [0, 1]; gradients pass the rounding, not what lies outside of the range.

    Past the range nothing changes the image any more: a gradient there would drive values on and on.
    """

    @override
    def forward(self, values: Tensor) -> Tensor:
        inside = values.float().clamp(0, 1)
        held = (inside * _STEPS).round() / _STEPS
        return inside + (held - inside).detach() if values.requires_grad else held


def task_model_on_pixels(task_model: TaskModel) -> nn.Sequential:
    """The task model behind what an image file can hold."""
    return nn.Sequential(EightBitPixels(), *task_model.stages.values())


class LearnedImageCodec(BottleneckCodec):
    """A bottleneck between images, whose back end is the whole task model."""

    def __init__(self, bottleneck: Bottleneck, task_model: TaskModel, beta: float) -> None:
        back_end = task_model_on_pixels(task_model).eval()
        super().__init__(nn.Identity(), bottleneck, back_end, beta, feature_error=RelativeFeatureError())

    @torch.no_grad()
    def images(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to images (n, C, H, W) as the task model sees them."""
        images: Tensor = self.back_end[0](self.bottleneck.decode(latents.to(self.device)))
        return images

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """``image_mse``: see ``image_error``."""

        def decoded(images: Tensor) -> NDArray[np.float32]:
            coded: NDArray[np.float32] = self.images(torch.from_numpy(self.analyse(images))).cpu().numpy()
            return coded

        return {"image_mse": mean_squared_error(samples, decoded)}


class ImageLearner(RateDistortionLearner):
    """Learns g_a, the entropy model and g_s; the task model stays as it is.

    ``of_task`` False: rate + β · pixels · 255² · MSE, MSE being the mean over pixels and channels of images in [0, 1]:
    β is the λ of CompressAI's models, for rate and error are both a pixel's there. True: rate + β·CE of the task model
    on the decoded image, β in bits a nat; the first quarter of the training is on images all the same, since behind a
    synthesis that knows no images yet the task model has no gradient to give, and latents wander off.
    """

    def __init__(
        self, codec: LearnedImageCodec, train: LearnerSplit, validation: LearnerSplit, *, of_task: bool
    ) -> None:
        super().__init__(codec, train, validation, fine_tunes=False)
        self.of_task = of_task

    @override
    def distortion(self, synthesised: Tensor, batch: Tensor, progress: float) -> Tensor:
        if not self.of_task:
            return squared_error(synthesised, self.train.inputs[batch])
        if progress < _ON_IMAGES_UNTIL:
            return squared_error(synthesised, self.train.inputs[batch]) * (_FIRST_LAMBDA / self.codec.beta)
        with mixed_precision(self.codec.device):
            logits = self.codec.back_end(synthesised)
        return cross_entropy(logits.float(), self.train.labels[batch])


def squared_error(decoded: Tensor, images: Tensor) -> Tensor:
    """Squared error (n,) of images (n, C, H, W) in steps of 8 bit, summed over pixels, the mean of their channels."""
    return _STEPS**2 * (decoded - images).square().mean(dim=1).sum(dim=(1, 2))
