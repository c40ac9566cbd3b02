"""Loads trained codecs from the folders of trials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.argument_checks import checked_folder
from ratefront.errors import InputError
from ratefront.store.sweep_folder import SweepFolder, TrialFolder

if TYPE_CHECKING:
    from ratefront.trial.stored_codec import StoredCodec


def files_of_codec(folder: Path, trial_id: str) -> list[Path]:
    """Return the files that ``load_codec`` reads, which no output may replace. They need not exist."""
    sweep = SweepFolder(folder)
    files = sweep.trial(trial_id)
    return [sweep.ledger, files.codec_config, files.codec_weights]


def load_codec(folder: Path | str, trial_id: str | None = None, *, own_module: bool = False) -> StoredCodec:
    """Load the codec of a trial, without Ray, MLflow and Optuna.

    Args:
        folder: The folder of the trial (it holds ``codec.json`` and ``codec.safetensors``), or that of the sweep.
        trial_id: The trial, if ``folder`` is that of a sweep.
        own_module: Allow to run the Python code of the task model, because it is your own. A codec without such code
            does not need it.

    Returns:
        The codec, on the CPU.

    Raises:
        InputError: There is no codec, a newer version wrote it, or it names code that may not be run.
        SweepMismatchError: The code of its task model has changed since the sweep began.

    Example:
        >>> import ratefront as rf
        >>> codec = rf.load_codec(folder, "t0000")
        >>> coded = codec.compress(images)
        >>> classes = codec.decompress(bytes(coded))
    """
    from ratefront.trial.stored_codec import find_codec_files, load_stored_codec

    path = checked_folder(folder)
    if trial_id is None and SweepFolder(path).ledger.is_file():
        raise InputError(f"{path} is a sweep's folder, not a trial's; pass a trial_id, too")
    files = TrialFolder(path) if trial_id is None else find_codec_files(SweepFolder(path), trial_id)
    return load_stored_codec(files, own_module=own_module)
