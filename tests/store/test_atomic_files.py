"""Whole files or none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ratefront.store.files import atomic_files


def test_a_disk_that_is_full_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        atomic_files.write_bytes(tmp_path / "spec.yaml", b"x")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "spec.yaml"))
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere/x"):
        atomic_files.write_bytes(tmp_path / "nowhere" / "x", b"x")


def test_a_lone_surrogate_becomes_its_escape(tmp_path: Path) -> None:
    atomic_files.write_json(tmp_path / "x.json", {"path": "a\udcff"})
    assert (tmp_path / "x.json").read_text() == '{\n  "path": "a\\udcff"\n}\n'


def test_folders_are_made_below_a_root_that_exists_only(tmp_path: Path) -> None:
    atomic_files.make_folder_below(tmp_path, tmp_path / "trials" / "t0000")
    atomic_files.make_folder_below(tmp_path, tmp_path / "trials" / "t0000")
    assert (tmp_path / "trials" / "t0000").is_dir()
    with pytest.raises(FileNotFoundError):
        atomic_files.make_folder_below(tmp_path / "gone", tmp_path / "gone" / "trials" / "t0000")
    assert not (tmp_path / "gone").exists()
