"""Eighteen thousand damaged streams: each is refused with a ``BitstreamError`` or decodes to the very same latents."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.bitstream.small_coders import (
    IDENTITY,
    Ragged,
    Silent,
    TwoColumns,
    latents_of_two_columns,
    ragged_latents,
)

from ratefront.bitstream.coded_stream import read_stream, write_stream
from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_coder import LatentCoder
from ratefront.bitstream.latent_string_coder import StringCoder, decode_with_indexes, encode_with_indexes
from ratefront.errors import BitstreamError
from ratefront.testing.damaged_streams import Mutant, assert_refused_or_harmless, mutants
from ratefront.testing.stream_mutations import MUTATIONS

STREAMS_PER_CODER, STREAMS_IN_OWN_PROCESS = 3_000, 400


class OnSchedule(TwoColumns):
    """Sends the first column of every other sample, by its position in the whole sequence."""

    uses_position = True

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        super().write(latents[first % 2 :: 2], first, encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        latents = np.zeros((samples, 2), dtype=np.int32)
        sent = latents[first % 2 :: 2]
        sent[:] = super().read(len(sent), first, decoder)
        return latents


class TwoStages(StringCoder):
    """As a hyperprior: the first integer of a sample says under which table its seven others are coded."""

    elements = 8
    uses_position = False
    stage = FrequencyTable.from_pmf(np.array([0.2, 0.4, 0.3, 0.1]), offset=-2)
    tables = tuple(
        FrequencyTable.from_pmf(np.exp(-np.abs(np.arange(-5, 6)) / width), offset=-5)
        for width in (0.2, 0.5, 1, 3)
    )

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encoder.encode(latents[:, 0], self.stage)
        encode_with_indexes(latents[:, 1:].reshape(-1), self._choice(latents[:, 0]), self.tables, encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        stage = decoder.decode(samples, self.stage)
        others = decode_with_indexes(self._choice(stage), self.tables, decoder)
        return np.concatenate([stage[:, None], others.reshape(samples, 7)], axis=1)

    def _choice(self, stage: Symbols) -> np.ndarray:
        return np.repeat(stage.astype(np.int64) + 2, 7)


@dataclass(frozen=True)
class TriedCoder:
    """A coder, and how to make latents for it from a number of samples and a seed."""

    coder: LatentCoder
    latents: Callable[[int, int], Symbols]

    def try_mutants(self, count: int, seed: int) -> Counter[str]:
        latents = self.latents(40, 0)
        data, other = (
            write_stream(self.coder, IDENTITY, of, 16).data for of in (latents, self.latents(40, 1))
        )
        return assert_refused_or_harmless(self.coder, IDENTITY, latents, mutants(data, other, count, seed))


def _on_schedule(samples: int, seed: int) -> Symbols:
    latents = latents_of_two_columns(samples, seed)
    latents[1::2] = 0
    return latents


def _two_stages(samples: int, seed: int) -> Symbols:
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.integers(-2, 2, (samples, 1)), rng.integers(-2, 3, (samples, 7))], axis=1
    ).astype(np.int32)


def _nothing(samples: int, seed: int) -> Symbols:
    return np.zeros((samples, 0), dtype=np.int32)


CODERS = {
    "columns": TriedCoder(TwoColumns(), latents_of_two_columns),
    "ragged": TriedCoder(Ragged(), ragged_latents),
    "silent": TriedCoder(Silent(), _nothing),
    "schedule": TriedCoder(OnSchedule(), _on_schedule),
    "two stages": TriedCoder(TwoStages(), _two_stages),
}


def _label_codec() -> TriedCoder:
    from ratefront.codecs.label.label_codec import LabelCodec
    from ratefront.task_models.architectures.small_cnn import SmallCNN

    codec = LabelCodec(SmallCNN(10), classes=10, share=0.6)
    codec.fit(np.random.default_rng(0).choice(10, 500, p=np.arange(1, 11) / 55), merged_classes=2)

    def latents(samples: int, seed: int) -> Symbols:
        drawn = codec.sent_as.numpy()[np.random.default_rng(seed).integers(0, 10, samples)]
        drawn[~codec._is_sent(samples, 0)] = codec._commonest()
        return drawn[:, None].astype(np.int32)

    return TriedCoder(codec, latents)


@pytest.mark.parametrize("name", CODERS)
def test_a_damaged_stream_is_refused_or_harmless(name: str) -> None:
    outcomes = CODERS[name].try_mutants(STREAMS_PER_CODER, seed=len(name))
    assert outcomes.total() == STREAMS_PER_CODER
    assert (
        outcomes["refused"] > STREAMS_PER_CODER / 2
    )  # others had nothing altered, or a byte that says nothing


def test_a_damaged_stream_of_a_real_codec_is_refused_or_harmless() -> None:
    assert _label_codec().try_mutants(STREAMS_PER_CODER, seed=1).total() == STREAMS_PER_CODER


def test_every_kind_of_damage_is_tried_half_with_new_checksums() -> None:
    data, other = (
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(40, seed), 16).data for seed in (0, 1)
    )
    made = list(mutants(data, other, 2_000, seed=3))
    kinds = Counter(mutant.how.split(": ")[1].split(", ")[0] for mutant in made)
    assert set(kinds) == set(MUTATIONS)
    assert min(kinds.values()) > 100
    assert 0.45 < np.mean(["sealed" in mutant.how for mutant in made]) < 0.55
    assert 6 * STREAMS_PER_CODER >= 10_000


def test_some_damage_passes_the_checksums_and_reaches_the_decoder() -> None:
    """The mutants try the decoder itself, not only the checksum of all bytes."""
    data, other = (write_stream(TwoStages(), IDENTITY, _two_stages(40, seed), 16).data for seed in (0, 1))
    reasons: Counter[str] = Counter()
    for mutant in mutants(data, other, 2_000, seed=3):
        try:
            read_stream(TwoStages(), IDENTITY, mutant.data)
        except BitstreamError as error:
            reasons.update(word for word in _REASONS if word in str(error))
    assert {word for word, count in reasons.items() if count >= 5} == set(_REASONS)


_REASONS = (
    "not a ratefront stream",
    "cannot be read; this is version",
    "its checksum differs",
    "header is altered",
    "another codec",
    "impossible shapes",
    "elements",
    "do not fit into",
    "the blocks end at",
    "decodes to other latents",
    "damaged",
    "ends before its symbols do",
)


def test_a_wrong_decoder_fails_the_check() -> None:
    """Other latents, another kind of error: each fails the very check that all others pass."""
    latents = latents_of_two_columns(40)
    data = write_stream(TwoColumns(), IDENTITY, latents, 16).data
    with pytest.raises(AssertionError, match="decoded to other latents"):
        assert_refused_or_harmless(TwoColumns(), IDENTITY, latents + 1, iter([Mutant(data, "unaltered")]))

    class Broken(TwoColumns):
        def decode(self, data: bytes, samples: int, first: int = 0) -> Symbols:
            raise TypeError("a mistake")

    with pytest.raises(AssertionError, match="unaltered: TypeError: a mistake"):
        assert_refused_or_harmless(Broken(), IDENTITY, latents, iter([Mutant(data, "unaltered")]))


PROGRAM = """
import resource, sys
from tests.bitstream.test_damaged_streams import STREAMS_IN_OWN_PROCESS, CODERS
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
for name, coder in CODERS.items():
    coder.try_mutants(STREAMS_IN_OWN_PROCESS, seed=100 + len(name))
"""


def test_no_damage_ends_the_process_or_fills_its_memory() -> None:
    """In a process of its own, with little memory: an abort inside the coder, which no test could catch, is seen."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-X", "faulthandler", "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
