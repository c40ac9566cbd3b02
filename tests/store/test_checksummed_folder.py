"""A folder whose files belong together is whole, or it is not used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ratefront.store.files.checksummed_folder import FACTS_FILE, is_intact, write_checksums


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


def test_a_folder_of_a_version_without_checksums_is_accepted(tmp_path: Path) -> None:
    (tmp_path / FACTS_FILE).write_text("{}")
    assert is_intact(tmp_path)
