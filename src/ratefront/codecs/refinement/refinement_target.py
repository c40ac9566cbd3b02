"""What latents are optimised towards at encode time (``refine: sga``): an output of the task model.

It is never a label: an encoder has none (docs/theory.md, refinement).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn
from typing_extensions import override

from ratefront.codecs.distortions import RelativeFeatureError, divergence_from_teacher
from ratefront.codecs.refinement.sga import SGASettings


class RefinementTarget(ABC):
    """A distortion between the features that g_s gives and the uncoded features."""

    #: Takes features of g_s; its output is compared.
    coded_network: nn.Module

    #: Takes the uncoded features; its output is the target.
    reference_network: nn.Module

    @abstractmethod
    def distortion(self, synthesised: Tensor, target: Tensor) -> Tensor:
        """Distortion (n,) of features of g_s, given the output ``target`` of ``reference_network``."""

    @abstractmethod
    def modules(self) -> list[nn.Module]:
        """The modules that the transmitter must hold for it."""


@dataclass
class SoftOutput(RefinementTarget):
    """KL(teacher ‖ codec) of soft outputs; the teacher is the task model's own back end, ``reference_network``."""

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
    """The distance of the task model's deepest features, where its back end has not been changed."""

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
    """How latents are optimised at encode time, and towards what."""

    settings: SGASettings
    target: RefinementTarget
