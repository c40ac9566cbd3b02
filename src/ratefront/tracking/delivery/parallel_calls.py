"""Calls a function for many items in several threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

_Item = TypeVar("_Item")


def call_in_parallel(items: Iterable[_Item], function: Callable[[_Item], None], threads: int) -> None:
    """Call the function for all items, ``threads`` at a time. The first error stops all threads, and is raised.

    The threads are daemons: a process that ends does not wait for a server that hangs. It would wait for the threads of
    an executor.
    """
    waiting, errors = deque(items), list[Exception]()

    def work() -> None:
        while waiting and not errors:
            try:
                item = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                function(item)
            except Exception as error:
                errors.append(error)

    count = min(threads, len(waiting))
    if count <= 1:
        work()
    else:
        started = [threading.Thread(target=work, name="ratefront-call", daemon=True) for _ in range(count)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
    if errors:
        raise errors[0]
