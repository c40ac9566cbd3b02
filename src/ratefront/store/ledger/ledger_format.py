"""The ledger's format: an append-only file of events, one JSON line each.

A line is ``{"seq": n, "time": t, "kind": "...", "data": {...}, "crc32": "8 hex digits"}``. The checksum is that of the
line's own JSON without the checksum (keys in that order, no spaces). Kinds, their data and the format's version are in
``ratefront.history.events``.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Container, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from ratefront.errors import LedgerDamagedError, LedgerVersionError
from ratefront.history.events import LEDGER_FORMAT, Entry, from_stored, to_plain

_CHECKSUM_KEY = b',"crc32":"'
_TAIL_BYTES = len(_CHECKSUM_KEY) + 8 + len(b'"}')

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
#: Of an entry, in seconds since the epoch. A later time is no date in every time zone.
_LATEST_S = 250_000_000_000.0
_KEYS = ("seq", "time", "kind", "data")
_KEY_SET, _values = set(_KEYS), itemgetter(*_KEYS)

_from_json = json.JSONDecoder().raw_decode  # without the search for white space, which costs as much again


def _tail(body: bytes) -> bytes:
    """The end of a line, which replaces the closing brace of ``body`` (the entry's JSON): its checksum."""
    return b'%b%08x"}' % (_CHECKSUM_KEY, zlib.crc32(body))


def _encode(body: dict[str, Any]) -> bytes:
    # A lone surrogate, as in a path that is not UTF-8, becomes its escape.
    return _to_json(body).encode(errors="backslashreplace")


def format_line(entry: Entry) -> bytes:
    """One entry as a line of the ledger, newline included.

    Raises:
        ValueError: The event holds NaN or an infinity, which JSON cannot hold.
    """
    kind, data = to_plain(entry.event)
    body = _encode({"seq": entry.seq, "time": entry.time, "kind": kind, "data": data})
    return body[:-1] + _tail(body) + b"\n"


def _checked_body(line: bytes) -> bytes:
    """The entry's JSON in a whole line, without the checksum, which is compared."""
    whole = line.removesuffix(b"\n")
    body = whole[:-_TAIL_BYTES] + b"}"
    if whole[-_TAIL_BYTES:] != _tail(body):
        raise ValueError("checksum differs" if _CHECKSUM_KEY in whole else "not a ledger entry")
    return body


def _parse_body(body: bytes) -> Entry:
    text = body.decode()
    try:
        entry, end = _from_json(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    seq, time, kind, data = _parts(entry)
    if kind == "created" and type(data) is dict:
        _check_format(data)
    try:
        return Entry(seq, time, from_stored(kind, data))
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from error


def _parts(entry: Any) -> tuple[int, float, str, Any]:
    if type(entry) is not dict or entry.keys() != _KEY_SET:
        raise ValueError(f"an entry has the keys {', '.join(_KEYS)} and crc32")
    seq, time, kind, data = _values(entry)
    if type(seq) is not int or type(kind) is not str:
        raise ValueError("seq is a whole number, and kind is text")
    if type(time) not in (int, float) or not 0 <= time <= _LATEST_S:
        raise ValueError("time is seconds since 1970, in a year before 9892")
    return seq, float(time), kind, data


def _check_format(created: dict[str, Any]) -> None:
    written = created.get("ledger_format", 1)
    if type(written) is int and written > LEDGER_FORMAT:
        raise LedgerVersionError(
            f"the ledger has format {written}, this ratefront knows up to {LEDGER_FORMAT}: use a newer one"
        )


_HEADER = re.compile(rb'\{"seq":(\d{1,18}),"time":(\d{1,12}(?:\.\d{1,18})?),"kind":"(\w+)"')
_REPORT = re.compile(_HEADER.pattern.replace(rb"\w+", b"reported") + rb',"data":\{"trial_id":"([^"\\]+)"')


class LedgerLine(NamedTuple):
    """A whole line with the right checksum: which entry it has to be, where it begins and ends, and its JSON."""

    path: Path
    seq: int
    begin: int
    end: int
    body: bytes

    def entry(self) -> Entry:
        """The entry.

        Raises:
            LedgerDamagedError: It holds no known event, or it is another entry than the one that has to be there.
            LedgerVersionError: It is the first line of a newer format.
        """
        try:
            entry = _parse_body(self.body)
        except ValueError as error:
            raise _damaged(self.path, self.seq, self.begin, error) from error
        if entry.seq != self.seq:
            raise LedgerDamagedError(
                f"{self.path}: byte {self.begin}: expected entry {self.seq}, found {entry.seq}"
            )
        return entry

    def is_none_of(self, kinds: Container[str]) -> bool:
        """Whether it is plainly an entry of another kind than these. It then need not be parsed."""
        header = _HEADER.match(self.body)
        return header is not None and int(header[1]) == self.seq and header[3].decode() not in kinds

    def report(self) -> tuple[str, float] | None:
        """The trial and the time of a report, which need not be parsed for them; None for another event."""
        header = _REPORT.match(self.body)
        if header is None or int(header[1]) != self.seq or float(header[2]) > _LATEST_S:
            return None
        return header[4].decode(errors="replace"), float(header[2])


def scan_lines(
    lines: Iterable[bytes], path: Path, first_seq: int = 0, begin: int = 0
) -> Iterator[LedgerLine]:
    """The lines whose first one is at byte ``begin``. Stops before a torn last line. To check takes a fifth of parsing.

    Raises:
        LedgerDamagedError: The checksum of a line that is not the torn last one is wrong; names the entry and its byte.
    """
    seq = first_seq
    for line in lines:
        if not line.endswith(b"\n"):
            return  # the write was cut, so nothing has acted on the entry
        try:
            body = _checked_body(line)
        except ValueError as error:
            raise _damaged(path, seq, begin, error) from error
        end = begin + len(line)
        yield LedgerLine(path, seq, begin, end, body)
        seq, begin = seq + 1, end


def _damaged(path: Path, seq: int, begin: int, error: ValueError) -> LedgerDamagedError:
    return LedgerDamagedError(
        f"{path} is damaged: entry {seq} at byte {begin}: {error}; restore it, or cut it there"
    )
