"""The files of a data set of torchvision's: there and whole, or fetched, or an error that says what belongs where."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ratefront.data.cache_folders import DATA_VARIABLE
from ratefront.errors import InputError
from ratefront.store.files.process_lock import alone


def require_files(kind: Any, folder: Path, download: bool) -> None:
    """All files of ``kind``, a class of ``torchvision.datasets``, are in ``folder``, with the known checksums.

    torchvision knows none of MNIST's unpacked files; reading them checks their lengths.

    Raises:
        InputError: A file is not there and may not or cannot be fetched, or has another checksum.
    """
    expected = _expected(kind)
    if _absent(expected, folder) and download:
        _fetch(kind, expected, folder)
    if absent := _absent(expected, folder):
        raise InputError(_message(absent, "download is false"))
    for name, checksum in expected.items():
        _check(folder / name, checksum)


def _expected(kind: Any) -> Mapping[Path, str | None]:
    """The files, relative to the folder, with their MD5 where torchvision knows it."""
    if hasattr(kind, "resources"):
        return {Path(kind.__name__, "raw", Path(name).stem): None for name, _ in kind.resources}
    listed = [*kind.train_list, *kind.test_list]
    if hasattr(kind, "meta"):
        listed.append((kind.meta["filename"], kind.meta["md5"]))
    return {Path(kind.base_folder, name): checksum for name, checksum in listed}


def _absent(expected: Mapping[Path, str | None], folder: Path) -> list[Path]:
    return [folder / name for name in expected if not (folder / name).is_file()]


def _check(path: Path, checksum: str | None) -> None:
    from torchvision.datasets.utils import check_integrity

    if not check_integrity(path, checksum):
        raise InputError(
            f"{path}: is truncated or altered: its MD5 is not {checksum}; delete it, to have it fetched again"
        )


def _fetch(kind: Any, expected: Mapping[Path, str | None], folder: Path) -> None:
    """Download with torchvision, which shows its progress; one process at a time."""
    which = {"split": "train"} if hasattr(kind, "splits") else {"train": True}
    try:
        with alone(folder / ".ratefront-download.lock", f"download of {kind.__name__}"):
            if _absent(expected, folder):
                kind(folder, download=True, **which)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        absent = _absent(expected, folder)
        why = " ".join(str(error).split())
        raise InputError(_message(absent or [folder], f"the download failed: {why}")) from error


def _message(absent: list[Path], why: str) -> str:
    lines = "\n".join(f"  {path}" for path in absent)
    return (
        f"these files are not there, and {why}\n{lines}\n"
        f"put them there, or set {DATA_VARIABLE} (or the data set's parameter root) to the folder that holds them so"
    )
