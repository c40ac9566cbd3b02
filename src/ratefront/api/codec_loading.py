"""Trained codecs, from the folders that trials leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.argument_checks import checked_folder
from ratefront.errors import InputError
from ratefront.store.sweep_folder import SweepFolder, TrialFolder

if TYPE_CHECKING:
    from ratefront.trial.stored_codec import StoredCodec


def load_codec(folder: Path | str, trial_id: str | None = None, *, own_module: bool = False) -> StoredCodec:
    """The codec that a trial has left; no Ray, no MLflow, no Optuna.

    Args:
        folder: the trial's own (it holds ``codec.json`` and ``codec.safetensors``), or the sweep's.
        trial_id: which trial, where ``folder`` is a sweep's.
        own_module: where the codec's task model is Python code: it is yours, and may be run.

    Returns:
        The codec, on the CPU.

    Raises:
        InputError: there is no codec, it was written by a newer version, or it names code that may not be run.
        SweepMismatchError: its task model's code is not what the sweep began with.

    Example:
        >>> import ratefront as rf
        >>> codec = rf.load_codec(folder, "t0000")
        >>> coded = codec.compress(images)
        >>> classes = codec.decompress(bytes(coded))
    """
    from ratefront.trial.stored_codec import files_of_codec, load_stored_codec

    place = checked_folder(folder)
    if trial_id is None and SweepFolder(place).ledger.is_file():
        raise InputError(f"{place} is a sweep's folder, not a trial's; pass a trial_id, too")
    files = TrialFolder(place) if trial_id is None else files_of_codec(SweepFolder(place), trial_id)
    return load_stored_codec(files, own_module=own_module)
