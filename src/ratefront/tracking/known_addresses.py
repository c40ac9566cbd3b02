"""Tracking addresses that are the user's own: nothing is sent to any other one that a sweep's folder names.

MLflow sends the user's password or token to every address that it is given, and the folder may come from a stranger. An
address is the user's own if it was given as an argument, stands in a sweep file that was started, or in the environment
variable ``MLFLOW_TRACKING_URI``; and so is the database beside the sweep's folder. This machine remembers the addresses
that it has sent a sweep to, so that the author of a sweep is not asked again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from pathlib import Path
from typing import Any

from ratefront.cache_folders import cache_folder
from ratefront.errors import InputError
from ratefront.safe_text import without_credentials
from ratefront.tracking.tracking_uri import is_same_store, resolve_uri, sqlite_path, store_of
from ratefront.wording import Argument, Message

_log = logging.getLogger(__name__)


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
    if not (_lies_beside(uri, folder) or _is_in_environment(uri) or _is_remembered(uri)):
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
    """Remember that the user sends sweeps to this address, without user and password.

    The existence of a file in a folder that only this user may read and write says so. Where there can be none, the
    user is asked again.
    """
    if _lies_beside(uri, folder):
        return
    memory = _memory_of(uri)
    try:
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_private(memory.parent):
            memory.write_text(f"{without_credentials(uri)}\n", encoding="utf-8")
    except OSError as error:
        _log.debug("%s is not remembered: %s", without_credentials(uri), error)


def _lies_beside(uri: str, folder: Path) -> bool:
    """Whether it is a database beside the sweep's folder. A link to one elsewhere is not: ``uri`` is resolved."""
    path = sqlite_path(uri)
    return path is not None and path.parent == folder.resolve().parent


def _is_in_environment(uri: str) -> bool:
    given = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        return bool(given) and is_same_store(uri, resolve_uri(given, Path()))
    except InputError:  # an address of another kind
        return False


def _is_remembered(uri: str) -> bool:
    memory = _memory_of(uri)
    return _is_private(memory.parent) and memory.is_file()


def _memory_of(uri: str) -> Path:
    digest = hashlib.sha256(repr(store_of(uri)).encode()).hexdigest()
    return cache_folder() / f"known_addresses-{os.getuid()}" / digest


def _is_private(folder: Path) -> bool:
    """Whether it is this user's own folder, and closed to all others: the cache may be shared."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
