"""Folders that a user names as output: a new name or an empty folder, which is filled all at once or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from ratefront.errors import InputError
from ratefront.store.files.atomic_files import flush_to_disk
from ratefront.store.files.output_file import check_name


def check_output_folder(folder: Path) -> None:
    """Check that a folder can be made and filled, before the work that makes its files.

    Raises:
        InputError: There is something else than an empty folder; the folder above is missing or may not be written to;
            or ratefront itself uses the name in a sweep's folder.
    """
    check_name(folder)
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise InputError(
            f"{folder} cannot be written: it is a link or no folder; give a new name, or an empty folder"
        )
    if any(folder.iterdir()):
        raise InputError(f"{folder} cannot be written: it is in use; give a new name, or an empty folder")


def write_output_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their names into a folder that the user has named, all or none.

    An empty folder stays the folder that it is; its files appear in this order, each as a whole.

    Raises:
        InputError: As ``check_output_folder``, or the disk is full.
    """
    check_output_folder(folder)
    draft = folder.with_name(f".{folder.name}.{uuid4().hex}.tmp")
    try:
        draft.mkdir()
        for name, content in files.items():
            (draft / name).write_bytes(content)
        flush_to_disk([*(draft / name for name in files), draft])
        if folder.exists():  # it may be somebody's working folder
            for name in files:
                (draft / name).rename(folder / name)
        else:
            draft.rename(folder)
        flush_to_disk([folder, folder.parent])
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
