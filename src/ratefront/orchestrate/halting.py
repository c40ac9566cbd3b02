"""A sweep that its driver leaves before its end says why, in its ledger."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ratefront.engine.live_sweep import LiveSweep
from ratefront.errors import EngineError, RatefrontError
from ratefront.history.events import Halted
from ratefront.safe_text import without_credentials

_log = logging.getLogger(__name__)


@contextmanager
def saying_why(live: LiveSweep) -> Iterator[None]:
    """What ends the work inside is the ledger's last entry, and passes. The sweep must have been opened."""
    try:
        yield
    except KeyboardInterrupt as asked:
        _record(live, Halted(str(asked), has_failed=False))
        raise
    except Exception as error:
        _record(live, Halted(without_credentials(_reason(error)), has_failed=True))
        raise


def _reason(error: Exception) -> str:
    """Errors of our own are sentences; of others the name says more than the text."""
    return str(error) if isinstance(error, RatefrontError) else f"{type(error).__name__}: {error}"


def _record(live: LiveSweep, halted: Halted) -> None:
    """The ledger may be what cannot be written."""
    try:
        live.record(halted)
    except EngineError as error:
        _log.debug("why the sweep ends is not in its ledger: %s", error)
