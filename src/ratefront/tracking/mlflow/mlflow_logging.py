"""Silences MLflow on the terminal and stops its retries: what matters arrives as an exception.

The settings are documented, the name of the logger is not. If a later MLflow renames it, an error that we handle or
report ourselves is printed too, with its traceback. Tried with MLflow 3.17.
"""

from __future__ import annotations

import logging
import os

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


def quiet_mlflow() -> None:
    """Apply the settings. Call it before MLflow is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger(_DATABASE_ERRORS).setLevel(logging.CRITICAL)
