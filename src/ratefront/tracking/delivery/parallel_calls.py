"""Work done by several threads at a time, none of which outlives whoever waits for it to end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


def call_in_parallel(items: Iterable[_Item], deal_with: Callable[[_Item], None], lanes: int) -> None:
    """Deal with all items, ``lanes`` at a time; the first error stops every lane, and is raised.

    Lanes are daemons: a process that ends does not wait for a server that hangs, as it would for an executor's.
    """
    left, errors = deque(items), list[Exception]()

    def lane() -> None:
        while left and not errors:
            try:
                item = left.popleft()
            except IndexError:  # another lane was faster
                return
            try:
                deal_with(item)
            except Exception as error:
                errors.append(error)

    count = min(lanes, len(left))
    if count <= 1:
        lane()
    else:
        threads = [threading.Thread(target=lane, name="ratefront-lane", daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
