"""How a small classifier is trained: on labels, or on the task model's soft output (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.codecs.bottleneck.bottleneck_learner import mixed_precision
from ratefront.codecs.bottleneck.learner_data import LearnerSplit, image_splits
from ratefront.codecs.codec_interface import Learner
from ratefront.codecs.distortions import cross_entropy, divergence_from_teacher
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.codecs.label.small_classifier import folded
from ratefront.codecs.reduction import Reduction, reduce_network
from ratefront.data.dataset import Dataset
from ratefront.task_models.task_model import TaskModel, predict_logits
from ratefront.task_models.training.augment import Augmentation

ClassifierLoss = Literal["cross_entropy", "distillation"]

#: The learning rate, relative to the sweep's: small networks with normalisations learn best at large steps.
_LEARNING_RATE = 5.0

#: The temperature at which the task model's output is matched.
_TEMPERATURE = 4.0


class ClassifierLearner(Learner):
    """Trains a classifier with normalisations; at the end they are folded, and the codec gets the weights.

    Args:
        codec: The codec that is trained.
        classifier: The network with normalisations, from samples to logits (n, K).
        task_model: The teacher of a distillation; None: labels are learned.
        data: The data set.
        augment: Changes training samples at random; None: they stay as they are.
        merged_classes: How many of the rarest classes are merged.
        reduction: How the folded network is stored.
    """

    def __init__(
        self,
        codec: LabelCodec,
        classifier: nn.Sequential,
        task_model: TaskModel | None,
        data: Dataset,
        augment: Augmentation | None,
        merged_classes: int,
        reduction: Reduction,
    ) -> None:
        self.codec, self.classifier = codec, classifier.to(codec.device)
        self.teacher = (
            None if task_model is None else task_model.to(codec.device).eval().requires_grad_(False)
        )
        self._data, self._augment = data, augment
        self._merged_classes, self._reduction = merged_classes, reduction
        self.train, self.validation = image_splits(data, codec.device)
        for tensor in codec.classifier.state_dict().values():
            tensor.zero_()  # it gets its weights at the end; until then nothing in it depends on chance

    @override
    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.classifier.parameters()), "lr": _LEARNING_RATE * learning_rate}]

    @override
    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        return self.train.shuffled(batch_size, generator)

    @override
    def loss(self, batch: Tensor, progress: float) -> Tensor:
        self.classifier.train()
        samples = self.train.inputs[batch]
        if self._augment is not None:
            samples = self._augment(samples, torch.default_generator)
        logits = self.classifier(samples)
        if self.teacher is None:
            return cross_entropy(logits, self.train.labels[batch]).mean()
        with torch.no_grad(), mixed_precision(self.codec.device):
            taught = self.teacher(samples)
        divergence = divergence_from_teacher(logits / _TEMPERATURE, taught.float() / _TEMPERATURE)
        return _TEMPERATURE**2 * divergence.mean()

    @torch.no_grad()
    @override
    def validate(self) -> dict[str, float]:
        """Estimate the rate under a table of the validation split's own decisions; the final one is of training."""
        decisions = self._decisions(self.validation)
        self.codec.fit(decisions.numpy(), self._merged_classes)
        sent = self.codec.sent_classes(decisions.numpy())
        correct = torch.from_numpy(sent) == self.validation.labels.cpu()
        bits = self.codec.estimate_bits(sent.astype(np.int32)[:, None])
        return {"rate_bits_estimated": float(bits.mean()), "accuracy": float(correct.float().mean())}

    def _decisions(self, split: LearnerSplit) -> Tensor:
        self.classifier.eval()
        parts = [self.classifier(split.inputs[index]).argmax(dim=1).cpu() for index in split.positions()]
        return torch.cat(parts)

    @override
    def trained_modules(self) -> Mapping[str, nn.Module]:
        return {"classifier": self.classifier}

    @torch.no_grad()
    @override
    def finish(self) -> None:
        stored = reduce_network(
            folded(self.classifier.eval()), self._data.train.images, self._reduction, keeps_outputs=True
        )
        self.codec.classifier.load_state_dict(stored.state_dict())
        self.codec.requires_grad_(False)
        predicted = predict_logits(self.codec.classifier, self._data.train.images).argmax(dim=1)
        self.codec.fit(predicted.numpy(), self._merged_classes)
