"""What doctor says of a folder with a ledger: what a resume would be refused for. Nothing in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.builders import FakeSweep, label, spec

from ratefront.history.events import LEDGER_FORMAT, Created
from ratefront.orchestrate.doctor.driver_checks import sweep_folder
from ratefront.readiness import CheckLine
from ratefront.spec.sweep_spec import Resources, SweepSpec
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.sweep_folder import SweepFolder

SPEC = SweepSpec.model_validate(spec())


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    sweep = FakeSweep(tmp_path / "sweep")
    sweep.plan(label())
    return sweep.folder


def looked_at(folder: SweepFolder, given: SweepSpec | None = None) -> list[CheckLine]:
    """What is said; the folder must be left as it was."""
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    lines = sweep_folder(folder.path, given)
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before
    return lines


@pytest.mark.parametrize(
    "given", [None, SPEC, SPEC.model_copy(update={"resources": Resources(concurrent=7)})]
)
def test_a_sweep_that_can_go_on_is_ok(folder: SweepFolder, given: SweepSpec | None) -> None:
    (line,) = looked_at(folder, given)
    assert (line.level, line.text) == (
        "ok",
        f"{folder.path} holds a sweep, to go on with by resume=True",
    )


def test_a_sweep_that_another_driver_runs_is_an_error(folder: SweepFolder) -> None:
    with Ledger(folder.ledger):
        (line,) = looked_at(folder)
    assert line.level == "error"
    assert f"{folder.ledger} is being written by process " in line.text
    assert "wait for its end" in line.advice
    with Ledger(folder.ledger):  # the lock was released
        pass


def test_the_folder_of_another_sweep_is_an_error(folder: SweepFolder) -> None:
    other = SPEC.model_copy(update={"block_size": 999})
    (line,) = looked_at(folder, other)
    assert line.level == "error"
    assert "the sweep began with other settings" in line.text
    assert "block_size" in line.text
    with Ledger(folder.ledger):
        assert len(looked_at(folder, other)) == 2, "each reason has a line"


@pytest.mark.parametrize("content", [b"garbage\n", b"\xff\x00\n\n", b"{}\n"])
def test_a_ledger_of_garbage_is_an_error(folder: SweepFolder, content: bytes) -> None:
    folder.ledger.write_bytes(content)
    (line,) = looked_at(folder)
    assert line.level == "error"
    assert f"{folder.ledger} is damaged: entry 0 at byte 0" in line.text


def test_a_ledger_that_is_damaged_further_on_is_an_error(folder: SweepFolder) -> None:
    first, second, *rest = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join([first, second, b"?" + rest[0][1:], *rest[1:]]))
    (line,) = looked_at(folder, SPEC)
    assert line.level == "error"
    assert "is damaged: entry 2" in line.text


def test_a_sweep_of_an_older_ratefront_is_an_error(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "sweep")
    sweep.folder.ledger.unlink()
    sweep.append(Created("digits", spec(), "0.0.1", LEDGER_FORMAT - 1))
    sweep.plan(label())
    (line,) = looked_at(sweep.folder)
    assert line.level == "error"
    assert "an older ratefront has begun this sweep" in line.text


def test_a_sweep_without_trials_may_be_replaced(tmp_path: Path) -> None:
    folder = FakeSweep(tmp_path / "sweep").folder
    (line,) = looked_at(folder, SPEC.model_copy(update={"block_size": 999}))
    assert line.level == "ok"
    assert "which a new one replaces" in line.text
