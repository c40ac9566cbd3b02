"""Imports MLflow: silent on the terminal, without retries of its own. What matters arrives as an exception.

The settings are documented, the name of the logger is not. If a later MLflow renames it, an error that we handle or
report ourselves is printed too, with its traceback. Tried with MLflow 3.17.
"""

from __future__ import annotations

import logging
import os
from threading import Lock

#: Set only if the user has not: no telemetry, no links on stdout, and no retries below ours (a request that MLflow
#: repeats can create a run twice).
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_DATABASE_ERRORS = "mlflow.store.db.utils"


#: Threads that import MLflow at the same time see half of its modules, and break it for the whole process.
_FIRST_IMPORT = Lock()


def import_quiet_mlflow() -> None:
    """Apply the settings, then import MLflow. Call it before any other import of MLflow's."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger(_DATABASE_ERRORS).setLevel(logging.CRITICAL)
    with _FIRST_IMPORT:
        import mlflow  # noqa: F401
