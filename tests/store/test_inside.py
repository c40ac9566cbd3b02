"""Paths below a folder lead nowhere else, and are fast to ask for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ratefront.errors import InputError
from ratefront.store.files.inside import check_entries, inside
from ratefront.store.sweep_folder import SweepFolder, TrialFolder

PATHS = [name for name, value in vars(SweepFolder).items() if isinstance(value, property)]
TRIAL_PATHS = [name for name, value in vars(TrialFolder).items() if isinstance(value, property)]


def test_what_is_there_and_what_is_not_yet_there_have_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("file")
    for names in [("a",), ("a", "b"), ("a", "new"), ("new", "new"), ("a", "b", "c")]:
        assert inside(tmp_path, *names) == tmp_path.joinpath(*names)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "../a", "a\0"])
def test_a_name_of_several_levels_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is not the name of a file in it"):
        inside(tmp_path, "folder", name)


@pytest.mark.parametrize("target", ["/", "..", ".", "missing", "file", "folder"])
def test_a_link_is_refused_wherever_it_leads_and_whatever_is_below(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)
    for names in [("link",), ("link", "file"), ("link", "a", "b")]:
        with pytest.raises(InputError, match=r"link is a symbolic link.*put there what it leads to"):
            inside(tmp_path, *names)
    with pytest.raises(InputError, match="link is a symbolic link"):
        check_entries(tmp_path)


def test_the_folder_itself_may_be_reached_over_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert inside(tmp_path / "link", "file") == tmp_path / "link" / "file"
    check_entries(tmp_path / "link")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for refused in (lambda: inside(tmp_path, "pipe"), lambda: check_entries(tmp_path)):
        with pytest.raises(InputError, match="pipe is neither a file nor a folder"):
            refused()


def test_a_folder_that_is_not_there_has_no_entries_to_refuse(tmp_path: Path) -> None:
    check_entries(tmp_path / "missing")
    (tmp_path / "file").write_text("file")
    check_entries(tmp_path / "file")


@pytest.mark.parametrize("name", PATHS)
def test_each_path_of_a_sweep_is_looked_at(tmp_path: Path, name: str) -> None:
    place = getattr(SweepFolder(tmp_path), name)
    _is_refused_as_a_link(place, lambda: getattr(SweepFolder(tmp_path), name))


@pytest.mark.parametrize("name", TRIAL_PATHS)
def test_each_path_of_a_trial_is_looked_at(tmp_path: Path, name: str) -> None:
    found = getattr(TrialFolder(tmp_path), name)
    for place in found if isinstance(found, tuple) else [found]:
        _is_refused_as_a_link(place, lambda: getattr(TrialFolder(tmp_path), name))


def _is_refused_as_a_link(place: Path, ask: Callable[[], object]) -> None:
    place.parent.mkdir(exist_ok=True)
    place.symlink_to("missing")
    with pytest.raises(InputError, match=f"{place.name} is a symbolic link"):
        ask()
    place.unlink()
    ask()


@pytest.mark.parametrize("file", ["facts.json", "model.safetensors", "whatever"])
def test_the_task_models_folder_has_no_link_in_it(tmp_path: Path, file: str) -> None:
    folder = SweepFolder(tmp_path)
    _is_refused_as_a_link(folder.task_model / file, lambda: folder.task_model)


@pytest.mark.parametrize("trial_id", ["", ".", "..", "a/b", "../x", "/x", "t0\n", "t" * 65, "é"])
def test_a_trials_name_is_no_path(tmp_path: Path, trial_id: str) -> None:
    with pytest.raises(InputError, match="is not the name of a trial"):
        SweepFolder(tmp_path).trial(trial_id)


def test_a_path_costs_microseconds(tmp_path: Path) -> None:
    """A sweep may have ten thousand trials with five files each."""
    trial = SweepFolder(tmp_path).trial("t0000")
    trial.path.mkdir(parents=True)
    trial.stream.write_bytes(b"coded")
    began = time.process_time()
    for _ in range(1000):
        assert trial.stream
    assert (time.process_time() - began) / 1000 < 100e-6
