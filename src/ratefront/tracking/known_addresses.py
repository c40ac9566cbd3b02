"""Tracking addresses that are the user's own: nothing is sent to any other one that a sweep's folder names.

MLflow sends the user's password or token to every address that it is given, and the folder may come from a stranger. An
address is the user's own if it was given as an argument, stands in a sweep file that was started, or in the environment
variable ``MLFLOW_TRACKING_URI``; and so is the database beside the sweep's folder. This machine remembers the addresses
that it has sent a sweep to, so that the author of a sweep is not asked again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ratefront.errors import InputError
from ratefront.safe_text import has_credentials, without_credentials
from ratefront.tracking.tracking_uri import (
    DEFAULT_DATABASE,
    is_same_store,
    resolve_uri,
    sqlite_path,
    store_of,
)
from ratefront.user_memory import UserMemory, digest_of
from ratefront.wording import Argument, Message

_MEMORY = UserMemory("known_addresses")


def recorded_address(recorded: Any, folder: Path) -> str:
    """Return the address that a sweep's ledger names, or the default one, if it is the user's own.

    Args:
        recorded: What the ledger has as ``tracking.uri``.
        folder: The sweep's folder.

    Raises:
        InputError: It is no address, or it is not known to be the user's own.
    """
    if recorded is not None and not isinstance(recorded, str):
        raise InputError(f"{folder} has no address as tracking.uri, but {recorded!r}")
    uri = resolve_uri(recorded, folder)
    if has_credentials(uri):
        raise InputError(
            Message(
                f"{folder} names a tracking address with a user or password, {without_credentials(uri)}; nothing was "
                "sent there. Give the address with ",
                Argument("tracking_uri"),
            )
        )
    if not (_lies_beside(uri, folder) or _is_in_environment(uri) or _MEMORY.holds(digest_of(store_of(uri)))):
        shown = without_credentials(uri)
        raise InputError(
            Message(
                f"{folder} names the tracking address {shown}, to which this machine has sent nothing for you before; "
                "nothing was sent there. If it is yours, say so with ",
                Argument("tracking_uri", shown),
            )
        )
    return uri


def remember_address(uri: str, folder: Path) -> None:
    """Remember that the user sends sweeps to this address, without user and password."""
    if not _lies_beside(uri, folder):
        _MEMORY.remember(digest_of(store_of(uri)), without_credentials(uri))


def _lies_beside(uri: str, folder: Path) -> bool:
    """Whether it is ``mlflow.db`` beside the sweep's folder. A link to one elsewhere is not: ``uri`` is resolved.

    Another name counts like any other address: a database would be made of ``.profile`` as well.
    """
    return sqlite_path(uri) == folder.resolve().parent / DEFAULT_DATABASE


def _is_in_environment(uri: str) -> bool:
    given = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        return bool(given) and is_same_store(uri, resolve_uri(given, Path()))
    except InputError:  # an address of another kind
        return False
