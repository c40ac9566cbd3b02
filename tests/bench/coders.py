"""The entropy coder against CompressAI's rANS: bits above the content, and time, by the length of the message.

    python tests/bench/coders.py

Both code the same symbols, each under its own table of 16 bit; content is −log2 of the probabilities in that table.
Ours is what a codec does (code, cut the string as short as it can be, decode it again to compare), or the bare coder
in whole words of 32 bit. Each runs in a process of its own: an abort is then seen. Times are the processor's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ratefront.bitstream.entropy_coder import SymbolDecoder, SymbolEncoder, Symbols
from ratefront.bitstream.frequency_table import FrequencyTable
from ratefront.bitstream.latent_string_coder import StringCoder, decode_columns, encode_columns

LENGTHS = (1, 10, 100, 1_000, 10_000)
TABLES = {
    "skewed": np.array([0.005, 0.985, 0.005, 0.005]),
    "gaussian": np.exp(-0.5 * (np.arange(-12, 13) / 2) ** 2),
}
MESSAGES = 20
SECONDS = 0.3
"""At least so long a time is measured."""

Encode = Callable[[Symbols], bytes]
Decode = Callable[[bytes, int], Symbols]


class Coder(NamedTuple):
    encode: Encode
    decode: Decode
    cost_bits: np.ndarray
    """Of each symbol, under the coder's own table."""


class Measured(NamedTuple):
    """Means over messages; bits of a message, microseconds of a symbol."""

    content_bits: float
    coded_bits: float
    encode_us: float
    decode_us: float


class _Ours(StringCoder):
    def __init__(self, table: FrequencyTable) -> None:
        self.table = table

    def write(self, latents: Symbols, first: int, encoder: SymbolEncoder) -> None:
        encode_columns(latents, [self.table], encoder)

    def read(self, samples: int, first: int, decoder: SymbolDecoder) -> Symbols:
        return decode_columns(samples, [self.table], decoder)


def _ours(pmf: np.ndarray) -> Coder:
    table = FrequencyTable.from_pmf(pmf)
    strings = _Ours(table)
    return Coder(
        lambda symbols: strings.encode(symbols[:, None]),
        lambda data, count: strings.decode(data, count)[:, 0],
        table.bits,
    )


def _bare(pmf: np.ndarray) -> Coder:
    table = FrequencyTable.from_pmf(pmf)

    def encode(symbols: Symbols) -> bytes:
        encoder = SymbolEncoder()
        encoder.encode(symbols, table)
        return encoder.words()

    return Coder(encode, lambda data, count: SymbolDecoder(data).decode(count, table), table.bits)


def _compressai(pmf: np.ndarray) -> Coder:
    from compressai import ans
    from compressai._CXX import pmf_to_quantized_cdf

    with_escape = [*(pmf / pmf.sum()).tolist(), 0.0]
    cdf = list(pmf_to_quantized_cdf(with_escape, 16))
    encoder, decoder = ans.RansEncoder(), ans.RansDecoder()

    def encode(symbols: Symbols) -> bytes:
        data: bytes = encoder.encode_with_indexes(
            symbols.tolist(), [0] * len(symbols), [cdf], [len(cdf)], [0]
        )
        return data

    def decode(data: bytes, count: int) -> Symbols:
        return np.array(
            decoder.decode_with_indexes(data, [0] * count, [cdf], [len(cdf)], [0]), dtype=np.int32
        )

    return Coder(encode, decode, 16 - np.log2(np.diff(cdf)[:-1]))


CODERS = {"ours": _ours, "ours, bare": _bare, "CompressAI": _compressai}


def _measure(coder: Coder, pmf: np.ndarray, length: int) -> Measured:
    rng = np.random.default_rng(length)
    messages = rng.choice(len(pmf), (MESSAGES, length), p=pmf / pmf.sum()).astype(np.int32)
    strings = [coder.encode(message) for message in messages]
    for message, string in zip(messages, strings, strict=True):
        if not np.array_equal(coder.decode(string, length), message):
            raise SystemExit("decodes to something else")
    return Measured(
        float(coder.cost_bits[messages].sum() / MESSAGES),
        8 * sum(map(len, strings)) / MESSAGES,
        _microseconds([lambda m=m: coder.encode(m) for m in messages]) / length,
        _microseconds([lambda s=s: coder.decode(s, length) for s in strings]) / length,
    )


def _microseconds(works: list[Callable[[], object]]) -> float:
    """Of one of them, on average."""
    rounds, began = 0, time.process_time()
    while (spent := time.process_time() - began) < SECONDS:
        for work in works:
            work()
        rounds += 1
    return 1e6 * spent / (rounds * len(works))


def _child(coder: str, table: str, lengths: list[int]) -> None:
    pmf = TABLES[table]
    made = CODERS[coder](pmf)
    for length in lengths:
        print(json.dumps(_measure(made, pmf, length)), flush=True)


def _in_children(coder: str, table: str) -> Iterator[tuple[int, Measured | str]]:
    """One process for all lengths, and another for the rest where it died."""
    left = list(LENGTHS)
    while left:
        command = [sys.executable, __file__, coder, table, *map(str, left)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        for line in done.stdout.splitlines():
            yield left.pop(0), Measured(*json.loads(line))
        if left:
            print(f"{coder}, {table}, {left[0]} symbols: exit code {done.returncode}", file=sys.stderr)
            yield left.pop(0), f"died with exit code {done.returncode}"


def main() -> None:
    print(
        "| table | symbols | coder | content, bit | bits above it | encode, µs/symbol | decode, µs/symbol |"
    )
    print("|---|--:|---|--:|--:|--:|--:|")
    for table in TABLES:
        found = {name: dict(_in_children(name, table)) for name in CODERS}
        for length in LENGTHS:
            for name in CODERS:
                print(f"| {table} | {length} | {name} | {_cells(found[name][length])} |", flush=True)


def _cells(found: Measured | str) -> str:
    if isinstance(found, str):
        return f"{found} | – | – | –"
    above = found.coded_bits - found.content_bits
    return f"{found.content_bits:.1f} | {above:.1f} | {found.encode_us:.3g} | {found.decode_us:.3g}"


if __name__ == "__main__":
    if sys.argv[1:]:
        _child(sys.argv[1], sys.argv[2], [int(text) for text in sys.argv[3:]])
    else:
        main()
