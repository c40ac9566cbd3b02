"""How far the training of a task model is: written by the worker that trains, read by the driver and by ``status``.

A file beside the sweep's task model, since the worker may be on another node and has nothing to report to.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ratefront.store.files.atomic_files import remove_drafts, write_bytes

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskModelProgress:
    """``epochs_done`` of ``epochs``, and a ``share`` of the one after them, in ``seconds`` of training.

    ``loss`` and ``accuracy`` are those of the last whole epoch, on train and validation; None before there is one.
    ``waits``: another process trains the same model, and this one waits for it.
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
        """None while too little has been trained to tell."""
        trained = self.epochs_done + self.share
        return self.seconds * (self.epochs - trained) / trained if trained > 0 else None

    def to_plain(self) -> dict[str, Any]:
        """For JSON, with ``remaining_s``."""
        return asdict(self) | {"remaining_s": self.remaining_s}


#: Another process trains the same model.
WAITS = TaskModelProgress(waits=True)


class ProgressFile:
    """Where it is written, whole or not at all. A disk that takes no more holds up no training."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, progress: TaskModelProgress) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, json.dumps(asdict(progress)).encode())
        except OSError as error:
            _log.debug("progress cannot be told: %s", error)

    def read(self) -> TaskModelProgress | None:
        """None where there is none, or none that can be understood."""
        try:
            return TaskModelProgress(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def remove(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            remove_drafts(self._path)
