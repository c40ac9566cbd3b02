"""A training in the middle of its epochs, on disk: one that died goes on from there, to the very same bits.

One file, ``checkpoint.safetensors``: tensors, and as metadata the JSON of whose training it is and where it stood,
with a SHA-256 over all of it. No pickle. It is written under another name and renamed, so that a kill leaves the one
before.
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

from ratefront.store.files.atomic_files import remove_drafts, write_bytes
from ratefront.training.training_state import Snapshot, TrainingState

_log = logging.getLogger(__name__)


class CheckpointFile:
    """The checkpoint of one training. ``identity`` says whose training it holds."""

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path, self._identity = path, dict(identity)

    def write(self, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the one before; raises OSError where the disk takes no more."""
        said = json.dumps({"identity": self._identity, "plain": snapshot.plain}, sort_keys=True)
        metadata = {"ratefront": said, "sha256": _checksum(said, snapshot.tensors)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, save(dict(snapshot.tensors), metadata))

    def read(self) -> Snapshot | None:
        """The snapshot, or None where there is none to go on from: what is damaged or another's is removed, and what
        a killed process has left half written.
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
        said = metadata["ratefront"]
        if metadata["sha256"] != _checksum(said, tensors):
            raise ValueError("its checksum differs")
        content = json.loads(said)
        if content["identity"] != self._identity:
            raise ValueError("it is of another training, or of another version of ratefront or torch")
        return Snapshot(tensors, content["plain"])

    def remove(self) -> None:
        """No checkpoint any more, nor what a killed process had written of one."""
        with suppress(OSError):  # what cannot be removed is not read as ours either
            self.path.unlink(missing_ok=True)
            remove_drafts(self.path)


def _checksum(said: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(said.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


class Saved(Protocol):
    """Where snapshots go."""

    def write(self, snapshot: Snapshot) -> None: ...


class CheckpointSaver:
    """Decides after each epoch whether to save: always after the first and the last, and between them as often as all
    saves together take no more than a ``share`` of the training's time.

    The first tells what a save costs; from the last on, a training that dies has only to repeat what follows it.
    ``trained_s`` is what training had taken before.
    """

    def __init__(
        self,
        file: Saved,
        epochs: int,
        trained_s: float,
        share: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._file, self._epochs, self._trained_s = file, epochs, trained_s
        self._share, self._clock = share, clock
        self._costs_s: list[float] = []

    def after_epoch(self, state: TrainingState[Any]) -> None:
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
            _log.warning("no checkpoint could be written, training goes on: %s", error)
        self._costs_s.append(self._clock() - began)
