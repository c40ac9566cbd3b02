"""A folder that a user names as output is new or empty, and is filled with all of its files or with none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ratefront.errors import InputError
from ratefront.store.files.output_folder import check_output_folder, write_output_folder

FILES = {"a": b"1", "b": b"2"}


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_filled(tmp_path: Path, exists: bool) -> None:
    out = tmp_path / "out"
    if exists:
        out.mkdir()
        number = out.stat().st_ino
    write_output_folder(out, FILES)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    if exists:
        assert out.stat().st_ino == number, "it may be a working folder"


WRONG: dict[str, Callable[[Path], object]] = {
    "file": Path.touch,
    "pipe": os.mkfifo,
    "link to a folder": lambda path: path.symlink_to("."),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "folder in use": lambda path: (path / "x").mkdir(parents=True),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_there_already_stays(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    WRONG[name](out)
    before = out.lstat()
    with pytest.raises(InputError, match=r"cannot be written: it is (in use|a link or no folder)"):
        write_output_folder(out, FILES)
    assert out.lstat() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["task_model", "trials", "trials/t0000", "requests"])
def test_names_of_a_sweep_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "ledger.jsonl").touch()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    with pytest.raises(InputError, match="ratefront uses this name itself"):
        check_output_folder(tmp_path / name)
    check_output_folder(tmp_path / "codec")


def test_a_folder_above_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        check_output_folder(tmp_path / "no" / "out")


def test_nothing_stays_of_a_write_that_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_output_folder(tmp_path / "out", {"a": b"1", "no/folder": b"2"})
    assert list(tmp_path.iterdir()) == []
