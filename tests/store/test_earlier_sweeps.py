"""The sweeps that a sweep file names are read, or refused with the key that names them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.builders import FakeSweep, label
from tests.small_sweep import small_sweep_spec
from tests.stored_mutants import line_of

from ratefront.errors import InputError, LedgerDamagedError, LedgerVersionError
from ratefront.history.events import LEDGER_FORMAT
from ratefront.store.earlier_sweeps import read_earlier_sweeps


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in which ``runs/a`` is a sweep with two trials."""
    monkeypatch.chdir(tmp_path)
    sweep = FakeSweep(tmp_path / "runs" / "a")
    sweep.finish(label(), 3.0, 0.9, 100)
    sweep.finish(label("merged", merged_classes=2), 4.0, 0.8, 200)
    return tmp_path / "runs"


def read(own_folder: Path | None = None, **settings: Any) -> dict[str, Any]:
    return dict(read_earlier_sweeps(small_sweep_spec(**settings), own_folder))


def test_each_sweep_is_read_once_by_its_name(runs: Path) -> None:
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    found = read(start_with=["runs/a"], learn_from=["runs/a", str(runs / ".." / "runs" / "b")][:1])
    assert list(found) == ["runs/a"]
    assert len(found["runs/a"].history.trials) == 2
    assert [trial.params.trial_id for trial in found["runs/a"].front] == ["t0000"]
    assert read(learn_from=["runs/a"])["runs/a"].front == ()
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before
    assert read() == {}


@pytest.mark.parametrize("key", ["start_with", "learn_from"])
@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (["runs/x"], "runs/x is not a sweep's folder: it has no ledger.jsonl"),
        (["runs"], "runs is not a sweep's folder"),
        (["file"], "file is not a sweep's folder"),
        (["empty"], r"empty/ledger\.jsonl is empty: the sweep has not begun"),
        (["runs/a", "./runs/a"], r"\./runs/a is listed twice, first as runs/a"),
        (["runs/a", "link"], "link is listed twice, first as runs/a"),
        (["own"], "own is the folder of this sweep itself"),
        (["linked"], r"ledger\.jsonl is a symbolic link"),
        (["piped"], r"ledger\.jsonl is neither a file nor a folder"),
        (["s3://bucket/a"], "is an address; give a folder"),
        (["~nobody_here/a"], "~nobody_here/a"),
    ],
)
def test_what_is_no_sweep_is_refused(runs: Path, key: str, named: list[str], problem: str) -> None:
    Path("file").write_text("")
    for folder in ("empty", "own", "linked", "piped"):
        Path(folder).mkdir()
    Path("empty/ledger.jsonl").write_text("")
    Path("linked/ledger.jsonl").symlink_to(runs / "a" / "ledger.jsonl")
    os.mkfifo("piped/ledger.jsonl")
    Path("link").symlink_to("runs/a")
    with pytest.raises(InputError, match=f"^{key}: .*{problem}") as caught:
        read(Path("own"), **{key: named})
    assert caught.value.exit_code == 2


def test_a_ledger_that_cannot_be_read_is_named_with_its_key(runs: Path) -> None:
    ledger = runs / "a" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join([*lines[:3], b"rubbish\n", *lines[3:]]))
    with pytest.raises(LedgerDamagedError, match=r"^learn_from: .*is damaged: entry 3 at byte"):
        read(learn_from=["runs/a"])
    data = {
        "sweep": "new",
        "spec": {"name": "new"},
        "ratefront_version": "9",
        "ledger_format": LEDGER_FORMAT + 1,
    }
    ledger.write_bytes(line_of({"seq": 0, "time": 1.0, "kind": "created", "data": data}))
    with pytest.raises(LedgerVersionError, match=r"^start_with: .*use a newer one$"):
        read(start_with=["runs/a"])
