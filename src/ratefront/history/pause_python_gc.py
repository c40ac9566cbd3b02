"""Pauses Python's garbage collector while a replay makes very many objects that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause the garbage collector, which would search all new objects again and again and find nothing to free.

    Afterwards all of them count as old; old objects are searched rarely.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # moves what was frozen to the oldest generation, without a search
        if was_enabled:
            gc.enable()
