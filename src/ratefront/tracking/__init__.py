"""Shows a sweep where a person browses it: in MLflow and in the Optuna Dashboard.

All of it is derived from the ledger and the sweep's folder, and can be written again. Drivers use ``open_tracking``,
``tracker_protocol`` and ``tracking_uri``. Keys, tags and notes of a run are in ``run_keys``, ``run_tags`` and
``run_notes``. Only this room imports MLflow, inside functions. It imports neither the engine nor orchestrate, and
neither torch nor Ray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratefront.store.sweep_folder import SweepFolder
    from ratefront.tracking.delivery.follower import Follower


def open_tracking(folder: SweepFolder, uri: str, experiment: str, *, register: str | None = None) -> Follower:
    """Start a thread that copies a sweep's ledger, from its first entry on, to the MLflow store at ``uri``.

    ``uri`` is one that the user has given (see ``known_addresses``).

    Returns at once: the thread imports MLflow and makes a missing SQLite store. With a name in ``register``, the codecs
    that are kept are registered as versions of that model.
    """
    from ratefront.store.ledger.ledger_file import LedgerReader
    from ratefront.tracking.delivery.folder_content import FolderContent
    from ratefront.tracking.delivery.follower import Follower
    from ratefront.tracking.known_addresses import remember_address
    from ratefront.tracking.mlflow.mlflow_tracker import MlflowTracker

    remember_address(uri, folder.path)
    tracker = MlflowTracker(uri, experiment, artifacts=folder.path.parent, register=register)
    return Follower(LedgerReader(folder.ledger).read_new, tracker, files=FolderContent(folder)).start()
