"""The family ``student``: a small encoder is trained from scratch to give the back end its features.

::

    X ─ g_a (small) ─ ŷ ─ entropy coder ─ ŷ ─ g_s ─ features' ─ back end ─ class

RA Fig. 8 bottom, eq. 10–11 (entropic student, Matsubara et al. 2022): first the task model's features are distilled,
then everything is fine-tuned on labels. Letters learn labels from the start. The transmitter holds no part of the task
model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.catalogue.families import StudentParameters
from ratefront.codecs.bottleneck.bottleneck import build_bottleneck, latent_shape_of_features
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.bottleneck_learner import BottleneckLearner, DistillationSchedule
from ratefront.codecs.bottleneck.learner_data import feature_shape, feature_splits
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.distortions import feature_error
from ratefront.codecs.reduction import Reduction, reduced_skeleton
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel

_POINT_HIDDEN = 2  # units of a point's last layer, as a multiple of the width


class StudentFamily(Family):
    """A small encoder, a bottleneck, and the task model's back end from the split point on."""

    @override
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> BottleneckCodec:
        parameters = StudentParameters.model_validate(structure.parameters)
        task_model = structure.task_model_untrained().eval()
        features = feature_shape(task_model.front_end(parameters.split), structure.shape)
        encoder = _encoder(structure.shape, features, parameters)
        if parameters.precision is not None:
            encoder = reduced_skeleton(
                encoder, structure.shape, Reduction(parameters.precision), keeps_outputs=True
            )
        return BottleneckCodec(
            nn.Identity(),
            build_bottleneck(
                parameters,
                features,
                with_prior=not receiver_only,
                g_a=nn.Sequential() if receiver_only else encoder,
            ),
            task_model.back_end(parameters.split),
            parameters.beta,
            feature_error=feature_error(parameters.distance),
        )

    @override
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> BottleneckLearner:
        if not isinstance(codec, BottleneckCodec):
            raise TypeError(f"expected a BottleneckCodec, got {type(codec).__name__}")
        parameters = StudentParameters.model_validate(structure.parameters)
        teacher = structure.task_model_untrained()
        teacher.load_state_dict(task_model.state_dict())
        codec.back_end.load_state_dict(teacher.back_end(parameters.split).state_dict())
        front_end = teacher.front_end(parameters.split).to(codec.device).eval().requires_grad_(False)
        train, validation = feature_splits(front_end, data, codec.device, inputs=True)
        if parameters.precision == "int8":
            features = tuple(train.features[torch.arange(1)].shape[1:])
            codec.bottleneck.g_a = _encoder(structure.shape, features, parameters).to(codec.device)
        schedule = DistillationSchedule(parameters.distilled_share, parameters.distance or "mse")
        return BottleneckLearner(
            codec, train, validation, teacher.back_end(parameters.split), schedule, parameters.precision
        )


def _encoder(
    sample: Sequence[int], features: tuple[int, ...], parameters: StudentParameters
) -> nn.Sequential:
    return student_encoder(
        sample,
        latent_shape_of_features(parameters, features),
        parameters.encoder_width,
        parameters.encoder_depth,
    )


def student_encoder(sample: Sequence[int], latents: Sequence[int], width: int, depth: int) -> nn.Sequential:
    """Build g_a for samples (C, H, W) or (P, 3), giving latents (L,) or (L, h, w).

    Args:
        sample: The shape of a sample.
        latents: The shape of its latents.
        width: Channels of each hidden layer.
        depth: Strided convolutions of images; linear layers of points.
    """
    if len(sample) == 2:
        return _point_encoder(sample, latents, width, depth)
    layers: list[nn.Module] = []
    channels, height, side = sample[0], sample[1], sample[2]
    least = latents[1] if len(latents) == 3 else 2
    for _ in range(depth):
        stride = 2 if min(height, side) >= 2 * least else 1
        layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.ReLU()]
        channels, height, side = width, -(-height // stride), -(-side // stride)
    if len(latents) == 3:
        return nn.Sequential(
            *layers, nn.AdaptiveAvgPool2d((latents[1], latents[2])), nn.Conv2d(channels, latents[0], 1)
        )
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * side, latents[0]))


def _point_encoder(sample: Sequence[int], latents: Sequence[int], width: int, depth: int) -> nn.Sequential:
    """The same network for each point, then max pooling over points (PointNet, Qi et al. 2017)."""
    layers: list[nn.Module] = []
    channels = sample[1]
    for _ in range(depth):
        layers += [nn.Linear(channels, width), nn.ReLU()]
        channels = width
    hidden = _POINT_HIDDEN * width
    return nn.Sequential(*layers, nn.Linear(channels, hidden), MaxPooling(), nn.Linear(hidden, latents[0]))


class MaxPooling(nn.Module):
    """Max pooling over points: (n, P, F) to (n, F)."""

    @override
    def forward(self, points: Tensor) -> Tensor:
        return torch.amax(points, dim=1)
