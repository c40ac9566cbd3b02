"""A ledger on a disk in memory: the same bytes, read by the same code; the disk can fill up, its writer can die."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from ratefront.history.events import Entry, Event
from ratefront.store.ledger.ledger_format import format_line, scan


class DriverDied(BaseException):
    """The process that was writing is no more."""


class Disk:
    """What outlives a driver: the bytes of its ledger.

    While ``is_full`` nothing can be written. ``appends_left``: after so many more, the driver dies within the next one,
    of which a random part (nothing to all) is on the disk.
    """

    def __init__(self, random: Random) -> None:
        self.content = bytearray()
        self.is_full = False
        self.appends_left: int | None = None
        self._random = random

    def write(self, line: bytes) -> None:
        """
        Raises:
            OSError: The disk is full; it has nothing of the line.
            DriverDied: It has a part of the line, or all of it.
        """
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.appends_left == 0:
            self.content += line[: self._random.randint(0, len(line))]
            raise DriverDied
        if self.appends_left is not None:
            self.appends_left -= 1
        self.content += line

    def entries(self, offset: int = 0, first_seq: int = 0) -> Iterator[tuple[Entry, int]]:
        """Whole entries from a byte on, each with the offset behind it."""
        stream = io.BytesIO(self.content[offset:])
        for entry, end in scan(stream, MemoryJournal.path, first_seq):
            yield entry, offset + end

    def reader(self) -> Callable[[], list[Entry]]:
        """Gives what was appended since its last call, as ``LedgerReader.read_new``."""
        offset = seq = 0

        def read_new() -> list[Entry]:
            nonlocal offset, seq
            found = []
            for entry, end in self.entries(offset, seq):
                found.append(entry)
                offset, seq = end, entry.seq + 1
            return found

        return read_new


class MemoryJournal:
    """The one writer of a disk's ledger, as ``store.ledger.Ledger`` is of a file's."""

    path = Path("ledger.jsonl")

    def __init__(self, disk: Disk, time: Callable[[], float]) -> None:
        self._disk, self._time = disk, time
        self.entries = self._recover()

    def _recover(self) -> list[Entry]:
        found, end = [], 0
        for entry, offset in self._disk.entries():
            found.append(entry)
            end = offset
        del self._disk.content[end:]
        return found

    def append(self, event: Event) -> Entry:
        """Write one event.

        Raises:
            OSError, DriverDied: As ``Disk.write``.
        """
        entry = Entry(len(self.entries), self._time(), event)
        self._disk.write(format_line(entry))
        self.entries.append(entry)
        return entry
