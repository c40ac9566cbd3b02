"""A disk in memory that fills up, or on which the writing process dies."""

from __future__ import annotations

import errno
import os
from random import Random

from ratefront.simulate.virtual_time.in_memory_ledger import MemoryDisk
from ratefront.simulate.virtual_time.simulated_driver import DriverDied


class FailingDisk(MemoryDisk):
    """A disk that fails on purpose.

    Attributes:
        is_full: While it is, nothing can be written.
        appends_left: After so many more appends the driver dies within the next one, of which a random part (nothing
            to all) is on the disk. None: it does not die in a write.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.appends_left: int | None = None
        self._random = random

    def write(self, line: bytes) -> None:
        """Append one line.

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
        super().write(line)
