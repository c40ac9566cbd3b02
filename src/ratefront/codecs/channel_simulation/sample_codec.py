"""A draw from a channel behind the task model is sent (MA §III.A.3; GP eq. 9): the whole task model transmits.

::

    X ─ task model ─ f(x) ─ channel p(ŷ | x) ─ ŷ ~ p ─ rank in a shared order ─ entropy coder ─ ŷ
                                                ↑               ↑                                ↑
                                                └────── shared randomness, by position ──────────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from ratefront.bitstream.entropy_coder import FrequencyTable, SymbolDecoder, SymbolEncoder, Symbols
from ratefront.codecs.channel_simulation.posterior_channel import PosteriorChannel, information_bits
from ratefront.codecs.channel_simulation.rank_code import RankCode
from ratefront.codecs.channel_simulation.relative_entropy_coding import (
    ChannelSimulation,
    FloatArray,
    IntArray,
)
from ratefront.codecs.contract import EntropyCoded
from ratefront.complexity.macs import Macs, multiply_accumulates
from ratefront.data.dataset import Samples
from ratefront.tasks.task_model import TaskModel, predict_logits

_LEAST_OUTPUT = 1e-6  # a class that the training split's channel never gives can still be sent
_FITTED_GROUPS = 4096  # enough to know the table of a dozen octaves
_NOWHERE = 1 << 32  # a position behind all that a stream can hold: tables know no draw that is sent


class SampleTransmitter(nn.Module):
    """What the transmitter draws from: the task model, and the channel behind it."""

    def __init__(self, task_model: TaskModel, channel: PosteriorChannel) -> None:
        super().__init__()
        self.task_model, self.channel = task_model, channel

    def probabilities(self, images: Samples) -> FloatArray:
        """p(ŷ | x), shape (n, K)."""
        return self.channel.probabilities(predict_logits(self.task_model, images))


class SampleCodec(EntropyCoded):
    """Sends one draw a sample, in groups whose draws are simulated jointly; a receiver has no ``transmitter``.

    ``output`` (K,) is the mean channel output on the training split, by which both ends order the words.
    """

    uses_position = True
    draws_jointly = True
    output: Tensor

    def __init__(self, transmitter: SampleTransmitter | None, classes: int, group: int) -> None:
        super().__init__()
        self.group = group
        self.register_buffer("output", torch.full((classes,), 1 / classes, dtype=torch.float64))
        self.simulation()  # refuses a group that is too large
        self.code = RankCode(classes, group)
        self._transmitter = transmitter

    @property
    def transmitter(self) -> SampleTransmitter:
        """What the transmitter has and the receiver has not."""
        if self._transmitter is None:
            raise TypeError("a receiver has no task model to draw from")
        return self._transmitter

    def simulation(self, group: int | None = None) -> ChannelSimulation:
        """The shared order of the words of groups, by default the codec's own."""
        return ChannelSimulation(self.output.cpu().numpy(), group or self.group)

    def fit(self, channel: FloatArray) -> None:
        """Set the order and the tables by the channel (N, K) on the training split, in the samples' order."""
        self.output.copy_(torch.from_numpy(np.maximum(channel.mean(axis=0), _LEAST_OUTPUT)))
        shuffled = channel[np.random.Generator(np.random.Philox(0)).permutation(len(channel))]
        self.code.fit([_ranks_in_groups(self.simulation(n), shuffled) for n in range(1, self.group + 1)])

    @property
    @override
    def elements(self) -> int:
        return 1

    @override
    def analyse(self, images: Tensor, first: int = 0) -> Symbols:
        return self._drawn(self.transmitter.probabilities(images.cpu().numpy()), first)

    @override
    def analyse_alone(self, images: Tensor, first: int = 0) -> Symbols:
        channel = self.transmitter.probabilities(images.cpu().numpy())
        alone = [self._drawn(channel[i : i + 1], first + i) for i in range(len(channel))]
        return np.concatenate(alone)

    def _drawn(self, channel: FloatArray, first: int) -> Symbols:
        return self.simulation().draw(channel, first).astype(np.int32)[:, None]

    @override
    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        ranks, lengths = self._ranks(latents, first)
        self.code.write(ranks, lengths, encoder)

    @override
    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        simulation = self.simulation()
        ranks = self.code.read(simulation.lengths(samples), decoder)
        return simulation.at_ranks(ranks, samples, first).astype(np.int32)[:, None]

    def _ranks(self, latents: Symbols, first: int) -> tuple[IntArray, IntArray]:
        """Rank and length (G,) of each group."""
        simulation = self.simulation()
        return simulation.ranks(latents[:, 0].astype(np.int64), first), simulation.lengths(len(latents))

    @override
    def classify(self, latents: Symbols, first: int = 0) -> Tensor:
        return torch.from_numpy(latents[:, 0].astype(np.int64))

    def estimate_bits(self, latents: Symbols, first: int = 0) -> Tensor:
        """The bits of a group are its samples' in equal shares."""
        ranks, lengths = self._ranks(latents, first)
        of_groups, each = self.code.bits(ranks, lengths), torch.from_numpy(lengths)
        return (of_groups / each).repeat_interleave(each)

    @override
    def transmitter_modules(self) -> Sequence[nn.Module]:
        return [self.transmitter.task_model]

    @override
    def transmitter_tables(self) -> Iterable[FrequencyTable]:
        return self.code.frequency_tables()

    def further_state_bytes(self) -> int:
        """q of the order, and what the channel has learned, in double precision."""
        return sum(buffer.nbytes for buffer in self._further_state())

    @override
    def transmitter_tensors(self) -> list[Tensor]:
        return [*super().transmitter_tensors(), *self._further_state()]

    def _further_state(self) -> list[Tensor]:
        return [self.output, *self.transmitter.channel.buffers()]

    @override
    def transmitter_macs(self, image: Tensor) -> Macs:
        return multiply_accumulates(self.transmitter.task_model, image)

    def extra_metrics(self, samples: Samples) -> dict[str, float]:
        """``information_bits`` is I(X; Ŷ) of the channel on these very samples, bit/sample: what sending a draw costs
        at least, and what it costs in ever larger groups. ``simulation_overhead_bits`` is how much more the rank code
        takes by its probabilities (no coder), for the samples drawn as one block: the asymptotic effect, and what the
        tables of the training split do not fit these samples.
        """
        channel = self.transmitter.probabilities(samples)
        information = information_bits(channel)
        sent = float(self.estimate_bits(self._drawn(channel, 0)).mean())
        return {"information_bits": information, "simulation_overhead_bits": sent - information}


def _ranks_in_groups(simulation: ChannelSimulation, channel: FloatArray) -> IntArray:
    """Ranks (G,) of draws from some rows of the channel (N, K), in whole groups."""
    groups = min(_FITTED_GROUPS, len(channel) // simulation.group)
    drawn = simulation.draw(channel[: groups * simulation.group], _NOWHERE)
    return simulation.ranks(drawn, _NOWHERE)
