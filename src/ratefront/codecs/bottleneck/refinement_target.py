"""What per-sample optimisation compares a sample's latents by: never with a label, which no encoder has (theory §3)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn
from typing_extensions import override

from ratefront.objectives.distortions import RelativeFeatureError, divergence_from_teacher
from ratefront.refine.sga import SGASettings


class RefinementTarget(ABC):
    """A distortion between features that were synthesised and the ones that were not coded."""

    #: From synthesised features to what is compared, and from the features themselves.
    coded_network: nn.Module
    reference_network: nn.Module

    @abstractmethod
    def distortion(self, synthesised: Tensor, target: Tensor) -> Tensor:
        """(n,) of synthesised features and what ``reference_network`` made of the features."""

    @abstractmethod
    def modules(self) -> list[nn.Module]:
        """What the transmitter holds for it."""


@dataclass
class SoftOutput(RefinementTarget):
    """KL(teacher ‖ codec) of soft outputs; ``reference_network`` is the teacher, the task model's own back end."""

    coded_network: nn.Module
    reference_network: nn.Module

    @override
    def distortion(self, synthesised: Tensor, target: Tensor) -> Tensor:
        return divergence_from_teacher(self.coded_network(synthesised), target)

    @override
    def modules(self) -> list[nn.Module]:
        return [self.coded_network, self.reference_network]


@dataclass
class DeepFeatures(RefinementTarget):
    """The task model's deepest features, of a back end that is as it was."""

    deepest: nn.Module
    error: RelativeFeatureError

    def __post_init__(self) -> None:
        self.coded_network = self.reference_network = self.deepest

    @override
    def distortion(self, synthesised: Tensor, target: Tensor) -> Tensor:
        error: Tensor = self.error(self.deepest(synthesised), target)
        return error

    @override
    def modules(self) -> list[nn.Module]:
        return [self.deepest, self.error]


@dataclass
class Refinement:
    """How latents are optimised, and towards what."""

    settings: SGASettings
    target: RefinementTarget
