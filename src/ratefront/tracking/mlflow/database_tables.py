"""Gives a new database MLflow's tables, in one piece, and refuses a file that holds something else.

MLflow makes or migrates the tables as soon as one of its stores opens a database, in many steps and without a lock. Two
processes at the same time break the tables for good, and so does the death of one meanwhile. Therefore every process of
ours, before it opens a database or starts a server on one, calls ``prepare_database``: one at a time looks after the
tables, and a new file gets its name when it is complete.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ratefront.errors import InputError
from ratefront.store.files.process_lock import exclusively
from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.mlflow.mlflow_logging import import_quiet_mlflow

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Tables that every version of MLflow has made.
_TABLES = {"experiments", "runs"}
#: What PostgreSQL knows our lock by: any number that other programs do not use.
_ADVISORY_LOCK = 7_283_663_668


def prepare_database(uri: str) -> None:
    """Make a missing SQLite file, and let the database have the tables of the MLflow that is installed.

    It waits while another process does the same. The databases MySQL and SQL Server are not locked: start the first
    sweep of a new one alone.

    Raises:
        InputError: The SQLite file holds something else than MLflow's tables; it was not changed. Or the database's
            driver is not installed.
        Exception: Any error of MLflow's or of the database.
    """
    import_quiet_mlflow()
    path = addresses.sqlite_path(uri)
    if path is None:
        with _locked_database(uri):
            _open(uri)
        return
    holds_tables(path)  # or else it is refused, and nothing is made beside it
    with _locked_file(path):
        if not holds_tables(path):
            _create(path)
        _open(uri)


def _open(uri: str) -> None:
    """Let MLflow make, migrate and fill the tables, where that is needed."""
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)


def _create(path: Path) -> None:
    """Make the tables in a file of another name, and rename it. What a killed process left is removed first."""
    unfinished = re.compile(re.escape(path.name) + r"\.[0-9a-f]{8}\.new(-journal)?")
    for left in path.parent.iterdir():
        if unfinished.fullmatch(left.name) and not left.is_dir():
            left.unlink()
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    _open(addresses.sqlite_uri(new))
    new.replace(path)


def _locked_file(path: Path) -> AbstractContextManager[None]:
    """Lock a file beside the database. Who may not write there makes no tables either, and needs no lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        return nullcontext()
    lock = path.with_name(f"{path.name}.lock")
    if lock.is_symlink() or (lock.exists() and not lock.is_file()):
        raise InputError(
            f"{lock} must be a file, which is locked while the database gets its tables: remove it"
        )
    return exclusively(lock, f"the tables of {path}")


def connect_once(uri: str) -> Connection:
    """Connect to a database that is reached over a network, since MLflow itself would try for a minute and a half.

    Raises:
        InputError: The database's driver is not installed.
        Exception: Any error of the database.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(uri, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
    except ModuleNotFoundError as error:
        kind = uri.partition(":")[0]
        raise InputError(
            f"a {kind} database needs the package {error.name}, which is not installed"
        ) from error


@contextmanager
def _locked_database(uri: str) -> Iterator[None]:
    """Hold PostgreSQL's lock."""
    from sqlalchemy import text

    connection = connect_once(uri)
    with connection:
        if connection.dialect.name != "postgresql":
            yield
            return
        lock = {"lock": _ADVISORY_LOCK}
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), lock)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


def check_database(uri: str) -> None:
    """Check, where the address is that of a SQLite file, that the file is MLflow's, or may become it.

    Raises:
        InputError: It holds something else.
    """
    path = addresses.sqlite_path(uri)
    if path is not None:
        holds_tables(path)


def holds_tables(path: Path) -> bool:
    """Return whether a SQLite file has MLflow's tables; False where it is missing or empty, and may get them.

    The two names are not documented. If a later MLflow renames these tables, every store is refused. Tried with
    MLflow 3.17.

    Raises:
        InputError: It is no file, or holds something else than MLflow's tables.
    """
    if not path.exists():
        return False
    if not path.is_file():
        raise InputError(f"{path} is not a file, so that it cannot be MLflow's database")
    if path.stat().st_size == 0:
        return False
    try:
        tables = _tables_in(path)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is not a SQLite database ({error}); it stays as it is") from error
    if not tables >= _TABLES:
        raise InputError(
            f"{path} is a database of another program, without MLflow's tables; it stays as it is. Give another file"
        )
    return True


def _tables_in(path: Path) -> set[str]:
    """Return the names of the tables. Nothing is written, not even the files in which SQLite notes who reads."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
