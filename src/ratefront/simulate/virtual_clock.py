"""Virtual time: what is to happen, in the order in which it will."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeAlias

Action: TypeAlias = Callable[[], object]

#: When every simulation begins, as seconds since the epoch: ledgers and trackers hold dates.
EPOCH_S = 1_700_000_000.0


class Clock:
    """Seconds from 0. What is due at the same moment happens in the order in which it was asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Action]] = []
        self._asked = 0

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return EPOCH_S + self.now

    def after(self, wait_s: float, action: Action) -> None:
        heapq.heappush(self._queue, (self.now + wait_s, self._asked, action))
        self._asked += 1

    def step(self) -> bool:
        """Let the next thing happen; False where nothing is left that could."""
        if not self._queue:
            return False
        self.now, _, action = heapq.heappop(self._queue)
        action()
        return True
