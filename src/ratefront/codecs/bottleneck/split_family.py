"""The family ``split``: how its codecs are built from their parameters, and how they are trained."""

from __future__ import annotations

from torch import nn
from typing_extensions import override

from ratefront.catalogue.families import SplitParameters
from ratefront.codecs.bottleneck.bottleneck import build_bottleneck
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.bottleneck_learner import BottleneckLearner, DistillationSchedule
from ratefront.codecs.bottleneck.learner_data import feature_shape, feature_splits
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.distortions import feature_error
from ratefront.codecs.refinement.refinement_target import DeepFeatures, Refinement, SoftOutput
from ratefront.codecs.refinement.sga import SGASettings
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel


class SplitFamily(Family):
    """The front end is frozen, the bottleneck is trained; with cross-entropy the back end is fine-tuned as well."""

    @override
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> BottleneckCodec:
        parameters = SplitParameters.model_validate(structure.parameters)
        task_model = structure.task_model_untrained().eval()
        front_end, back_end = task_model.front_end(parameters.split), task_model.back_end(parameters.split)
        features = feature_shape(front_end, structure.shape)
        refines = parameters.refine != "none" and not receiver_only
        needs_teacher = refines and parameters.objective == "cross_entropy"
        codec = BottleneckCodec(
            nn.Identity() if receiver_only else front_end,
            build_bottleneck(parameters, features, with_prior=not receiver_only),
            back_end,
            parameters.beta,
            feature_error=feature_error(parameters.distance),
            teacher=structure.task_model_untrained().back_end(parameters.split) if needs_teacher else None,
        )
        if refines:
            codec.refinement = _refinement(codec, parameters)
        return codec

    @override
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> BottleneckLearner:
        if not isinstance(codec, BottleneckCodec):
            raise TypeError(f"expected a BottleneckCodec, got {type(codec).__name__}")
        parameters = SplitParameters.model_validate(structure.parameters)
        codec.front_end.load_state_dict(task_model.front_end(parameters.split).state_dict())
        codec.front_end.eval().requires_grad_(False)
        for back_end in (codec.back_end, codec.teacher):
            if back_end is not None:
                back_end.load_state_dict(task_model.back_end(parameters.split).state_dict())
        if codec.teacher is not None:
            codec.teacher.eval().requires_grad_(False)
        train, validation = feature_splits(codec.front_end, data, codec.device, inputs=False)
        always = parameters.objective == "feature_distillation"
        schedule = DistillationSchedule(1.0 if always else 0.0, parameters.distance or "mse")
        frozen = structure.task_model_untrained().back_end(parameters.split)
        frozen.load_state_dict(task_model.back_end(parameters.split).state_dict())
        return BottleneckLearner(codec, train, validation, frozen, schedule)


def _refinement(codec: BottleneckCodec, parameters: SplitParameters) -> Refinement:
    assert parameters.refine_steps is not None, "checked by the parameter model"
    settings = SGASettings(parameters.refine_steps, parameters.refine_learning_rate)
    if codec.teacher is not None:
        return Refinement(settings, SoftOutput(codec.back_end, codec.teacher))
    if parameters.distance == "kl":  # the back end is the teacher: distilling leaves it as it was
        return Refinement(settings, SoftOutput(codec.back_end, codec.back_end))
    return Refinement(settings, DeepFeatures(codec.deepest, codec.feature_error))
