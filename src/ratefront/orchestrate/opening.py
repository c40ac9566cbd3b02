"""How a sweep begins: a folder of its own, or the ledger that it goes on from."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ratefront.errors import InputError, SweepMismatchError
from ratefront.events import LEDGER_FORMAT, Created, Entry, Event, Resumed
from ratefront.orchestrate.environment import describe_environment
from ratefront.spec.load import dump_yaml, spec_difference, to_plain
from ratefront.spec.schema import SweepSpec
from ratefront.store.atomic import write_json, write_text
from ratefront.store.folder import SweepFolder


def check_folder(folder: SweepFolder, resume: bool) -> None:
    """
    Raises
    ------
    InputError
        A new sweep would write among other files, or there is nothing to resume.
    """
    path = folder.path
    if resume and not folder.ledger.exists():
        raise InputError(f"{path} holds no sweep to resume: it has no {folder.ledger.name}")
    if resume:
        return
    if not path.exists():
        _check_creatable(path)
        return
    if not path.is_dir():
        raise InputError(f"{path} is not a folder; a sweep needs one of its own")
    if folder.ledger.exists():
        raise InputError(f"{path} already holds a sweep; go on with --resume, or choose another folder")
    if any(path.iterdir()):
        raise InputError(f"{path} is not empty; a sweep needs a folder of its own")


def _check_creatable(path: Path) -> None:
    nearest = next(parent for parent in path.parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be made: {nearest} is not a folder that one may write to")


def opening_event(spec: SweepSpec, entries: Sequence[Entry]) -> Created | Resumed:
    """What a driver that has just opened the ledger of an unfinished sweep writes first.

    Raises
    ------
    SweepMismatchError
        The ledger began with another spec; shows the difference.
    """
    if not entries:
        return Created(spec.name, to_plain(spec), version("ratefront"), LEDGER_FORMAT)
    check_same_spec(spec, entries[0].event)
    return Resumed(f"process {os.getpid()} on {socket.gethostname()}")


def check_same_spec(spec: SweepSpec, created: Event) -> None:
    """
    Raises
    ------
    SweepMismatchError
        As ``opening_event``.
    """
    old: Any = created.spec if isinstance(created, Created) else {}
    difference = spec_difference(old, to_plain(spec))
    if difference:
        lines = "\n".join(f"  {line}" for line in difference)
        raise SweepMismatchError(f"the sweep began with other settings (ledger → now):\n{lines}")


def write_origin(spec: SweepSpec, folder: SweepFolder) -> None:
    """The resolved spec, and the environment that the sweep began in."""
    write_text(folder.spec, dump_yaml(spec))
    write_json(folder.environment, describe_environment())
