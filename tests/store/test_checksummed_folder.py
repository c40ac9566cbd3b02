"""A folder whose files belong together is whole, or it is not used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.permission_checks import permissions_apply
from tests.watched_files import WatchedFiles

from ratefront.errors import InputError
from ratefront.store.files.checksummed_folder import FACTS_FILE, copy_intact, is_intact, write_checksums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").write_bytes(b"weights")
    (tmp_path / "predictions").write_bytes(b"logits")
    write_checksums(tmp_path, {"classes": 10})
    return tmp_path


def test_a_folder_with_checksums_is_intact_and_keeps_its_facts(folder: Path) -> None:
    assert is_intact(folder)
    assert json.loads((folder / FACTS_FILE).read_text())["classes"] == 10


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model").write_bytes(b"weigh"),
        lambda folder: (folder / "model").write_bytes(b""),
        lambda folder: (folder / "predictions").unlink(),
        lambda folder: (folder / FACTS_FILE).write_bytes(b""),
        lambda folder: (folder / FACTS_FILE).write_text("[]"),
        lambda folder: (folder / FACTS_FILE).unlink(),
    ],
)
def test_damaged_files_are_noticed(folder: Path, damage: Callable[[Path], object]) -> None:
    damage(folder)
    assert not is_intact(folder)


def test_unexpected_facts_are_noticed(folder: Path) -> None:
    assert is_intact(folder, classes=10)
    assert not is_intact(folder, classes=100)


def test_a_missing_folder_is_not_intact(tmp_path: Path) -> None:
    assert not is_intact(tmp_path / "nowhere")


@pytest.mark.parametrize("facts", ["{}", "[]", "3", '{"sha256": [1]}', '{"sha256": {"": 3}}'])
def test_a_folder_without_checksums_is_not_intact(tmp_path: Path, facts: str) -> None:
    (tmp_path / FACTS_FILE).write_text(facts)
    assert not is_intact(tmp_path)


def test_a_fact_that_is_missing_is_not_the_expected_one(tmp_path: Path) -> None:
    (tmp_path / FACTS_FILE).write_text('{"sha256": {}}')
    assert is_intact(tmp_path)
    assert not is_intact(tmp_path, identity="a")


@pytest.mark.parametrize("name", ["../outside", "sub/../../outside", "", ".", "link"])
def test_a_name_that_leads_out_of_the_folder_is_not_read(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"mine")
    (folder / "link").symlink_to(outside)
    checksums = {name: hashlib.sha256(b"mine").hexdigest()}
    (folder / FACTS_FILE).write_text(json.dumps({"sha256": checksums}))
    with WatchedFiles(outside) as watched:
        assert not is_intact(folder)
        with pytest.raises(InputError):
            copy_intact(folder, tmp_path / "copy")
        assert watched.accesses() == []


def test_a_copy_is_intact_and_has_only_what_belongs_to_it(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copies = tmp_path_factory.mktemp("copies")
    copy = copies / "copy"
    (folder / "notes.txt").write_text("a user's own")
    (folder / "model").chmod(0o600)
    copy_intact(folder, copy)
    assert is_intact(copy, classes=10)
    assert sorted(path.name for path in copy.iterdir()) == [FACTS_FILE, "model", "predictions"]
    assert (copy / "model").stat().st_mode == (copy / "predictions").stat().st_mode
    with pytest.raises(FileNotFoundError):
        copy_intact(folder, copies / "moved away" / "copy")


def test_a_copy_is_not_written_through_a_link(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("target")
    outside = target / "outside"
    outside.write_bytes(b"mine")
    (target / "predictions").symlink_to(outside)
    with pytest.raises(InputError, match="predictions is a symbolic link"):
        copy_intact(folder, target)
    assert outside.read_bytes() == b"mine"


def test_a_file_that_may_not_be_read_does_not_count_as_damaged(folder: Path) -> None:
    (folder / "model").chmod(0)
    with permissions_apply(), pytest.raises(PermissionError, match="model"):
        is_intact(folder)
