"""A table may come from a stranger: it is used, or refused in a sentence, within bounded memory."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from tests.stored_mutants import altered

import ratefront as rf
from ratefront.errors import InputError, RatefrontError
from ratefront.simulate.problems.recorded_table import LARGEST_BYTES, SHIPPED, RecordedTable

pytestmark = pytest.mark.medium


def test_a_forged_table_is_used_or_refused(tmp_path: Path) -> None:
    plain = json.loads(gzip.decompress(SHIPPED["digits"].read_bytes()))
    plain["trials"] = plain["trials"][:4]
    path, ends = tmp_path / "t.json.gz", Counter[int]()
    for seed in range(150):
        path.write_bytes(gzip.compress(json.dumps(altered(plain, Random(seed))).encode(), 1))
        try:
            rf.simulate_sweep(table=str(path), trials=3, sampler="random", latency_s=0.01)
            ends[0] += 1
        except RatefrontError as error:
            ends[error.exit_code] += 1
    assert ends.keys() == {0, 2}


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", gzip.compress(b"{}", mtime=0)[:-6], b"[" * 100_000, b"\xff\xfe"],
    ids=["nothing", "two bytes of gzip", "half a gzip", "nested", "no text"],
)
def test_what_is_no_table_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.json.gz"
    for written in (content, gzip.compress(content)):
        path.write_bytes(written)
        with pytest.raises(InputError, match="is no table of a recorded sweep"):
            RecordedTable.load(path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(b" " * (LARGEST_BYTES + 1), 1))
    with pytest.raises(InputError, match=f"holds more than {LARGEST_BYTES} bytes"):
        RecordedTable.load(path)
