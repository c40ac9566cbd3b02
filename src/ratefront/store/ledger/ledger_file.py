"""The ledger as a file: the one writer that holds its lock, and readers that may run beside it.

The ledger is the only truth about a sweep. Every append is flushed to the disk before it returns. A torn last line (the
driver died while it wrote) is cut off when the ledger is opened for writing, and ignored when it is read; any other
damage is an error that says where. ``ledger_format`` says what a line is. Entries are never all kept: a long sweep has
hundreds of thousands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ratefront.errors import LedgerDamagedError, LedgerMovedError, RatefrontError
from ratefront.history.events import Entry, Event
from ratefront.store.files.atomic_files import flush_to_disk
from ratefront.store.ledger.driver_lock import take_driver_lock
from ratefront.store.ledger.ledger_format import LedgerLine, format_line, scan_lines

#: How much of a ledger is read at once: some thousand lines.
_BLOCK_BYTES = 1 << 20


def read_entries(path: Path, kinds: Container[str] | None = None) -> Iterator[Entry]:
    """Every whole entry of a ledger, which another process may be writing; or only those of these ``kinds``.

    Raises:
        LedgerDamagedError: A line that is not the torn last one cannot be read; names the entry and its byte.
        LedgerVersionError: A newer ratefront wrote the ledger.
    """
    for line in read_lines(path):
        if kinds is None or not line.is_none_of(kinds):
            yield line.entry()


def read_lines(path: Path, first_seq: int = 0, begin: int = 0) -> Iterator[LedgerLine]:
    """The whole lines of a ledger from byte ``begin`` on, each checked by its checksum.

    Raises:
        LedgerDamagedError: The checksum of a line that is not the torn last one is wrong; names the entry and its byte.
    """
    return scan_lines(_lines_from(path, begin), path, first_seq, begin)


def _lines_from(path: Path, begin: int) -> Iterator[bytes]:
    """Yield line by line. No file is open meanwhile: the caller may never ask for the last one."""
    while True:
        with path.open("rb") as stream:
            stream.seek(begin)
            lines = stream.readlines(_BLOCK_BYTES)
        if not lines:
            return
        yield from lines
        begin += sum(map(len, lines))


class LedgerReader:
    """Reads a growing ledger piece by piece."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._seq = path, 0, 0

    def read_new(self) -> Iterator[Entry]:
        """The whole entries that were appended since the last call, one after the other: there may be very many.

        Entries that are not taken from the iterator come again with the next call.
        """
        for line in read_lines(self._path, self._seq, self._offset):
            entry = line.entry()
            self._offset, self._seq = line.end, line.seq + 1
            yield entry


class Ledger:
    """The one writer of a ledger. It holds an exclusive lock for as long as it is open.

    Raises:
        LedgerLockedError: Another process has it open; names that process.
        InputError: Its file system has no locks.
        LedgerDamagedError: An entry other than a torn last line cannot be read.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        is_new = not path.exists()
        self._stream = path.open("ab", buffering=0)  # a buffer would keep what a full disk refused
        try:
            take_driver_lock(self._stream, path)
        except RatefrontError:
            self._stream.close()
            raise
        if is_new:
            flush_to_disk([path.parent])  # otherwise the file may be lost if the machine dies
        self._next_seq, self._end = self._recover()

    def _recover(self) -> tuple[int, int]:
        """Check every line, and cut off a torn last one. Returns how many there are and the offset behind the last."""
        entries = end = 0
        try:
            for line in read_lines(self.path):
                if not line.is_none_of(()):  # it begins oddly: parsing says what is wrong
                    line.entry()
                entries, end = line.seq + 1, line.end
        except LedgerDamagedError:
            self._stream.close()
            raise
        self._stream.truncate(end)
        return entries, end

    def entries(self, kinds: Container[str] | None = None) -> Iterator[Entry]:
        """All entries so far, in order, or only those of these ``kinds``. They are read from the file.

        Raises:
            LedgerDamagedError: The checksum of a line is right and what it says is not an entry.
            LedgerVersionError: A newer ratefront wrote the ledger.
        """
        return read_entries(self.path, kinds)

    def append(self, event: Event) -> Entry:
        """Write one event. When this returns, it is on the disk.

        Raises:
            OSError: It cannot be written; the ledger is then as it was before.
            LedgerMovedError: The ledger is not at its path any more; it is as it was before.
        """
        self.check_in_place()
        entry = Entry(self._next_seq, self._clock(), event)
        line = format_line(entry)
        try:
            self._write(line)
            os.fsync(self._stream.fileno())
        except OSError:
            self._stream.truncate(self._end)  # no half a line may stay before the next entry
            raise
        self._next_seq += 1
        self._end += len(line)
        return entry

    def _write(self, line: bytes) -> None:
        """Write the whole line. One call may write a part only, for example where the disk fills up."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._stream.write(rest) :]

    def check_in_place(self) -> None:
        """Check that the path still leads to this ledger.

        The file that is open goes with its folder wherever that is moved. Trials would look for the folder at its path.

        Raises:
            LedgerMovedError: Its folder, or the ledger itself, was moved, deleted or replaced.
        """
        try:
            is_in_place = os.path.samestat(os.fstat(self._stream.fileno()), self.path.stat())
        except OSError:  # missing, behind a circle of links, in a folder closed to us, on a disk that is gone
            is_in_place = False
        if not is_in_place:
            raise LedgerMovedError(
                f"{self.path} was moved, deleted or replaced while the sweep ran; no trial has failed for it: move the "
                "sweep's folder back and resume the sweep, or resume it where the folder is now"
            )

    def clear(self) -> None:
        """Delete every entry, for a sweep that begins in the folder of one that planned no trial."""
        self._stream.truncate(0)
        os.fsync(self._stream.fileno())
        self._next_seq = self._end = 0

    def close(self) -> None:
        """Close the file and release the lock."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
