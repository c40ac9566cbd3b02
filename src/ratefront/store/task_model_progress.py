"""How far the training of a task model is: written by the worker that trains, read by the driver and by ``status``.

It is a file beside the sweep's task model, because the worker may run on another node and has no driver to report to.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratefront.bounded_files import read_json_file
from ratefront.store.files.atomic_files import remove_drafts, write_bytes

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskModelProgress:
    """How far the training is.

    Attributes:
        epochs: How many epochs there are in all.
        epochs_done: How many of them are done.
        share: The fraction of the present epoch that is done.
        seconds: How long the training has taken so far.
        loss: On the training split in the last whole epoch; None before there is one.
        accuracy: On the validation split after the last whole epoch; None before there is one.
        waits: True where another process trains the same model and this one waits for it.
    """

    epochs: int = 0
    epochs_done: int = 0
    share: float = 0.0
    seconds: float = 0.0
    loss: float | None = None
    accuracy: float | None = None
    waits: bool = False

    @property
    def remaining_s(self) -> float | None:
        """How many seconds are left; None while too little has been trained to tell."""
        trained = self.epochs_done + self.share
        return self.seconds * (self.epochs - trained) / trained if trained > 0 else None

    def to_plain(self) -> dict[str, Any]:
        """As plain data for JSON, with ``remaining_s``."""
        return asdict(self) | {"remaining_s": self.remaining_s}


#: Another process trains the same model.
WAITS = TaskModelProgress(waits=True)


class ProgressFile:
    """The file that holds the progress, whole or not at all. A full disk does not stop the training."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, progress: TaskModelProgress) -> None:
        """Replace the file. Where that fails, the failure is logged only."""
        try:
            write_bytes(self._path, json.dumps(asdict(progress)).encode())
        except OSError as error:
            _log.debug("progress cannot be written: %s", error)

    def read(self) -> TaskModelProgress | None:
        """The progress; None where there is none, or none that can be understood."""
        try:
            return TaskModelProgress(**read_json_file(self._path))
        except (OSError, ValueError, TypeError):
            return None

    def remove(self) -> None:
        """Delete the file, and drafts that a killed writer left."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            remove_drafts(self._path)
