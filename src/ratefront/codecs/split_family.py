"""How a split codec is built from its parameters, and how it learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ratefront.catalogue.families import SplitParameters
from ratefront.codecs.bottleneck import Bottleneck
from ratefront.codecs.categorical import CategoricalBottleneck
from ratefront.codecs.contract import Codec, CodecStructure, Family, Learner
from ratefront.codecs.factorized import FactorizedBottleneck
from ratefront.codecs.split import SplitCodec
from ratefront.data.splits import Dataset, Split
from ratefront.objectives.distortions import cross_entropy
from ratefront.refine.sga import Annealing
from ratefront.tasks.model import TaskModel, round_to_half

_PRIOR_SPEED = (
    5.0  # densities must follow the latents, or the rate is paid for where the latents no longer are
)


def _rate_weight(progress: float) -> float:
    """The rate is phased in over the first half: latents that mean nothing yet are cheapest when they are constant."""
    return min(1.0, 2 * progress)


class SplitFamily(Family):
    """Frozen front end; the bottleneck learns, and with cross-entropy the back end is fine-tuned with it."""

    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> SplitCodec:
        parameters = SplitParameters.model_validate(structure.parameters)
        task_model = structure.task_model_untrained()
        front_end = task_model.front_end(parameters.split)
        refinement = None if receiver_only else _annealing(parameters)
        needs_teacher = refinement is not None and parameters.objective == "cross_entropy"
        return SplitCodec(
            front_end,
            _bottleneck(parameters, _feature_shape(front_end, structure.shape), with_prior=not receiver_only),
            task_model.back_end(parameters.split),
            parameters.beta,
            refinement=refinement,
            teacher=structure.task_model_untrained().back_end(parameters.split) if needs_teacher else None,
        )

    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> SplitLearner:
        if not isinstance(codec, SplitCodec):
            raise TypeError(f"expected a SplitCodec, got {type(codec).__name__}")
        parameters = SplitParameters.model_validate(structure.parameters)
        codec.front_end.load_state_dict(task_model.front_end(parameters.split).state_dict())
        codec.front_end.requires_grad_(False)
        for back_end in (codec.back_end, codec.teacher):
            if back_end is not None:
                back_end.load_state_dict(task_model.back_end(parameters.split).state_dict())
        if codec.teacher is not None:
            codec.teacher.requires_grad_(False)
        return SplitLearner(codec, data, distil=parameters.objective == "feature_distillation")


def _annealing(parameters: SplitParameters) -> Annealing | None:
    if parameters.refine == "none" or parameters.refine_steps is None:
        return None
    return Annealing(parameters.refine_steps, parameters.refine_learning_rate)


def _bottleneck(parameters: SplitParameters, shape: tuple[int, ...], *, with_prior: bool) -> Bottleneck:
    if parameters.entropy_model == "categorical":
        if parameters.alphabet is None:
            raise ValueError("a categorical entropy model needs an alphabet")
        return CategoricalBottleneck(shape, parameters.width, parameters.alphabet, with_prior=with_prior)
    return FactorizedBottleneck(shape, parameters.width, with_prior=with_prior)


@torch.no_grad()
def _feature_shape(front_end: nn.Module, image: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(front_end(torch.zeros(1, *image)).shape[1:])


class SplitLearner(Learner):
    """Rate + β·distortion on features that are computed once: the front end is frozen.

    The distortion is the cross-entropy of the labels (RA eq. 10; the back end learns too), or, when
    distilling, the error of the task model's deepest features (RA eq. 11; the back end stays as it is).
    """

    def __init__(self, codec: SplitCodec, data: Dataset, *, distil: bool) -> None:
        self.codec, self.distil = codec, distil
        self.train = self._features(data.train)
        self.validation = self._features(data.validation)
        with torch.no_grad():
            codec.feature_error.fit(codec.deepest(self.train[0]))
        codec.back_end.requires_grad_(not distil)

    def _features(self, split: Split) -> tuple[Tensor, Tensor]:
        features = self.codec.features(torch.from_numpy(split.images))
        return features, torch.from_numpy(split.labels).to(features.device)

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        bottleneck = self.codec.bottleneck
        transforms = [bottleneck.g_a, bottleneck.g_s, *([] if self.distil else [self.codec.back_end])]
        groups = [{"params": [p for module in transforms for p in module.parameters()], "lr": learning_rate}]
        if bottleneck.prior is not None:
            prior = [p for p in bottleneck.prior.parameters() if p.requires_grad]
            groups.append({"params": prior, "lr": _PRIOR_SPEED * learning_rate})
        return groups

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        order = torch.randperm(len(self.train[1]), generator=generator)
        yield from order.to(self.codec.device).split(batch_size)

    def loss(self, batch: Tensor, progress: float) -> Tensor:
        features, labels = self.train[0][batch], self.train[1][batch]
        bottleneck = self.codec.bottleneck
        relaxed, bits = bottleneck.surrogate(bottleneck.g_a(features), progress)
        synthesised = bottleneck.g_s(relaxed)
        if self.distil:
            with torch.no_grad():
                target = self.codec.deepest(features)
            distortion = self.codec.feature_error(self.codec.deepest(synthesised), target)
        else:
            distortion = cross_entropy(self.codec.back_end(synthesised), labels)
        mean: Tensor = (_rate_weight(progress) * bits + self.codec.beta * distortion).mean()
        return mean

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        features, labels = self.validation
        bottleneck = self.codec.bottleneck
        relaxed = bottleneck.embed(bottleneck.unsettled(bottleneck.g_a(features)))
        correct = self.codec.back_end(bottleneck.g_s(relaxed)).argmax(dim=1) == labels
        return {
            "rate_bits_estimated": float(bottleneck.bits(relaxed).mean()),
            "accuracy": float(correct.float().mean()),
        }

    def trained_modules(self) -> Mapping[str, nn.Module]:
        return {"bottleneck": self.codec.bottleneck, "back_end": self.codec.back_end}

    @torch.no_grad()
    def finish(self) -> None:
        bottleneck = self.codec.bottleneck
        for module in (
            self.codec.front_end,
            bottleneck.g_a,
            bottleneck.g_s,
            bottleneck.prior,
            self.codec.back_end,
        ):
            if module is not None:
                round_to_half(module)
        bottleneck.settle(bottleneck.unsettled(bottleneck.g_a(self.train[0])))
        self.codec.requires_grad_(False)
