"""A training's checkpoint on disk: a training that died resumes from there, to the very same bits.

It is one safetensors file: tensors, and as metadata a JSON with the training's identity and state, and a SHA-256 over
all of it. There is no pickle. The file is written under another name and renamed, so that a kill leaves the previous
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ratefront.checkpoints.training_state import Snapshot, TrainingState
from ratefront.store.files.atomic_files import make_folder_below, remove_drafts, write_bytes

_log = logging.getLogger(__name__)


class CheckpointFile:
    """The checkpoint of one training; ``identity`` is JSON data that says which training that is.

    Where its folder is missing, the folder is created. If there is a ``root``, that must exist.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], root: Path | None = None) -> None:
        self.path, self._identity, self._root = path, dict(identity), root

    def write(self, snapshot: Snapshot) -> None:
        """Replace the snapshot on disk.

        Raises:
            OSError: The disk is full, or the file cannot be written.
        """
        description = json.dumps({"identity": self._identity, "plain": snapshot.plain}, sort_keys=True)
        metadata = {"ratefront": description, "sha256": _checksum(description, snapshot.tensors)}
        if self._root is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        else:
            make_folder_below(self._root, self.path.parent)
        write_bytes(self.path, save(dict(snapshot.tensors), metadata))

    def read(self) -> Snapshot | None:
        """Return the snapshot on disk, or None where there is none to resume from.

        A damaged file, a file of another training, and what a killed process has half written are removed.
        """
        remove_drafts(self.path)
        if not self.path.is_file():
            return None
        try:
            return self._checked()
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            _log.warning("%s is set aside, training starts from its beginning: %s", self.path, error)
            self.remove()
            return None

    def _checked(self) -> Snapshot:
        with safe_open(self.path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118
        description = metadata["ratefront"]
        if metadata["sha256"] != _checksum(description, tensors):
            raise ValueError("its checksum differs")
        content = json.loads(description)
        if content["identity"] != self._identity:
            raise ValueError("it is of another training, or of another version of ratefront or torch")
        return Snapshot(tensors, content["plain"])

    def remove(self) -> None:
        """Remove the checkpoint, and what a killed process has half written."""
        with suppress(OSError):  # a file that cannot be removed is not read later, either
            self.path.unlink(missing_ok=True)
            remove_drafts(self.path)


def _checksum(description: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


class SnapshotWriter(Protocol):
    """Where snapshots are written to, as ``CheckpointFile``."""

    def write(self, snapshot: Snapshot) -> None:
        """Replace the snapshot before."""
        ...


class CheckpointSaver:
    """Saves snapshots after epochs, as often as the cost allows.

    It saves after the first epoch and after the last. Between them it saves where all saves together take no more than
    a ``share`` of the training's time. The first save shows what a save costs. After the last save, a process that dies
    repeats no training. ``trained_s`` is the time in seconds that training took before this process.
    """

    def __init__(
        self,
        file: SnapshotWriter,
        epochs: int,
        trained_s: float,
        share: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._file, self._epochs, self._trained_s = file, epochs, trained_s
        self._share, self._clock = share, clock
        self._costs_s: list[float] = []

    def after_epoch(self, state: TrainingState[Any]) -> None:
        """Save the state, or not; a disk that takes no checkpoint does not stop the training."""
        if not self._costs_s or state.epochs_done == self._epochs or self._is_affordable(state):
            self._save(state)

    def _is_affordable(self, state: TrainingState[Any]) -> bool:
        with_this_s = sum(self._costs_s) + self._costs_s[-1]
        return with_this_s <= self._share * (state.seconds - self._trained_s)

    def _save(self, state: TrainingState[Any]) -> None:
        began = self._clock()
        try:
            self._file.write(state.snapshot())
        except OSError as error:
            _log.warning("no checkpoint could be written, training continues: %s", error)
        self._costs_s.append(self._clock() - began)
