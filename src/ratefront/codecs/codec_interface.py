"""What a codec is: from images to integer latents, to bits and back, to classes.

``Codec`` turns a sample into integers (its latents), writes them with an entropy coder, reads them back, and decides
the class from them. Samples are coded in blocks. Only the coder works on a whole block: a sample's latents do not
depend on its neighbours, up to float rounding, since networks compute in batches. ``Learner`` is what the training loop
needs of a codec that is trained, ``Family`` builds both.
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

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import StringCoder
from ratefront.codecs.entropy_models.quantized_tables import QuantizedTables
from ratefront.complexity.macs import Macs
from ratefront.complexity.transmitter_bytes import module_bytes, table_bytes
from ratefront.data.dataset import Dataset, Samples
from ratefront.spec.sweep_spec import Named
from ratefront.task_models.build_task_model import build_task_model
from ratefront.task_models.task_model import TaskModel
from ratefront.trial_records import Scalar


class Codec(nn.Module, ABC):
    """A trained codec. Its ``state_dict`` holds every tensor that it needs."""

    #: True where a sample's decoded class depends on its position in the sequence (a schedule, shared randomness).
    uses_position: bool = False

    #: True where a sample's latents depend on the others of its block.
    draws_jointly: bool = False

    @property
    @abstractmethod
    def elements(self) -> int | None:
        """The number of integers for one sample; None where samples differ (see ``coded_stream.LatentCoder``)."""

    @abstractmethod
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        """Turn the samples of one block into latents.

        Args:
            images: The samples (n, C, H, W), or (n, P, 3) for points.
            first: The position of the first sample in the sequence.

        Returns:
            Latents (n, elements), int32.
        """

    def analyse_alone(self, images: Tensor, first: int = 0) -> Symbols:
        """Latents of samples that are each sent as a string of their own; used only where ``draws_jointly``."""
        return self.analyse(images, first)

    @abstractmethod
    def encode(self, latents: Symbols, first: int = 0) -> bytes:
        """Write latents (n, elements) of a block as one self-terminating string, and check that it decodes.

        Raises:
            BitstreamError: The string does not decode to the same latents.
        """

    @abstractmethod
    def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
        """Read the latents (samples, elements) of a string.

        Raises:
            BitstreamError: This codec cannot have made the string.
        """

    @abstractmethod
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        """The classes (n,), int64, on the CPU, of latents (n, elements): the receiver's whole work."""

    def class_scores(self, latents: Symbols, first: int = 0) -> Tensor | None:
        """The scores (n, K) of which ``classify`` takes the largest, and the first of equal ones.

        They are finite logits or log-probabilities. Their softmax is the receiver's posterior, from which the log loss
        is computed. A receiver on another processor rounds differently; with scores, a trial can distinguish a tie
        from an error. None means that ``classify`` compares no scores.
        """
        return None

    def expected_classes(self, decisions: NDArray[np.int64], first: int = 0) -> NDArray[np.int64] | None:
        """The classes (n,) that must be decoded, given the task model's decisions (n,).

        A trial computes the decisions from the stored weights, independently of the codec, and compares. None means
        that the decisions do not determine the decoded classes.
        """
        return None

    @property
    def own_classifier(self) -> nn.Module | None:
        """The network (n, ...) → logits (n, K) of the transmitter, other than the task model, whose class is sent.

        A trial runs the stored network again, and compares what ``sent_classes`` says with what was decoded. None means
        that there is no such network.
        """
        return None

    def sent_classes(self, decisions: NDArray[np.int64], first: int = 0) -> NDArray[np.int64]:
        """The classes (n,) that must be decoded, given the decisions (n,) of ``own_classifier``."""
        return decisions

    @abstractmethod
    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        """−log2 likelihood (n,), float64, of a block's samples, computed without the coder and its counts."""

    @abstractmethod
    def transmitter_modules(self) -> Sequence[nn.Module]:
        """The modules whose tensors the transmitter must hold."""

    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        """The coder's tables that the transmitter must hold."""
        return ()

    def further_state_bytes(self) -> int:
        """Bytes of state that encoding needs besides modules and tables."""
        return 0

    def transmitter_tensors(self) -> Sequence[Tensor]:
        """The tensors outside of ``transmitter_modules`` that encoding reads.

        They are the tensors that tables are made from, which every ``QuantizedTables`` holds, and those that
        ``further_state_bytes`` counts.
        """
        quantized = (module for module in self.modules() if isinstance(module, QuantizedTables))
        return [tensor for tables in quantized for tensor in tables.table_tensors()]

    @property
    def transmitter_bytes(self) -> int:
        """Bytes of all state that encoding needs: modules, tables, further state (docs/theory.md, the transmitter)."""
        modules, tables = module_bytes(*self.transmitter_modules()), table_bytes(self.transmitter_tables())
        return modules + tables + self.further_state_bytes()

    def transmitter_parts(self) -> dict[str, int]:
        """``transmitter_bytes`` by what they are: modules by their names, as ``bottleneck.g_a``, tables, further state.

        A tensor of two modules counts with the first one. What takes no bytes is left out.
        """
        names = {id(module): name for name, module in self.named_modules()}
        modules, parts = list(self.transmitter_modules()), dict[str, int]()
        for place, module in enumerate(modules):
            name = names.get(id(module), type(module).__name__)
            new = module_bytes(*modules[: place + 1]) - module_bytes(*modules[:place])
            parts[name] = parts.get(name, 0) + new
        parts["tables"] = table_bytes(self.transmitter_tables())
        parts["further state"] = self.further_state_bytes()
        return {name: count for name, count in parts.items() if count}

    @abstractmethod
    def transmitter_macs(self, image: Tensor) -> Macs:
        """Multiply–accumulates of the transmitter for one image (1, C, H, W); some may be unknown."""

    def transmitter_features(self, images: Tensor) -> Tensor | None:
        """What the transmitter computes of samples (n, ...) before it quantizes, for a probe: numbers (n, ...).

        None where it computes no such numbers, or has ``transmitter_scores``.
        """
        return None

    def transmitter_scores(self, images: Tensor) -> Tensor | None:
        """The scores (n, K), on the CPU, of the classifier in the transmitter; None where there is none."""
        return None

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """Metrics that only this family has, by name, on the samples of the test split."""
        return {}

    @property
    def device(self) -> torch.device:
        """Where the codec's tensors are."""
        return next(chain(self.parameters(), self.buffers())).device


