"""What a codec is: from images to integer latents, to bits and back, to classes.

A codec turns a sample into ``elements`` integers (its latents), writes them with an entropy coder and reads
them back, and tells the class from them. In blocks only the coder shares anything: a sample's latents do not
depend on its neighbours (up to rounding, since networks compute in batches).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ratefront.bitstream.entropy_coder import FrequencyTable, Symbols
from ratefront.bitstream.string_coder import StringCoder
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables
from ratefront.complexity.macs import Macs
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.data.dataset import Dataset, Samples
from ratefront.records import Scalar
from ratefront.spec.schema import Named
from ratefront.tasks.build_task_model import build_task_model
from ratefront.tasks.task_model import TaskModel


class Codec(nn.Module, ABC):
    """A trained codec. Every tensor it needs is in its ``state_dict``."""

    #: True where a sample's decoded class depends on its position in the sequence (a shared schedule, shared draws).
    uses_position: bool = False

    #: True where a sample's latents depend on the others of its block.
    draws_jointly: bool = False

    @property
    @abstractmethod
    def elements(self) -> int | None:
        """Integers that stand for one sample; None where samples differ (see ``bitstream.LatentCoder``)."""

    @abstractmethod
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        """The samples (n, C, H, W) of one block, of which the first stands at position ``first``, to latents
        (n, elements), int32.
        """

    def analyse_alone(self, images: Tensor, first: int = 0) -> Symbols:
        """Latents of samples that are sent each as a string of its own; asked only where ``draws_jointly``."""
        return self.analyse(images, first)

    @abstractmethod
    def encode(self, latents: Symbols, first: int = 0) -> bytes:
        """Latents (n, elements) of a block as one self-terminating string; it has been tried that it decodes.

        Raises:
            BitstreamError: The string does not decode to the same latents.
        """

    @abstractmethod
    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        """Latents (samples, elements) of a string.

        Raises:
            BitstreamError: The string cannot have been made by this codec.
        """

    @abstractmethod
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        """Latents (n, elements) to classes (n,), int64, on the CPU: all that the receiver does."""

    def class_scores(self, latents: Symbols, first: int = 0) -> Tensor | None:
        """The scores (n, K) of which ``classify`` takes the largest, of equal ones the first; None where it compares
        none. They are logits or log-probabilities, and finite: softmax of them is the receiver's posterior, from which
        a result has its log loss.

        A receiver on another processor rounds otherwise: where scores are known, a trial tells a tie from a mistake.
        """
        return None

    def expected_classes(self, decisions: NDArray[np.int64], first: int = 0) -> NDArray[np.int64] | None:
        """What must be decoded of samples (n,) for which the task model decides so; None where it does not decide it.

        A trial compares what is decoded with it, by a pass of the stored weights that is not the codec's own.
        """
        return None

    @abstractmethod
    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        """−log2 likelihood (n,), float64, of a block's samples; computed without the coder and its tables."""

    @abstractmethod
    def transmitter_modules(self) -> Sequence[nn.Module]:
        """The modules whose tensors the transmitter must hold."""

    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        """The coder's tables that the transmitter must hold."""
        return ()

    def further_state_bytes(self) -> int:
        """State that encoding needs besides modules and tables, in bytes."""
        return 0

    def transmitter_tensors(self) -> Sequence[Tensor]:
        """The tensors outside of ``transmitter_modules`` that encoding reads: those behind its tables, which are what
        every ``QuantizedTables`` holds, and those that ``further_state_bytes`` counts.
        """
        quantized = (module for module in self.modules() if isinstance(module, QuantizedTables))
        return [tensor for tables in quantized for tensor in tables.table_tensors()]

    @property
    def transmitter_bytes(self) -> int:
        """All state that encoding needs (theory §6)."""
        modules, tables = module_bytes(*self.transmitter_modules()), table_bytes(self.transmitter_tables())
        return modules + tables + self.further_state_bytes()

    @abstractmethod
    def transmitter_macs(self, image: Tensor) -> Macs:
        """Multiply–accumulates of the transmitter for one image (1, C, H, W), of which some may be unknown."""

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """What only this family can tell of itself on the samples of the test split."""
        return {}

    @property
    def device(self) -> torch.device:
        """Where the codec's tensors are."""
        return next(chain(self.parameters(), self.buffers())).device


class EntropyCoded(StringCoder, Codec):
    """A codec whose latents are symbols of the entropy coder, under tables that both ends hold."""


@dataclass(frozen=True)
class CodecStructure:
    """All that decides a codec's structure, weights aside; plain data.

    ``task_model`` is the sweep file's description of it, ``shape`` one sample's: (C, H, W) or (P, 3).
    """

    parameters: Mapping[str, Scalar]
    task_model: Mapping[str, Any]
    classes: int
    shape: tuple[int, ...]

    def task_model_untrained(self) -> TaskModel:
        """The task model's architecture with arbitrary weights."""
        return build_task_model(Named.model_validate(dict(self.task_model)), self.classes, self.shape)


class Learner(ABC):
    """What the training loop needs of a codec that learns."""

    @abstractmethod
    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """What the optimiser moves, as groups of ``params`` and ``lr`` round the sweep's learning rate."""

    @abstractmethod
    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """One epoch: indices into the training split."""

    @abstractmethod
    def loss(self, batch: Tensor, progress: float) -> Tensor:
        """The mean loss of a batch; ``progress`` runs from 0 to 1 over the whole training."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Metrics of the validation split as training stands: ``rate_bits_estimated``, ``accuracy``."""

    @abstractmethod
    def trained_modules(self) -> Mapping[str, nn.Module]:
        """The modules that training changes, by name: their ``state_dict`` is what a checkpoint keeps.

        What is made anew to the same bits when the learner is built again (frozen parts, features, statistics of the
        data) may be left out. A trial that was killed is given a new learner, whose modules are then filled.
        """

    def further_tensors(self) -> Mapping[str, Tensor]:
        """Tensors outside of these modules that training changes, by name; a checkpoint is read back into them.

        All that changes must be a tensor here or there, and all chance torch's own: its global generators, or the
        one that ``batches`` is given.
        """
        return {}

    @abstractmethod
    def finish(self) -> None:
        """End training: round the weights, fix the tables."""


class Family(ABC):
    """A kind of codec: builds one from a structure, and says how it comes to its weights."""

    @abstractmethod
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> Codec:
        """The codec with arbitrary weights; a receiver is spared what only training and encoding need."""

    @abstractmethod
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> Learner | None:
        """Give the codec its starting weights; what still has to be learned, or None where nothing is."""
