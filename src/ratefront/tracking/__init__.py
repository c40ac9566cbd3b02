"""Projects a sweep's ledger to where a person browses it. Only this room imports MLflow, and late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratefront.events import Entry
    from ratefront.tracking.follower import Follower


def open_tracking(read_new: Callable[[], list[Entry]], uri: str, experiment: str) -> Follower:
    """Follow a ledger from its first entry and project it to the MLflow store at ``uri``; returns at once.

    ``read_new`` gives what was appended since its last call (``LedgerReader.read_new``). MLflow is imported,
    and a missing SQLite store made, in the follower's thread.
    """
    from ratefront.tracking.follower import Follower
    from ratefront.tracking.mlflow_tracker import MlflowTracker

    return Follower(read_new, MlflowTracker(uri, experiment)).start()
