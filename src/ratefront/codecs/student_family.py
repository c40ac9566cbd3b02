"""How a student codec is built from its parameters, and how it learns."""

from __future__ import annotations

import torch
from torch import nn

from ratefront.catalogue.families import StudentParameters
from ratefront.codecs.bottleneck import build_bottleneck, input_shape
from ratefront.codecs.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck_learner import BottleneckLearner, Material, Objective
from ratefront.codecs.contract import Codec, CodecStructure, Family
from ratefront.codecs.sources import source_of
from ratefront.codecs.split_family import feature_shape, features_source, labels_on
from ratefront.codecs.student import student_encoder
from ratefront.data.content import content_of
from ratefront.data.splits import Dataset, Split
from ratefront.objectives.distortions import RelativeFeatureError
from ratefront.tasks.model import TaskModel


class StudentFamily(Family):
    """A small encoder, a bottleneck, and the task model's back end from the split point on."""

    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> BottleneckCodec:
        parameters = StudentParameters.model_validate(structure.parameters)
        task_model = structure.task_model_untrained().eval()
        features = feature_shape(task_model.front_end(parameters.split), structure.shape)
        encoder = student_encoder(
            structure.shape,
            input_shape(parameters, features),
            parameters.encoder_width,
            parameters.encoder_depth,
        )
        distance = parameters.distance if parameters.distance not in (None, "kl") else "mse"
        return BottleneckCodec(
            nn.Identity(),
            build_bottleneck(parameters, features, with_prior=not receiver_only, g_a=encoder),
            task_model.back_end(parameters.split),
            parameters.beta,
            feature_error=RelativeFeatureError(distance),
        )

    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> BottleneckLearner:
        if not isinstance(codec, BottleneckCodec):
            raise TypeError(f"expected a BottleneckCodec, got {type(codec).__name__}")
        parameters = StudentParameters.model_validate(structure.parameters)
        own = structure.task_model_untrained()
        own.load_state_dict(task_model.state_dict())
        codec.back_end.load_state_dict(own.back_end(parameters.split).state_dict())
        front_end = own.front_end(parameters.split).to(codec.device).eval().requires_grad_(False)
        content = content_of(data)
        train, validation = (
            _material(front_end, split, f"{content} {name}", codec.device)
            for name, split in (("train", data.train), ("validation", data.validation))
        )
        objective = Objective(parameters.distilled_until, parameters.distance or "mse")
        return BottleneckLearner(codec, train, validation, own.back_end(parameters.split), objective)


def _material(front_end: nn.Module, split: Split, content: str, device: torch.device) -> Material:
    features = features_source(front_end, split, content, device)
    return Material(source_of(split.images, device), features, labels_on(split, device))
