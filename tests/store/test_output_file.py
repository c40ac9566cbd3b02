"""A file that a user names as output is new or a regular file, and is none of those that are read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ratefront.errors import InputError
from ratefront.store.environment_files import diff_beside, next_description
from ratefront.store.files.output_file import check_output, write_output
from ratefront.store.sweep_folder import SweepFolder, TrialFolder


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "a pipe or socket"),
    "socket": (_socket, "a pipe or socket"),
    "folder": (Path.mkdir, "a folder"),
    "link to a file": (lambda path: path.symlink_to(__file__), "a symbolic link"),
    "link to nothing": (lambda path: path.symlink_to("nothing"), "a symbolic link"),
    "link to itself": (lambda path: path.symlink_to(path), "a symbolic link"),
}


@pytest.mark.parametrize("name", WRONG)
def test_only_regular_files_are_replaced(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    make, kind = WRONG[name]
    path = Path("out")
    make(path)
    before = path.lstat()
    with pytest.raises(InputError, match=f"out cannot be written: it is {kind}; give a new name"):
        write_output(path, b"content")
    assert path.lstat() == before
    assert [entry.name for entry in Path().iterdir()] == ["out"]


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "/dev/stdout"])
def test_devices_stay(path: str) -> None:
    with pytest.raises(InputError, match=r"it is a (device|symbolic link)"):
        check_output(Path(path))


@pytest.mark.parametrize("path", ["", ".", "..", "/", "no/file", "file/x", "x" * 300, "nul\0"])
def test_impossible_names_are_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_output(Path(path), b"content")


def test_an_input_is_not_replaced_under_any_of_its_names(tmp_path: Path) -> None:
    read = tmp_path / "x.npy"
    read.write_bytes(b"input")
    os.link(read, tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / "soft").symlink_to(read)
    for out in (read, tmp_path / "hard", tmp_path / "folder" / ".." / "x.npy", tmp_path / "linked" / "x.npy"):
        for given in (read, tmp_path / "soft"):
            with pytest.raises(InputError, match="to read and to write must be different ones"):
                write_output(out, b"output", [tmp_path / "other", given])
    assert read.read_bytes() == b"input"


def test_two_new_files_are_compared_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(tmp_path)
    with pytest.raises(InputError, match="must be different ones"):
        check_output(tmp_path / "linked" / "new", [tmp_path / "new"])
    check_output(tmp_path / "new", [tmp_path / "newer"])


def test_regular_files_are_written_and_replaced(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        write_output(tmp_path / "out", content)
        assert (tmp_path / "out").read_bytes() == content


def test_a_folder_that_is_not_yours_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(InputError, match="is not yours to write to"):
        check_output(tmp_path / "out")


def _properties(of: object) -> list[Path]:
    """Each path that a property of this folder gives."""
    names = [name for name, value in vars(type(of)).items() if isinstance(value, property)]
    found = [getattr(of, name) for name in names]
    return [path for each in found for path in (each if isinstance(each, tuple) else [each])]


def test_nothing_takes_a_name_of_a_sweeps_own_files(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "sweep")
    trial = folder.trial("t0000")
    trial.path.mkdir(parents=True)
    folder.task_model.mkdir()
    folder.requests.mkdir()
    folder.ledger.touch()
    (tmp_path / "link").symlink_to(folder.path)
    own = [*_properties(folder), *_properties(TrialFolder(trial.path)), folder.requests / "0-0.json"]
    folder.environment.touch()
    own += [
        next_description(folder),
        diff_beside(folder.environment),
        folder.task_model / "model.safetensors",
    ]
    assert len(own) > 20
    for path in own:
        for name in (path, tmp_path / "link" / path.relative_to(folder.path)):
            with pytest.raises(InputError, match=r"ratefront uses this name itself|it is a folder"):
                check_output(name)


def test_other_files_have_room_in_a_sweeps_folder(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    folder.trial("t0000").path.mkdir(parents=True)
    check_output(folder.report)  # not a sweep's yet
    folder.ledger.touch()
    for path in (tmp_path / "mine.rf", tmp_path / "bounds.png", folder.trials / "t0000" / "mine.npz"):
        for _ in range(2):
            write_output(path, b"mine")
