"""Reads the sweeps that a sweep file names under ``start_with`` and ``learn_from``, and changes nothing there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ratefront.argument_checks import checked_folder
from ratefront.errors import InputError, LedgerDamagedError, LedgerVersionError
from ratefront.history.earlier_sweep import EarlierSweep
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of


def read_earlier_sweeps(spec: SweepSpec, own_folder: Path | None = None) -> dict[str, EarlierSweep]:
    """Read every sweep that a sweep file names, by the name that it has there. Only ledgers are read.

    Args:
        spec: The sweep file.
        own_folder: The folder of the sweep that is about to begin; None where it is not known.

    Raises:
        InputError: A folder holds no sweep, is that of the sweep itself, or is named twice; says under which key.
        LedgerDamagedError: A ledger cannot be read.
        LedgerVersionError: A newer ratefront wrote it.
    """
    fronts = [point for point in spec.start_with if isinstance(point, str)]
    found: dict[str, EarlierSweep] = {}
    for key, sources in (("start_with", fronts), ("learn_from", spec.learn_from)):
        for source, folder in zip(sources, _folders(key, sources, own_folder), strict=True):
            if source not in found:
                found[source] = _read(key, source, folder, with_front=source in fronts)
    return found


def _folders(key: str, sources: Sequence[str], own_folder: Path | None) -> list[Path]:
    """Return the folders, links on the way resolved."""
    own = None if own_folder is None else own_folder.resolve()
    folders: dict[Path, str] = {}
    for source in sources:
        folder = checked_folder(source, key).resolve()
        if folder == own:
            raise InputError(
                f"{key}: {source} is the folder of this sweep itself; give that of an earlier one"
            )
        if folder in folders:
            raise InputError(f"{key}: {source} is listed twice, first as {folders[folder]}")
        folders[folder] = source
    return list(folders)


def _read(key: str, source: str, folder: Path, *, with_front: bool) -> EarlierSweep:
    try:
        history = read_history(SweepFolder(folder), keeps_curves=False)
    except (InputError, LedgerDamagedError, LedgerVersionError) as error:
        raise type(error)(f"{key}: {error}") from error
    except OSError as error:
        raise InputError(f"{key}: {source} cannot be read: {error.strerror or error}") from error
    return EarlierSweep(source, history, tuple(front_of(history)) if with_front else ())
