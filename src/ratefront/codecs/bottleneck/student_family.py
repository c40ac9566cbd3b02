"""How a student codec is built from its parameters, and how it learns."""

from __future__ import annotations

from torch import nn

from ratefront.catalogue.families import StudentParameters
from ratefront.codecs.bottleneck.bottleneck import build_bottleneck, input_shape
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.bottleneck_learner import BottleneckLearner, Objective
from ratefront.codecs.bottleneck.student_encoder import student_encoder
from ratefront.codecs.bottleneck.training_inputs import feature_material, feature_shape
from ratefront.codecs.contract import Codec, CodecStructure, Family
from ratefront.data.dataset import Dataset
from ratefront.objectives.distortions import feature_error
from ratefront.tasks.task_model import TaskModel


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
        return BottleneckCodec(
            nn.Identity(),
            build_bottleneck(parameters, features, with_prior=not receiver_only, g_a=encoder),
            task_model.back_end(parameters.split),
            parameters.beta,
            feature_error=feature_error(parameters.distance),
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
        train, validation = feature_material(front_end, data, codec.device, inputs=True)
        objective = Objective(parameters.distilled_until, parameters.distance or "mse")
        return BottleneckLearner(codec, train, validation, own.back_end(parameters.split), objective)
