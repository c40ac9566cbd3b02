"""The family ``label``: which classifier its transmitter runs, and where that gets its weights."""

from __future__ import annotations

from dataclasses import replace

from torch import nn
from typing_extensions import override

from ratefront.catalogue.families import LabelParameters
from ratefront.codecs.codec_interface import Codec, CodecStructure, Family
from ratefront.codecs.label.classifier_learner import ClassifierLearner
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.codecs.label.small_classifier import folded, small_classifier
from ratefront.codecs.reduction import Reduction, reduce_network, reduced_skeleton
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.task_models.training.augment import augmentation


class LabelFamily(Family):
    """Lossless, with merged classes, or time-shared; only a small classifier is trained by gradient."""

    @override
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> LabelCodec:
        parameters = LabelParameters.model_validate(structure.parameters)
        is_task_model = _decides_as_task_model(structure, parameters)
        needs_none = receiver_only and not is_task_model
        classifier = nn.Identity() if needs_none else _skeleton(structure, parameters)
        return LabelCodec(classifier, structure.classes, parameters.share or 1.0, is_task_model=is_task_model)

    @override
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> ClassifierLearner | None:
        if not isinstance(codec, LabelCodec):
            raise TypeError(f"expected a LabelCodec, got {type(codec).__name__}")
        parameters = LabelParameters.model_validate(structure.parameters)
        merged_classes = parameters.merged_classes or 0
        if parameters.classifier == "small":
            return ClassifierLearner(
                codec,
                _small(structure, parameters),
                task_model if parameters.classifier_loss == "distillation" else None,
                data,
                augmentation(structure.task_model.get("augment", "none"), data.shape),
                merged_classes,
                _reduction(parameters),
            )
        classifier: nn.Module = task_model
        if not codec.is_task_model:
            sequence = _in_sequence(task_model)
            classifier = reduce_network(
                sequence, data.train.images, _reduction(parameters), keeps_outputs=True
            )
        codec.classifier.load_state_dict(classifier.state_dict())
        predicted = predict_logits(codec.classifier, data.train.images).argmax(dim=1)
        codec.fit(predicted.numpy(), merged_classes)
        return None


def _decides_as_task_model(structure: CodecStructure, parameters: LabelParameters) -> bool:
    """Whether the transmitter runs the task model as it is: not pruned, and in its own precision."""
    own_precision = structure.task_model.get("precision", "fp16")
    keeps_precision = parameters.precision in (None, own_precision)
    return parameters.classifier == "task_model" and parameters.pruning == "none" and keeps_precision


def _skeleton(structure: CodecStructure, parameters: LabelParameters) -> nn.Module:
    """The classifier with arbitrary weights."""
    if _decides_as_task_model(structure, parameters):
        return structure.task_model_untrained()
    if parameters.classifier == "small":
        network = folded(_small(structure, parameters))
    else:
        network = _in_sequence(structure.task_model_untrained().eval())
    return reduced_skeleton(network, structure.shape, _reduction(parameters), keeps_outputs=True)


def _small(structure: CodecStructure, parameters: LabelParameters) -> nn.Sequential:
    assert parameters.classifier_width is not None, "the parameters require it"
    assert parameters.classifier_depth is not None, "the parameters require it"
    return small_classifier(
        structure.shape, structure.classes, parameters.classifier_width, parameters.classifier_depth
    )


def _in_sequence(task_model: TaskModel) -> nn.Sequential:
    return nn.Sequential(*task_model.stages.values())


def _reduction(parameters: LabelParameters) -> Reduction:
    reduction = Reduction.of(parameters)
    if parameters.classifier == "small" and reduction.precision is None:
        return replace(reduction, precision="fp16")
    return reduction
