"""Projects a sweep's ledger to where a person browses it. Only this room imports MLflow, and late."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratefront.store.sweep_folder import SweepFolder
    from ratefront.tracking.delivery.follower import Follower


def open_tracking(folder: SweepFolder, uri: str, experiment: str, *, register: str | None = None) -> Follower:
    """Follow a sweep's ledger from its first entry and project it to the MLflow store at ``uri``; returns at once.

    Codecs that are kept are registered as versions of the model ``register``, if it has a name. MLflow is imported,
    and a missing SQLite store made, in the follower's thread.
    """
    from ratefront.store.ledger.ledger_file import LedgerReader
    from ratefront.tracking.delivery.folder_content import FolderContent
    from ratefront.tracking.delivery.follower import Follower
    from ratefront.tracking.mlflow.mlflow_tracker import MlflowTracker

    tracker = MlflowTracker(uri, experiment, artifacts=folder.path.parent, register=register)
    return Follower(LedgerReader(folder.ledger).read_new, tracker, files=FolderContent(folder)).start()
