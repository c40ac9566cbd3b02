"""Finds out whether a sweep could be tracked at an address. Nothing is made there: no table, no experiment."""

from __future__ import annotations

import os
from pathlib import Path

from ratefront.errors import InputError, TrackingError
from ratefront.safe_text import without_credentials
from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.delivery.delivery_errors import describe_error
from ratefront.tracking.mlflow.database_tables import check_database, connect_once
from ratefront.tracking.mlflow.mlflow_logging import import_quiet_mlflow
from ratefront.tracking.mlflow.mlflow_store import check_not_deleted


def look_at_store(uri: str, experiment: str) -> str:
    """Say in one line what is at a tracking address, which ``resolve_uri`` has returned.

    Raises:
        InputError: No sweep can be tracked there: it is another program's database, or a deleted experiment.
        TrackingError: It cannot be reached, written, or refuses the user.
    """
    shown = without_credentials(uri)
    path = addresses.sqlite_path(uri)
    if path is not None:
        return _look_at_file(uri, path)
    try:
        found = _look_at_server(uri, experiment) if addresses.is_server(uri) else _look_at_database(uri)
    except InputError:
        raise
    except Exception as error:  # of MLflow's, requests' or the database's many kinds
        why = describe_error(error)
        raise TrackingError(why if shown in why else f"{shown}: {why}") from error
    return f"{shown} answers; {found}"


def _look_at_file(uri: str, path: Path) -> str:
    check_database(uri)
    folder = next(parent for parent in path.parents if parent.exists())
    needed = {folder: os.W_OK | os.X_OK}  # SQLite writes its journal beside the file
    if path.exists():
        needed[path] = os.R_OK | os.W_OK
    for there, mode in needed.items():
        if not os.access(there, mode, effective_ids=True):
            raise TrackingError(f"{path} cannot be written: {there} does not allow it")
    return f"{path} {'is there' if path.exists() else 'will be made'}"


def _look_at_server(uri: str, experiment: str) -> str:
    import_quiet_mlflow()
    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=uri, registry_uri=uri).get_experiment_by_name(experiment)
    if found is not None:
        check_not_deleted(found, uri)
    return f"experiment {experiment!r} {'is there' if found is not None else 'will be made'}"


def _look_at_database(uri: str) -> str:
    from sqlalchemy import inspect

    with connect_once(uri) as connection:
        has_tables = "experiments" in inspect(connection).get_table_names()
    return "MLflow's tables are there" if has_tables else "MLflow's tables will be made"