class EntropyCoded(StringCoder, Codec):
    """A codec whose latents are symbols of the entropy coder, under tables that both ends hold."""


@dataclass(frozen=True)
class CodecStructure:
    """Everything that decides a codec's structure, without its weights, as plain data.

    Attributes:
        parameters: The family's own parameters.
        task_model: The sweep file's description of the task model.
        classes: The number of classes K.
        shape: One sample's shape, (C, H, W) or (P, 3).
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
        """The optimiser's groups of ``params`` and ``lr``, with rates relative to the sweep's learning rate."""

    @abstractmethod
    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
        """One epoch: batches of indices (n,) into the training split."""

    @abstractmethod
    def loss(self, batch: Tensor, progress: float) -> Tensor:
        """The mean loss of a batch of indices; ``progress`` runs from 0 to 1 over the whole training.

        It runs from ½ to 1 where the training starts from the weights of a trained codec.
        """

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """``rate_bits_estimated`` and ``accuracy`` of the validation split at this moment of the training."""

    @abstractmethod
    def trained_modules(self) -> Mapping[str, nn.Module]:
        """The modules that training changes, by name; a checkpoint stores their ``state_dict``.

        Anything may be left out that a new learner computes again to the same bits: frozen parts, features, statistics
        of the data. A trial that was killed gets a new learner, and the checkpoint is loaded into its modules.
        """

    def further_tensors(self) -> Mapping[str, Tensor]:
        """Tensors outside of these modules that training changes, by name; a checkpoint stores and restores them.

        Everything that changes must be a tensor of one of the two. All randomness must come from torch: from its global
        generators, or from the one that ``batches`` takes.
        """
        return {}

    @abstractmethod
    def finish(self) -> None:
        """End training: round the weights to fp16, update the coder's tables."""


class Family(ABC):
    """A kind of codec: builds codecs from their structure, and says how they get their weights."""

    @abstractmethod
    def build(self, structure: CodecStructure, *, receiver_only: bool = False) -> Codec:
        """Build the codec with arbitrary weights; for a receiver, leave out what only training and encoding need."""

    @abstractmethod
    def learner(
        self, codec: Codec, structure: CodecStructure, task_model: TaskModel, data: Dataset
    ) -> Learner | None:
        """Give the codec its initial weights; return its learner, or None where nothing is left to learn."""
