"""What is said where nobody reads any more: a pipe whose reader has gone, a terminal that was closed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

STANDARD_ERROR = 2


@contextmanager
def may_go_unread() -> Iterator[None]:
    """What is said on standard error inside need not be heard: where that is gone, nothing is said there any more."""
    try:
        yield
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STANDARD_ERROR)
        os.close(nowhere)
