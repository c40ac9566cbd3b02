"""For work that makes a great many objects which all stay, as a replay does."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Python's garbage collector rests: it would look through all that was made, again and again, and find nothing.

    Afterwards all of it counts as old, which is looked through seldom.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # from where it was frozen to the oldest generation, without a look
        if was_enabled:
            gc.enable()
