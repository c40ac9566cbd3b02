"""MLflow keeps off the terminal, and asks once: what matters arrives as an exception.

The settings are documented, the name of the logger is not. Where a later MLflow calls that one otherwise, an error that
we mend or tell ourselves stands on the terminal too, with its trace. Tried with MLflow 3.17.
"""

from __future__ import annotations

import logging
import os

#: Said only where the user has not: no calls home, no links on stdout, and no retries below ours (a request
#: that MLflow itself repeats can make a run twice).
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
    """To be called before MLflow is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger(_DATABASE_ERRORS).setLevel(logging.CRITICAL)
