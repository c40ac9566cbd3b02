"""How a bottleneck is trained: rate + β·distortion of labels (RA eq. 10), features (RA eq. 11), or both in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.catalogue.reductions import PrecisionName
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.bottleneck.learner_data import LearnerSplit, spread_positions
from ratefront.codecs.codec_interface import Learner
from ratefront.codecs.distortions import cross_entropy, divergence_from_teacher
from ratefront.codecs.reduction import Reduction, reduce_network
from ratefront.complexity.stored_precision import round_to_half

#: Learning rate of the densities, relative to the networks': they must follow the latents, whose rate they estimate.
_DENSITY_LEARNING_RATE = 5.0
_FIT_SAMPLES, _FIT_BATCH = 4096, 128  # samples for the unit of the feature error
_CALIBRATION_SAMPLES = 512  # inputs of g_a, where it is converted to int8
_SPREAD_SAMPLES = 512  # samples that the first scale of latents is measured on
_FIRST_INFORMATION_WEIGHT = 0.05
_UPDATE_SAMPLES = 65_536  # training samples that the coder's tables are made from


@dataclass(frozen=True)
class DistillationSchedule:
    """What is distilled, and until when.

    Attributes:
        distilled_until: The share of the training in which features are matched (1: all, 0: none). Labels are
            learned from then on.
        distance: mse, mae or cosine of the deepest features, or kl of the task model's soft output.
    """

    distilled_until: float
    distance: str = "mse"

    def distils(self, progress: float) -> bool:
        """Whether features are matched at this progress of the training, from 0 to 1."""
        return progress < self.distilled_until

    @property
    def fine_tunes(self) -> bool:
        """Whether the back end is trained as well."""
        return self.distilled_until < 1


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 on a GPU, and no change elsewhere; for the task model's layers only.

    In the bottleneck, whose latents are rounded, eight bits made codecs collapse (docs/results/families.md).
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.autocast("cuda", dtype=torch.bfloat16)


def _rate_weight(progress: float) -> float:
    """The weight of the rate, which rises from 0 to 1 in the first half of the training.

    With the full rate from the start, latents become constant before they carry anything, since that is cheapest. Those
    of a trained codec carry something, and keep it: such a training begins at progress ½.
    """
    return min(1.0, 2 * progress)


def _information_weight(progress: float) -> float:
    """The distortion that a bit of a letter's information is worth, which falls to 0 in the first half of the training.

    A letter that no sample chooses has hardly a gradient from the distortion: without a reward fewer come into use.
    """
    return _FIRST_INFORMATION_WEIGHT * max(0.0, 1 - 2 * progress)


class RateDistortionLearner(Learner):
    """Trains g_a, the entropy model and g_s on rate + β·distortion; the back end as well if ``fine_tunes``."""

    def __init__(
        self, codec: BottleneckCodec, train: LearnerSplit, validation: LearnerSplit, *, fine_tunes: bool
    ) -> None:
        self.codec, self.train, self.validation, self.fine_tunes = codec, train, validation, fine_tunes
        codec.back_end.requires_grad_(fine_tunes)

    @abstractmethod
    def distortion(self, synthesised: Tensor, batch: Tensor, progress: float) -> Tensor:
        """Distortion (n,) of what g_s gives for the samples at positions (n,) of the training split."""

    @override
    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        bottleneck = self.codec.bottleneck
        densities = [p for module in bottleneck.model.densities() for p in module.parameters()]
        density_ids = {id(parameter) for parameter in densities}
        back_end = self.codec.back_end.parameters() if self.fine_tunes else ()
        networks = [p for p in bottleneck.parameters() if id(p) not in density_ids]
        return [
            {"params": [*networks, *back_end], "lr": learning_rate},
            {
                "params": [p for p in densities if p.requires_grad],
                "lr": _DENSITY_LEARNING_RATE * learning_rate,
            },
        ]

    @override
    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        return self.train.shuffled(batch_size, generator)

    @override
    def loss(self, batch: Tensor, progress: float) -> Tensor:
        coded = self.codec.bottleneck.surrogate(self.train.inputs[batch], progress)
        distortion = self.distortion(coded.synthesised, batch, progress)
        reward = _information_weight(progress) * coded.information
        mean: Tensor = (_rate_weight(progress) * coded.bits + self.codec.beta * (distortion - reward)).mean()
        return mean

    @torch.no_grad()
    @override
    def validate(self) -> dict[str, float]:
        bits, correct = [], []
        model = self.codec.bottleneck.model
        for index in self.validation.positions():
            latents = model.quantize_unbounded(
                self.codec.bottleneck.latent_parameters(self.validation.inputs[index])
            )
            bits.append(model.bits(model.dequantize(latents)))
            decided = self.codec.logits(latents).argmax(dim=1)
            correct.append(decided == self.validation.labels[index.to(decided.device)])
        return {
            "rate_bits_estimated": float(torch.cat(bits).mean()),
            "accuracy": float(torch.cat(correct).float().mean()),
        }

    @override
    def trained_modules(self) -> Mapping[str, nn.Module]:
        return {"bottleneck": self.codec.bottleneck, "back_end": self.codec.back_end}

    @torch.no_grad()
    @override
    def finish(self) -> None:
        bottleneck, model = self.codec.bottleneck, self.codec.bottleneck.model
        for module in (self.codec.front_end, bottleneck, self.codec.back_end):
            round_to_half(module)
        model.round_networks()
        self.reduce_analysis()
        model.update(
            model.quantize_unbounded(bottleneck.latent_parameters(self.train.inputs[index]))
            for index in self.train.positions(_UPDATE_SAMPLES)
        )
        self.codec.requires_grad_(False)

    def reduce_analysis(self) -> None:
        """Give g_a, as trained, the form in which it is stored; by default it has that already."""


class BottleneckLearner(RateDistortionLearner):
    """Trains a split codec or a student: on features, or on labels with the back end fine-tuned.

    ``task_back_end`` is the task model's own back end. It stays frozen and gives the features to match. A g_a whose
    ``precision`` is int8 is trained in float, and converted when training ends.
    """

    def __init__(
        self,
        codec: BottleneckCodec,
        train: LearnerSplit,
        validation: LearnerSplit,
        task_back_end: nn.Sequential,
        schedule: DistillationSchedule,
        precision: PrecisionName | None = None,
    ) -> None:
        super().__init__(codec, train, validation, fine_tunes=schedule.fine_tunes)
        self.frozen, self.schedule = task_back_end.to(codec.device).eval().requires_grad_(False), schedule
        self._precision = precision
        few = spread_positions(len(train.labels), _FIT_SAMPLES).split(_FIT_BATCH)
        with torch.no_grad():
            codec.feature_error.fit(torch.cat([self.frozen[:-1](train.features[index]) for index in few]))
        codec.bottleneck.spread(train.inputs[spread_positions(len(train.labels), _SPREAD_SAMPLES)])

    @override
    def reduce_analysis(self) -> None:
        if self._precision == "int8":
            few = self.train.inputs[spread_positions(len(self.train.labels), _CALIBRATION_SAMPLES)]
            bottleneck = self.codec.bottleneck
            bottleneck.g_a = reduce_network(
                bottleneck.g_a, few.cpu().numpy(), Reduction(self._precision), keeps_outputs=True
            )

    @override
    def distortion(self, synthesised: Tensor, batch: Tensor, progress: float) -> Tensor:
        device = self.codec.device
        if not self.schedule.distils(progress):
            with mixed_precision(device):
                logits = self.codec.back_end(synthesised)
            return cross_entropy(logits.float(), self.train.labels[batch])
        network = self.frozen if self.schedule.distance == "kl" else self.frozen[:-1]
        with mixed_precision(device):
            coded = network(synthesised)
            with torch.no_grad():
                target = network(self.train.features[batch])
        if self.schedule.distance == "kl":
            return divergence_from_teacher(coded.float(), target.float())
        error: Tensor = self.codec.feature_error(coded.float(), target.float())
        return error
