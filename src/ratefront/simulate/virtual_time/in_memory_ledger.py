"""A ledger on a disk in memory: the same bytes as a real one, read by the same code."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

from ratefront.history.events import Entry, Event
from ratefront.store.ledger.ledger_format import format_line, scan_lines


class MemoryDisk:
    """The bytes of a ledger, which outlive the driver that writes them.

    Attributes:
        content: The ledger's bytes.
        is_full: Whether nothing more can be written. This disk never fills up; one of the fault rig does.
    """

    def __init__(self) -> None:
        self.content = bytearray()
        self.is_full = False

    def write(self, line: bytes) -> None:
        """Append one line.

        A disk that fails on purpose raises an ``OSError`` where it is full, and ``DriverDied`` where the writing
        process dies.
        """
        self.content += line

    def entries(self, offset: int = 0, first_seq: int = 0) -> Iterator[tuple[Entry, int]]:
        """Yield the whole entries from a byte on, each with the offset behind it."""
        lines = io.BytesIO(self.content[offset:])
        for line in scan_lines(lines, MemoryLedger.path, first_seq, offset):
            yield line.entry(), line.end

    def reader(self) -> Callable[[], list[Entry]]:
        """Return a function that gives what was appended since its last call, as ``LedgerReader.read_new`` does."""
        offset = seq = 0

        def read_new() -> list[Entry]:
            nonlocal offset, seq
            entries = []
            for entry, end in self.entries(offset, seq):
                entries.append(entry)
                offset, seq = end, entry.seq + 1
            return entries

        return read_new


class MemoryLedger:
    """The one writer of a disk's ledger, as ``store.ledger.ledger_file.Ledger`` is of a file's."""

    path = Path("ledger.jsonl")

    def __init__(self, disk: MemoryDisk, time: Callable[[], float]) -> None:
        self._disk, self._time = disk, time
        self._entries = self._recover()

    def _recover(self) -> list[Entry]:
        """Read the whole entries, and cut a torn end off."""
        entries, end = [], 0
        for entry, offset in self._disk.entries():
            entries.append(entry)
            end = offset
        del self._disk.content[end:]
        return entries

    def append(self, event: Event) -> Entry:
        """Write one event; what the disk's ``write`` raises passes through."""
        entry = Entry(len(self._entries), self._time(), event)
        self._disk.write(format_line(entry))
        self._entries.append(entry)
        return entry

    def entries(self) -> Iterator[Entry]:
        """Yield all entries so far, in order."""
        yield from self._entries
