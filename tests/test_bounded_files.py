"""Files of strangers: regular ones only, no larger and no deeper than any of ours."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from ratefront.bounded_files import (
    MOST_LEVELS,
    decompress_gzip,
    parse_json,
    read_json_file,
    read_regular_file,
)
from ratefront.bounds import from_counts_file
from ratefront.errors import InputError
from ratefront.simulate.simulation_input import find_table


def test_a_regular_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="has more than 4 bytes"):
        read_regular_file(path, 4)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, what in ((tmp_path / "fifo", "is a FIFO"), (Path("/dev/zero"), "is a device")):
        with pytest.raises(OSError, match=what):
            read_regular_file(path)
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / "absent")
    with pytest.raises(OSError, match="null byte"):
        read_regular_file(Path("a\0b"))


@pytest.mark.parametrize("levels", [MOST_LEVELS + 2, 3000, 200_000])
def test_deep_json_is_a_value_error(levels: int, tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * levels + "]" * levels)
    with pytest.raises(ValueError, match="nested deeper than 64 levels"):
        read_json_file(tmp_path / "deep.json")


def test_json_within_the_limits_is_read() -> None:
    levels = MOST_LEVELS
    assert parse_json("[" * levels + "]" * levels)
    assert parse_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="Expecting"):
        parse_json("{")


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    assert len(decompress_gzip(bomb, 10_000_000)) == 10_000_000
    with pytest.raises(ValueError, match="more than 9999999 bytes"):
        decompress_gzip(bomb, 9_999_999)
    with pytest.raises(ValueError, match="is cut off"):
        decompress_gzip(bomb[:-9], 10_000_000)
    with pytest.raises(ValueError, match="is no gzip file"):
        decompress_gzip(b"text", 10)


def test_tables_and_counts_are_read_within_these_limits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.json.gz")
    (tmp_path / "deep.json.gz").write_bytes(gzip.compress(b"[" * 100_000))
    for name in ("fifo.json.gz", "deep.json.gz"):
        with pytest.raises(InputError, match="is no table of a recorded sweep"):
            find_table(str(tmp_path / name))
    with pytest.raises(InputError, match="must be a regular file"):
        from_counts_file(tmp_path / "fifo.json.gz")
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="has more than"):
        from_counts_file(tmp_path / "large.json")
