"""Symbolic links, pipes and circles in a folder of images: nothing outside is read, and nothing hangs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.data.data_files import describe, load, write_classes, write_image
from tests.data.test_mutated_files import png

from ratefront.data.dataset_candidates import dataset_candidates
from ratefront.data.images.linked_folders import LinkRule
from ratefront.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_classes(tmp_path / "root", 10)
    return tmp_path / "root"


def loaded(root: Path, **parameters: object) -> int:
    data = load("image_folder", root=str(root), size=8, **parameters)
    return len(data.train) + len(data.validation) + len(data.test)


def test_links_that_stay_inside_are_followed(root: Path) -> None:
    (root / "cat" / "copy.png").symlink_to(next((root / "dog").glob("*.png")))
    (root / "cat" / "more").symlink_to("../dog")
    assert loaded(root) == 31
    link = root.parent / "link"
    link.symlink_to(root)
    assert loaded(link) == 31


@pytest.mark.parametrize("place", ["emu", "train", "cat/more", "cat/x.png", "cat/x.txt"])
def test_a_link_that_leads_out_is_refused_unless_asked(root: Path, place: str) -> None:
    outside = root.parent / "outside"
    write_classes(outside, 10)
    target = {"emu": outside / "cat", "cat/more": outside / "cat", "train": outside}.get(place)
    if target is None:
        target = outside / "one.png"
        write_image(target)
    (root / place).symlink_to(target)
    if place == "train":
        shutil.copytree(outside, root / "test")
        for name in ("cat", "dog"):
            shutil.rmtree(root / name)
    if place.endswith(".txt"):  # is not read
        assert loaded(root) == 20
        return
    for read in (describe, load):
        with pytest.raises(
            InputError, match=f"{place} is a symbolic link to .*outside.*follow_symlinks: true"
        ):
            read("image_folder", root=str(root), size=8)
    with pytest.raises(InputError, match="follow_symlinks"):
        dataset_candidates(root, None)
    expected = {"cat/x.png": 21, "train": 40}.get(place, 30)
    assert loaded(root, follow_symlinks=True) == expected
    assert load("images", root=str(root), size=8, follow_symlinks=True)
    with pytest.raises(InputError, match="follow_symlinks"):
        load("images", root=str(root), size=8)


def test_the_parameter_changes_no_digest(root: Path) -> None:
    for name in ("image_folder", "images"):
        same = [load(name, root=str(root), size=8, follow_symlinks=follow).digest for follow in (False, True)]
        assert len(set(same)) == 1


def test_circles_and_pipes_end(root: Path) -> None:
    (root / "cat" / "again").symlink_to("..")
    (root / "cat" / "self").symlink_to("self")
    for number in range(8):  # every folder leads to all others: 8! ways
        (root / "dog" / f"d{number}").mkdir()
        for other in range(8):
            (root / "dog" / f"d{number}" / f"to{other}").symlink_to(f"../d{other}")
    assert len(list(LinkRule(root).files_below(root))) == 21  # with the link to itself
    os.mkfifo(root / "cat" / "pipe.png")
    (root / "cat" / "device.png").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"device\.png is a symbolic link to /dev/zero"):
        loaded(root)
    with pytest.raises(
        InputError, match=r"2 of .*pipe\.png \(is a FIFO, but must be a regular file\)|2 of .*is a device"
    ):
        loaded(root, follow_symlinks=True)
    # The class cat leads to the root, and so to dog: each file counts once for each class.
    assert loaded(root, follow_symlinks=True, skip_corrupt=True) == 30


def test_a_link_to_nothing_is_skipped_with_the_rest(root: Path) -> None:
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    (root / "dog" / "gone.png").symlink_to("/nowhere/at all.png")
    (root / "dog" / "self.png").symlink_to("self.png")
    with pytest.raises(
        InputError, match=r"3 of 23 .*cat/gone\.png \(No such file.*self\.png \(Too many levels"
    ):
        loaded(root)
    assert loaded(root, skip_corrupt=True) == 20
    data = load("images", root=str(root), size=8, skip_corrupt=True)
    assert len(data.train) + len(data.validation) + len(data.test) == 20


def test_a_huge_file_is_refused_unread(root: Path) -> None:
    with (root / "cat" / "huge.png").open("wb") as file:
        file.truncate(2**40)  # holds no block on the disk
    with pytest.raises(InputError, match=r"huge\.png \(has 1099511627776 bytes, more than an image of"):
        loaded(root)


def test_a_bomb_is_refused_undecoded(root: Path) -> None:
    (root / "cat" / "bomb.png").write_bytes(png(2, 8, (100_000, 100_000)))
    with pytest.raises(InputError, match=r"bomb\.png \(has more than \d+ pixels"):
        loaded(root)
