"""The family ``split``: how its codecs are built from their parameters, and how they are trained."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn
from typing_extensions import override

from ratefront.catalogue.families import SplitParameters
from ratefront.codecs.bottleneck.bottleneck import build_analysis, build_bottleneck
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.bottleneck_learner import BottleneckLearner, DistillationSchedule
from ratefront.codecs.bottleneck.learner_data import LearnerSplit, feature_shape, feature_splits
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.distortions import feature_error
from ratefront.codecs.reduction import Reduction, reduce_network, reduced_skeleton
from ratefront.codecs.refinement.refinement_target import DeepFeatures, Refinement, SoftOutput
from ratefront.codecs.refinement.sga import SGASettings
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel


class SplitFamily(Family):
    """The front end is frozen, the bottleneck is trained; with cross-entropy the back end is fine-tuned as well.

    A front end that is pruned or in int8 is made before training, and frozen. g_a takes its features; the features that
    are distilled are the whole front end's. Pruning drops outputs of the last layer, too, unless refinement needs them:
    g_a then shrinks as well, and a front end of one layer has no other channels to lose.
    """

    @override
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> BottleneckCodec:
        parameters = SplitParameters.model_validate(structure.parameters)
        task_model = structure.task_model_untrained().eval()
        front_end, back_end = task_model.front_end(parameters.split), task_model.back_end(parameters.split)
        features = feature_shape(front_end, structure.shape)
        refines = parameters.refine != "none" and not receiver_only
        needs_teacher = refines and parameters.objective == "cross_entropy"
        transmitter = None if receiver_only else _reduced_skeleton(front_end, structure, parameters)
        codec = BottleneckCodec(
            nn.Identity() if transmitter is None else transmitter,
            build_bottleneck(
                parameters,
                features,
                with_prior=not receiver_only,
                g_a=_analysis(parameters, features, transmitter, structure),
            ),
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
        for back_end in (codec.back_end, codec.teacher):
            if back_end is not None:
                back_end.load_state_dict(task_model.back_end(parameters.split).state_dict())
        if codec.teacher is not None:
            codec.teacher.eval().requires_grad_(False)
        train, validation = _splits(codec, structure, task_model, data)
        if parameters.precision == "int8":
            codec.bottleneck.g_a = _analysis_in_float(parameters, train).to(codec.device)
        always = parameters.objective == "feature_distillation"
        schedule = DistillationSchedule(1.0 if always else 0.0, parameters.distance or "mse")
        frozen = structure.task_model_untrained().back_end(parameters.split)
        frozen.load_state_dict(task_model.back_end(parameters.split).state_dict())
        return BottleneckLearner(codec, train, validation, frozen, schedule, parameters.precision)


def _reduced_skeleton(
    front_end: nn.Sequential, structure: CodecStructure, parameters: SplitParameters
) -> nn.Sequential:
    reduction = Reduction.of(parameters)
    if reduction.is_none:
        return front_end
    return reduced_skeleton(
        front_end, structure.shape, reduction, keeps_outputs=parameters.keeps_outputs
    ).eval()


def _analysis(
    parameters: SplitParameters,
    features: tuple[int, ...],
    front_end: nn.Sequential | None,
    structure: CodecStructure,
) -> nn.Sequential | None:
    """Return g_a for the features of a reduced front end; nothing for a receiver; None where it takes all features."""
    if front_end is None:
        return nn.Sequential()
    if Reduction.of(parameters).is_none:
        return None
    inputs = feature_shape(front_end, structure.shape)
    g_a = build_analysis(parameters, inputs, features)
    return reduced_skeleton(g_a, inputs, Reduction(parameters.precision), keeps_outputs=True)


def _analysis_in_float(parameters: SplitParameters, train: LearnerSplit) -> nn.Sequential:
    """Return an untrained g_a in float, of the structure that the codec's g_a has in int8."""
    inputs, features = (tuple(source[torch.arange(1)].shape[1:]) for source in (train.inputs, train.features))
    return build_analysis(parameters, inputs, features)


def _splits(
    codec: BottleneckCodec, structure: CodecStructure, task_model: TaskModel, data: Dataset
) -> tuple[LearnerSplit, LearnerSplit]:
    """Give the codec its front end; return the splits: its features are inputs, the whole front end's are features."""
    parameters = SplitParameters.model_validate(structure.parameters)
    reduction, trained = Reduction.of(parameters), task_model.front_end(parameters.split).state_dict()
    if reduction.is_none:
        codec.front_end.load_state_dict(trained)
        codec.front_end.eval().requires_grad_(False)
        return feature_splits(codec.front_end, data, codec.device, inputs=False)
    whole = structure.task_model_untrained().front_end(parameters.split)
    whole.load_state_dict(trained)
    whole = whole.to(codec.device).eval().requires_grad_(False)
    front_end = reduce_network(whole, data.train.images, reduction, keeps_outputs=parameters.keeps_outputs)
    codec.front_end.load_state_dict(front_end.state_dict())
    codec.front_end.eval().requires_grad_(False)
    inputs, features = (
        feature_splits(network, data, codec.device, inputs=False) for network in (codec.front_end, whole)
    )
    train, validation = (
        replace(split, features=other.features) for split, other in zip(inputs, features, strict=True)
    )
    return train, validation


def _refinement(codec: BottleneckCodec, parameters: SplitParameters) -> Refinement:
    assert parameters.refine_steps is not None, "checked by the parameter model"
    settings = SGASettings(parameters.refine_steps, parameters.refine_learning_rate)
    if codec.teacher is not None:
        return Refinement(settings, SoftOutput(codec.back_end, codec.teacher))
    if parameters.distance == "kl":  # the back end is the teacher: distilling leaves it as it was
        return Refinement(settings, SoftOutput(codec.back_end, codec.back_end))
    return Refinement(settings, DeepFeatures(codec.deepest, codec.feature_error))
