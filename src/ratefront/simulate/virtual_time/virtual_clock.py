"""Virtual time: a queue of actions, carried out in the order in which they are due."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

Action: TypeAlias = Callable[[], object]

#: When every simulation begins, in seconds since the epoch: ledgers and trackers hold dates.
EPOCH_S = 1_700_000_000.0


class VirtualClock:
    """Counts seconds from 0. Actions that are due at the same moment happen in the order in which they were added."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Action]] = []
        self._added = 0

    def time(self) -> float:
        """Return the current virtual time, in seconds since the epoch."""
        return EPOCH_S + self.now

    def after(self, wait_s: float, action: Action) -> None:
        """Carry out ``action`` once ``wait_s`` seconds have passed."""
        heapq.heappush(self._queue, (self.now + wait_s, self._added, action))
        self._added += 1

    def step(self) -> bool:
        """Carry out the next action; return False if the queue is empty."""
        if not self._queue:
            return False
        self.now, _, action = heapq.heappop(self._queue)
        action()
        return True
