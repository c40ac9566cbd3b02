"""The two halves of a codec, as networks that another program can run: samples to latents, latents to classes.

::

    transmitter:  X ─ networks ─ v ─ round, or take the largest ─ latents
    receiver:     latents ─ g_s, back end ─ scores;  of ``label``: the class itself

Between the halves lies the entropy coder, which is no network; ``coder_tables`` describes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import Symbols
from ratefront.codecs.bottleneck.bottleneck_codec import BottleneckCodec
from ratefront.codecs.codec_interface import Codec
from ratefront.codecs.entropy_models.categorical import CategoricalModel
from ratefront.codecs.entropy_models.factorized import FactorizedModel
from ratefront.codecs.label.label_codec import LabelCodec
from ratefront.errors import InputError

#: What a receiver gives: a class for each sample, or scores of which the largest decides.
ReceiverOutput: TypeAlias = Literal["classes", "scores"]
FloatArray: TypeAlias = NDArray[np.float64]

_FAR = 1e9  # beyond the ends of any table, and within 32 bits

_EXPORTED = (
    "label, split and student, and image with a learned codec, each with a factorized or categorical entropy model "
    "and without refinement"
)


class TransmitterHalf(nn.Module):
    """Samples (n, …) to the latents (n, elements), int32, that are sent, and to the values that they follow from."""

    def values(self, samples: Tensor) -> Tensor:
        """The real numbers (n, …) from which the latents are chosen."""
        raise NotImplementedError

    def choose(self, values: Tensor) -> Tensor:
        """Values to latents (n, elements)."""
        raise NotImplementedError

    @override
    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        values = self.values(samples)
        return self.choose(values), values

    def distance(self, values: FloatArray, latents: Symbols) -> FloatArray:
        """How far values would have to move until they gave these latents; both are (n, …), and so is the answer.

        0 where they give them already.
        """
        raise NotImplementedError


class _LabelTransmitter(TransmitterHalf):
    """Samples to the class that is sent for the likeliest one; the values are logits (n, K)."""

    sent_as: Tensor

    def __init__(self, codec: LabelCodec) -> None:
        super().__init__()
        self.classifier = codec.classifier
        self.register_buffer("sent_as", codec.sent_as.to(torch.int32))

    @override
    def values(self, samples: Tensor) -> Tensor:
        logits: Tensor = self.classifier(samples)
        return logits

    @override
    def choose(self, values: Tensor) -> Tensor:
        return self.sent_as.index_select(0, values.argmax(dim=1)).unsqueeze(1)

    @override
    def distance(self, values: FloatArray, latents: Symbols) -> FloatArray:
        may_be_sent = self.sent_as.numpy()[None] == latents
        best = np.where(may_be_sent, values, -np.inf).max(axis=1)
        return np.asarray(values.max(axis=1) - best)[:, None]


class _LabelReceiver(nn.Module):
    @override
    def forward(self, latents: Tensor) -> Tensor:
        return latents[:, 0].to(torch.int64)


class _BottleneckTransmitter(TransmitterHalf):
    """Front end, g_a and quantization."""

    def __init__(self, codec: BottleneckCodec) -> None:
        super().__init__()
        self.front_end, self.g_a, self.model = codec.front_end, codec.bottleneck.g_a, codec.bottleneck.model

    @override
    def values(self, samples: Tensor) -> Tensor:
        return self.model.latent_parameters(self.g_a(self.front_end(samples)))

    @override
    def choose(self, values: Tensor) -> Tensor:
        return self.model.quantize(values)


class _RoundingTransmitter(_BottleneckTransmitter):
    """The values (n, elements) are rounded, and saturate at the ends of the tables."""

    @override
    def distance(self, values: FloatArray, latents: Symbols) -> FloatArray:
        from_centre = np.abs(self._within_tables(values) - latents)
        return np.asarray(np.maximum(0, from_centre - 0.5))

    def _within_tables(self, values: FloatArray) -> FloatArray:
        """Values beyond the ends of the tables, which saturate, as if they lay at the ends."""
        ends = self.model.quantize(torch.tensor([[-_FAR], [_FAR]]).expand(2, values.shape[1]))
        return np.clip(values, *ends.double().numpy())


class _LetterTransmitter(_BottleneckTransmitter):
    """The values are logits (n, letters, alphabet), of which the largest is taken."""

    @override
    def distance(self, values: FloatArray, latents: Symbols) -> FloatArray:
        chosen = np.take_along_axis(values, latents[..., None].astype(np.int64), axis=2)[..., 0]
        return np.asarray(values.max(axis=2) - chosen)


class _BottleneckReceiver(nn.Module):
    def __init__(self, codec: BottleneckCodec) -> None:
        super().__init__()
        self.bottleneck, self.back_end = (
            nn.ModuleList([codec.bottleneck.model, codec.bottleneck.g_s]),
            codec.back_end,
        )
        self._logits = codec.logits

    @override
    def forward(self, latents: Tensor) -> Tensor:
        return self._logits(latents)


@dataclass(frozen=True)
class Halves:
    """What is exported of a codec.

    Attributes:
        transmitter: Samples to latents.
        receiver: Latents to what ``output`` says.
        output: What the receiver gives.
    """

    transmitter: TransmitterHalf
    receiver: nn.Module
    output: ReceiverOutput


def halves_of(codec: Codec, family: str) -> Halves:
    """Return the two halves of a codec, in evaluation mode.

    Raises:
        InputError: The codec cannot be exported; the message says why, and which can be.
    """
    if isinstance(codec, LabelCodec):
        return Halves(_LabelTransmitter(codec).eval(), _LabelReceiver().eval(), "classes")
    if not isinstance(codec, BottleneckCodec):
        raise _refusal(f"family {family}: what such a codec sends is not the output of a network")
    if codec.refinement is not None:
        raise _refusal(
            f"family {family}: its latents are refined for each sample, by an optimisation that is no network; "
            "without refinement it would send others"
        )
    model = codec.bottleneck.model
    if isinstance(model, FactorizedModel):
        transmitter: TransmitterHalf = _RoundingTransmitter(codec)
    elif isinstance(model, CategoricalModel):
        transmitter = _LetterTransmitter(codec)
    else:
        raise _refusal(
            f"family {family}: its entropy model chooses a table for each latent by networks that both ends run on "
            "whole numbers, between the latents that are decoded"
        )
    return Halves(transmitter.eval(), _BottleneckReceiver(codec).eval(), "scores")


def _refusal(why: str) -> InputError:
    return InputError(f"{why}; what can be exported: {_EXPORTED}")
