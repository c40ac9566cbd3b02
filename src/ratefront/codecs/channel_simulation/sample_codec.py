"""A codec that sends a draw from a channel p(ŷ | x) after the task model (MA §III.A.3; GP eq. 9).

::

    X ─ task model ─ f(x) ─ channel p(ŷ | x) ─ ŷ ~ p ─ rank in a shared order ─ entropy coder ─ ŷ
                                                ↑               ↑                                ↑
                                                └────── shared randomness, by position ──────────┘

The whole task model is part of the transmitter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.codecs.channel_simulation.posterior_channel import PosteriorChannel, information_bits
from ratefront.codecs.channel_simulation.rank_code import RankCode
from ratefront.codecs.channel_simulation.relative_entropy_coding import (
    ChannelSimulation,
    FloatArray,
    IntArray,
)
from ratefront.codecs.codec_interface import EntropyCoded
from ratefront.complexity.macs import Macs, multiply_accumulates
from ratefront.data.dataset import Samples
from ratefront.task_models.task_model import TaskModel, predict_logits

_LEAST_OUTPUT = 1e-6  # so that a class can be sent that the channel never gives on the training split
_FITTED_GROUPS = 4096  # enough to fit a table of a dozen octaves
#: A position beyond the end of any stream, so that tables are not fitted to draws that are sent.
_POSITION_FOR_FITTING = 1 << 32


class SampleTransmitter(nn.Module):
    """The task model and the channel after it, from which the transmitter draws."""

    def __init__(self, task_model: TaskModel, channel: PosteriorChannel) -> None:
        super().__init__()
        self.task_model, self.channel = task_model, channel

    def probabilities(self, images: Samples) -> FloatArray:
        """The distributions p(ŷ | x) (n, K) of images."""
        return self.channel.probabilities(predict_logits(self.task_model, images))


class SampleCodec(EntropyCoded):
    """Sends one draw for each sample; the draws of a group are simulated jointly.

    Attributes:
        group: Samples in a group.
        output: The mean channel output (K,) on the training split, by which both ends order the words.
        code: Codes the ranks of words.
    """

    uses_position = True
    draws_jointly = True
    output: Tensor

    def __init__(self, transmitter: SampleTransmitter | None, classes: int, group: int) -> None:
        super().__init__()
        self.group = group
        self.register_buffer("output", torch.full((classes,), 1 / classes, dtype=torch.float64))
        self.simulation()  # raises InputError if the group is too large
        self.code = RankCode(classes, group)
        self._transmitter = transmitter

    @property
    def transmitter(self) -> SampleTransmitter:
        """What only the transmitter has; a receiver was built without it."""
        if self._transmitter is None:
            raise TypeError("a receiver has no task model to draw from")
        return self._transmitter

    def simulation(self, group: int | None = None) -> ChannelSimulation:
        """The shared order of the words, for the codec's group size or another one."""
        return ChannelSimulation(self.output.cpu().numpy(), group or self.group)

    def fit(self, channel: FloatArray) -> None:
        """Fit the order and the tables to the channel (N, K) on the training split, in the samples' order."""
        self.output.copy_(torch.from_numpy(np.maximum(channel.mean(axis=0), _LEAST_OUTPUT)))
        shuffled = channel[np.random.Generator(np.random.Philox(0)).permutation(len(channel))]
        self.code.fit([_ranks_in_groups(self.simulation(n), shuffled) for n in range(1, self.group + 1)])

    @property
    @override
    def elements(self) -> int:
        return 1

    @override
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        return self._draws(self.transmitter.probabilities(images.cpu().numpy()), first)

    @override
    def analyse_alone(self, images: Tensor, first: int = 0) -> Symbols:
        channel = self.transmitter.probabilities(images.cpu().numpy())
        alone = [self._draws(channel[i : i + 1], first + i) for i in range(len(channel))]
        return np.concatenate(alone)

    def _draws(self, channel: FloatArray, first: int) -> Symbols:
        return self.simulation().draw(channel, first).astype(np.int32)[:, None]

    @override
    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        ranks, lengths = self._ranks(latents, first)
        self.code.write(ranks, lengths, encoder)

    @override
    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        simulation = self.simulation()
        ranks = self.code.read(simulation.lengths(samples), decoder)
        return simulation.classes_at_ranks(ranks, samples, first).astype(np.int32)[:, None]

    def _ranks(self, latents: Symbols, first: int) -> tuple[IntArray, IntArray]:
        """The ranks (G,) and lengths (G,) of the groups."""
        simulation = self.simulation()
        return simulation.ranks(latents[:, 0].astype(np.int64), first), simulation.lengths(len(latents))

    @override
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        return torch.from_numpy(latents[:, 0].astype(np.int64))

    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        """The bits (n,) of samples; each sample of a group has an equal share of the group's bits."""
        ranks, lengths = self._ranks(latents, first)
        group_bits, sizes = self.code.bits(ranks, lengths), torch.from_numpy(lengths)
        return (group_bits / sizes).repeat_interleave(sizes)

    @override
    def transmitter_modules(self) -> Sequence[nn.Module]:
        return [self.transmitter.task_model]

    @override
    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        return self.code.frequency_tables()

    def further_state_bytes(self) -> int:
        """Bytes of q, which orders the words, and of what the channel has fitted, in double precision."""
        return sum(buffer.nbytes for buffer in self._further_state())

    @override
    def transmitter_tensors(self) -> list[Tensor]:
        return [*super().transmitter_tensors(), *self._further_state()]

    def _further_state(self) -> list[Tensor]:
        return [self.output, *self.transmitter.channel.buffers()]

    @override
    def transmitter_scores(self, images: Tensor) -> Tensor:
        return predict_logits(self.transmitter.task_model, images.cpu().numpy())

    @override
    def transmitter_macs(self, image: Tensor) -> Macs:
        return multiply_accumulates(self.transmitter.task_model, image)

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """``information_bits`` and ``simulation_overhead_bits``, both in bit/sample.

        The first is I(X; Ŷ) of the channel on these samples. A draw costs at least that much, and in ever larger groups
        no more. The second is how much more the rank code takes by its probabilities, without the coder, when all
        samples are drawn as one block. It comes from the finite group size, and from tables that were fitted to the
        training split.
        """
        channel = self.transmitter.probabilities(samples)
        information = information_bits(channel)
        sent = float(self.estimate_bits(self._draws(channel, 0)).mean())
        return {"information_bits": information, "simulation_overhead_bits": sent - information}


def _ranks_in_groups(simulation: ChannelSimulation, channel: FloatArray) -> IntArray:
    """The ranks (G,) of draws from some rows of the channel (N, K), in whole groups."""
    groups = min(_FITTED_GROUPS, len(channel) // simulation.group)
    drawn = simulation.draw(channel[: groups * simulation.group], _POSITION_FOR_FITTING)
    return simulation.ranks(drawn, _POSITION_FOR_FITTING)
