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
from ratefront.codecs.bottleneck.learner_data import LearnerSplit
from ratefront.codecs.distortions import RelativeFeatureError, cross_entropy
from ratefront.codecs.image.image_error import mean_squared_error
from ratefront.data.dataset import Samples
from ratefront.task_models.task_model import TaskModel

_STEPS = 255
_IMAGE_ERROR_UNTIL = 0.25  # share of a training for the task
_IMAGE_ERROR_LAMBDA = 0.01  # λ until then: a middle quality of CompressAI's models


class EightBitPixels(nn.Module):
    """Rounds images to 8 bit in [0, 1]. Gradients pass the rounding; outside of the range they are 0.

    Outside of the range the decoded image no longer changes, and a gradient there would drive values away without end.
    """

    @override
    def forward(self, values: Tensor) -> Tensor:
        inside = values.float().clamp(0, 1)
        rounded = (inside * _STEPS).round() / _STEPS
        return inside + (rounded - inside).detach() if values.requires_grad else rounded


def task_model_on_pixels(task_model: TaskModel) -> nn.Sequential:
    """The task model on images that are first rounded to 8 bit."""
    return nn.Sequential(EightBitPixels(), *task_model.stages.values())


class LearnedImageCodec(BottleneckCodec):
    """A bottleneck from images to images; its back end is the whole task model."""

    def __init__(self, bottleneck: Bottleneck, task_model: TaskModel, beta: float) -> None:
        back_end = task_model_on_pixels(task_model).eval()
        super().__init__(nn.Identity(), bottleneck, back_end, beta, feature_error=RelativeFeatureError())

    @torch.no_grad()
    def images(self, latents: Tensor) -> Tensor:
        """Integers (n, elements) to images (n, C, H, W) of 8 bit in [0, 1], which the task model takes."""
        images: Tensor = self.back_end[0](self.bottleneck.decode(latents.to(self.device)))
        return images

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """``image_mse``; see ``image_error``."""

        def decoded(images: Tensor) -> NDArray[np.float32]:
            coded: NDArray[np.float32] = self.images(torch.from_numpy(self.analyse(images))).cpu().numpy()
            return coded

        return {"image_mse": mean_squared_error(samples, decoded)}


class ImageLearner(RateDistortionLearner):
    """Trains g_a, the entropy model and g_s; the task model is frozen.

    Without ``task_distortion`` the loss is rate + β · pixels · 255² · MSE, where MSE is the mean over pixels and
    channels of images in [0, 1]. β is then λ of CompressAI's models, whose rate and error are those of a pixel.

    With ``task_distortion`` the loss is rate + β · cross-entropy of the task model on the decoded image; β is in bits
    per nat. The first quarter of the training still uses the image error: as long as g_s gives no images, the task
    model gives no useful gradient, and the latents drift away.
    """

    def __init__(
        self,
        codec: LearnedImageCodec,
        train: LearnerSplit,
        validation: LearnerSplit,
        *,
        task_distortion: bool,
    ) -> None:
        super().__init__(codec, train, validation, fine_tunes=False)
        self.task_distortion = task_distortion

    @override
    def distortion(self, synthesised: Tensor, batch: Tensor, progress: float) -> Tensor:
        if not self.task_distortion:
            return squared_error(synthesised, self.train.inputs[batch])
        if progress < _IMAGE_ERROR_UNTIL:
            return squared_error(synthesised, self.train.inputs[batch]) * (
                _IMAGE_ERROR_LAMBDA / self.codec.beta
            )
        with mixed_precision(self.codec.device):
            logits = self.codec.back_end(synthesised)
        return cross_entropy(logits.float(), self.train.labels[batch])


def squared_error(decoded: Tensor, images: Tensor) -> Tensor:
    """Squared error (n,) of images (n, C, H, W) in squared steps of 8 bit: a sum over pixels, a mean over channels."""
    return _STEPS**2 * (decoded - images).square().mean(dim=1).sum(dim=(1, 2))
