"""Bits are counted from bytes: the rate, the overhead, and each sample alone."""

from __future__ import annotations

from tests.bitstream.small_coders import (
    IDENTITY,
    TwoColumns,
    UniformTables,
    latents_of_two_columns,
)

from ratefront.bitstream.coded_stream import write_stream
from ratefront.bitstream.rate_bits import bits_alone


def test_overhead_does_not_depend_on_the_data() -> None:
    overheads = {
        write_stream(TwoColumns(), IDENTITY, latents_of_two_columns(50, seed), 20).overhead_bits
        for seed in range(5)
    }
    assert len(overheads) == 1


def test_a_coder_with_wrong_tables_pays_in_bytes() -> None:
    latents = latents_of_two_columns(500)
    fitting, uniform = (
        write_stream(c, IDENTITY, latents, 500).rate_bits for c in (TwoColumns(), UniformTables())
    )
    assert uniform > 1.5 * fitting


def test_a_sample_alone_costs_whole_bytes() -> None:
    latents = latents_of_two_columns(30)
    alone = bits_alone(TwoColumns(), latents)
    assert alone.shape == (30,)
    assert set(alone % 8) == {0}
    assert alone.sum() >= 8 * len(TwoColumns().encode(latents))
