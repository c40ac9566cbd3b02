"""What a machine says of itself to doctor, by files and programs that the test makes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratefront.orchestrate.doctor.node_state import node_state


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder that other users come through to, with a token."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        token = folder / ".ray" / "auth_token"
        token.parent.mkdir(mode=0o755)
        token.write_text("secret")
        token.chmod(0o600)
        monkeypatch.setenv("HOME", name)
        monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
        yield folder


def nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_gpus_are_told_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "echo 'NVIDIA A100, 40960, 7'; echo 'MIG, one, [N/A], [N/A]'")
    assert node_state({})["gpus"] == [
        {"name": "NVIDIA A100", "total_mib": 40960.0, "used_mib": 7.0},
        {"name": "MIG, one", "total_mib": None, "used_mib": None},
    ]


@pytest.mark.parametrize("script", ["exit 9", "kill -9 $$"])
def test_a_driver_that_does_not_work_tells_no_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    nvidia_smi(tmp_path, monkeypatch, script)
    assert node_state({})["gpus"] is None


def test_space_is_that_of_the_place_where_a_folder_would_be(tmp_path: Path) -> None:
    space = node_state({"folder": str(tmp_path / "new" / "sweep"), "file": __file__})["space"]
    assert space["folder"]["writable"]
    assert space["folder"]["total"] >= space["folder"]["free"] > 0
    assert not space["file"]["writable"]
    assert not (tmp_path / "new").exists()
    assert {"folder", "file", "cache"} == space.keys()


def test_a_token_is_open_only_where_others_reach_it(home: Path) -> None:
    token = home / ".ray" / "auth_token"
    assert node_state({})["open_secrets"] == []
    token.chmod(0o644)
    assert node_state({})["open_secrets"] == [str(token)]
    token.parent.chmod(0o700)
    assert node_state({})["open_secrets"] == []


def test_a_token_at_another_path_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "token").write_text("secret")
    (home / "token").chmod(0o640)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))
    assert node_state({})["open_secrets"] == [str(home / "token")]
