"""Require the files of a torchvision data set: find and check them, download them, or say which file belongs where."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ratefront.cache_folders import DATA_VARIABLE
from ratefront.data.download_reach import why_not_reached
from ratefront.errors import InputError
from ratefront.store.files.process_lock import exclusively


def require_files(kind: Any, folder: Path, download: bool) -> None:
    """Ensure that all files of a data set are in ``folder`` with the known checksums.

    torchvision knows no checksums of MNIST's unpacked files; ``map_idx`` checks their lengths.

    Args:
        kind: A class of ``torchvision.datasets``.
        folder: The folder of data set files.
        download: Whether missing files may be downloaded.

    Raises:
        InputError: A file is missing and may not or cannot be downloaded, or has another checksum.
    """
    expected = _expected(kind)
    if _missing_files(expected, folder) and download:
        _download(kind, expected, folder)
    if missing := _missing_files(expected, folder):
        raise InputError(_message(missing, "download is false"))
    for name, checksum in expected.items():
        _check(folder / name, checksum)


def look_for_files(kind: Any, folder: Path, download: bool) -> str:
    """Say where the files of a data set are, or that they can be downloaded; nothing is downloaded or read.

    Raises:
        InputError: A file is missing and may not or cannot be downloaded.
    """
    missing = _missing_files(_expected(kind), folder)
    if not missing:
        return f"its files are in {folder}"
    if not download:
        raise InputError(_message(missing, "download is false"))
    host, problem = _reach(kind)
    if problem:
        raise InputError(_message(missing, f"{host} is not reached: {problem}"))
    return f"it is downloaded from {host} into {folder}"


def _reach(kind: Any) -> tuple[str, str]:
    """Return a host from which torchvision downloads, and why no host is reached; that is empty if one is."""
    if hasattr(kind, "mirrors"):
        urls = [f"{mirror.rstrip('/')}/{kind.resources[0][0]}" for mirror in kind.mirrors]
    else:
        urls = [kind.url]
    problems = [(urlsplit(url).netloc, why_not_reached(url)) for url in urls]
    return next((found for found in problems if not found[1]), problems[0])


def _expected(kind: Any) -> Mapping[Path, str | None]:
    """Return the files, relative to the folder, with their MD5 where torchvision knows it."""
    if hasattr(kind, "resources"):
        return {Path(kind.__name__, "raw", Path(name).stem): None for name, _ in kind.resources}
    listed = [*kind.train_list, *kind.test_list]
    if hasattr(kind, "meta"):
        listed.append((kind.meta["filename"], kind.meta["md5"]))
    return {Path(kind.base_folder, name): checksum for name, checksum in listed}


def _missing_files(expected: Mapping[Path, str | None], folder: Path) -> list[Path]:
    return [folder / name for name in expected if not (folder / name).is_file()]


def _check(path: Path, checksum: str | None) -> None:
    from torchvision.datasets.utils import check_integrity

    if not check_integrity(path, checksum):
        raise InputError(
            f"{path}: is truncated or altered: its MD5 is not {checksum}; delete it, to have it fetched again"
        )


def _download(kind: Any, expected: Mapping[Path, str | None], folder: Path) -> None:
    """Download with torchvision, which shows its progress; one process at a time."""
    which = {"split": "train"} if hasattr(kind, "splits") else {"train": True}
    try:
        with exclusively(folder / ".ratefront-download.lock", f"download of {kind.__name__}"):
            if _missing_files(expected, folder):
                kind(folder, download=True, **which)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        missing = _missing_files(expected, folder)
        reason = " ".join(str(error).split())
        raise InputError(_message(missing or [folder], f"the download failed: {reason}")) from error


def _message(missing: list[Path], reason: str) -> str:
    lines = "\n".join(f"  {path}" for path in missing)
    return (
        f"these files are not there, and {reason}\n{lines}\n"
        f"put them there, or set {DATA_VARIABLE} (or the data set's parameter root) to the folder that holds them so"
    )
