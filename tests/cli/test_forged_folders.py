"""A sweep's folder from a stranger is data: no command follows a link in it, or uses a trial's id as a path."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.builders import FakeSweep, label, spec, split
from tests.watched_files import WatchedFiles
from typer.testing import CliRunner

import ratefront as rf
from ratefront.cli import app
from ratefront.errors import InputError
from ratefront.history.events import Entry, Planned
from ratefront.spec.load_spec import load_spec, to_plain
from ratefront.store.ledger.ledger_format import format_line

pytestmark = pytest.mark.medium

#: Each command that takes a sweep's folder; ``DIR`` stands for the folder, ``OUT`` for a folder of the user's.
COMMANDS = [
    "status DIR",
    "status DIR --json",
    "stop DIR",
    "stop DIR --trial t0002",
    "report DIR",
    "clean DIR",
    "clean DIR --keep none",
    "reproduce DIR t0000 --out OUT/again",
    "waterfall DIR t0000 --out OUT/waterfall.json",
    "track DIR",
    "ui DIR",
    "dashboard DIR",
    "encode DIR t0000 OUT/x.npy --out OUT/x.rf",
    "decode DIR t0000 OUT/y.rf --out OUT/classes.npz",
    "simulate --table DIR --trials 2",
    "simulate --record DIR --out OUT/table.json.gz",
    "sweep --out DIR --resume",
    "sweep --out DIR --extend 1",
    "sweep --out DIR --retry-failed",
]

LABEL = {"family": "label", "method": "lossless"}

#: The same for the library.
CALLS: dict[str, Callable[[Path], object]] = {
    "open": rf.open,
    "serve_ui": rf.serve_ui,
    "load_codec": lambda folder: rf.load_codec(folder, "t0000"),
    "run": lambda folder: rf.run(folder=folder, resume=True, progress=False),
    "run_trial": lambda folder: rf.run_trial("sweeps/digits.yaml", LABEL, folder),
}

#: Everything that a sweep may leave in its folder, apart from the files of trials, which only some commands use.
ENTRIES = [
    "ledger.jsonl",
    "ledger.lock",
    "spec.yaml",
    "environment.json",
    "environment.diff",
    "environment-2.json",
    "trials.csv",
    "summary.json",
    "front.csv",
    "front.png",
    "report.html",
    "requests",
    "requests/0-0.json",
    "task_model",
    "task_model/facts.json",
    "task_model/model.safetensors",
    "task_model/predictions.npz",
    "task_model.progress.json",
    "trials",
    "trials/t0000",
    ".report.html.0.tmp",
]
TRIAL_FILES = ["codec.json", "codec.safetensors", "stream.bin", "samples.npz", "checkpoint.safetensors"]

#: Ids that lead out of the folder, or to another of its folders, or that are no id at all.
FORGED_IDS = [
    "../../outside",
    "../trials/t0000",
    "/outside",
    "..",
    ".",
    "",
    "t0000/",
    "t0000\n",
    "t\u0663",
    "task_model",
]


@dataclass(frozen=True)
class Forged:
    """A folder from a stranger, and beside it what is not the stranger's."""

    folder: Path
    outside: Path

    @contextmanager
    def link(self, entry: str) -> Iterator[Path]:
        """Put a link in the place of an entry: whoever follows it finds outside what it looks for."""
        place, target = self.folder / entry, self.outside / "linked"
        shutil.move(place, target)
        place.symlink_to(target)
        with self.untouched():
            yield place
        assert place.readlink() == target
        place.unlink()
        shutil.move(target, place)

    @contextmanager
    def planned(self, trial_id: str) -> Iterator[None]:
        """Append a trial of this id to the ledger, as a line with its right checksum."""
        ledger = self.folder / "ledger.jsonl"
        before = ledger.read_bytes()
        planned = Planned("t3", 3, 3, label())
        object.__setattr__(planned, "trial_id", trial_id)
        ledger.write_bytes(before + format_line(Entry(before.count(b"\n"), 1_800_000_000.0, planned)))
        with self.untouched():
            yield
        ledger.write_bytes(before)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        with WatchedFiles(self.outside) as watched:
            yield
            assert watched.accesses() == []

    def refusal(self, command: str) -> str:
        """The one line by which a command refuses the folder."""
        words = [word.replace("DIR", str(self.folder)) for word in command.split(" ")]
        done = CliRunner().invoke(app, [word.replace("OUT", str(self.folder.parent)) for word in words])
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        return done.stderr.removeprefix("ratefront: ")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep's folder that holds one of everything; its trials are t0000, t0001 and, not ended yet, t0002."""
    resolved = to_plain(load_spec(spec()).spec)  # a driver and the dashboard compare it before they read on
    sweep = FakeSweep(tmp_path_factory.mktemp("honest") / "sweep", resolved)
    sweep.finish(label(), 3.0, 0.9, 5000)
    sweep.finish(split("stem", 1.0), 2.0, 0.8, 5000)
    sweep.plan(label())
    trial = sweep.folder.trial("t0000").path
    trial.mkdir(parents=True)
    sweep.folder.requests.mkdir()
    for place in [*(sweep.path / name for name in ENTRIES), *(trial / name for name in TRIAL_FILES)]:
        if not place.exists():
            place.write_bytes(b"{}\n")
        os.utime(place, (0, 0))
    return sweep.path


@pytest.fixture
def forged(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forged:
    def starts(*_: object, **__: object) -> None:
        raise AssertionError("the folder was not refused")

    # These would go on for long where they are not refused.
    monkeypatch.setattr("ratefront.orchestrate.sweep_driver.joined_cluster", starts)
    monkeypatch.setattr("ratefront.tracking.browsing.mlflow_ui.serve_ui", starts)
    monkeypatch.setattr("ratefront.tracking.browsing.optuna_dashboard.make_server", starts)
    for module in ("trial_and_reproduce", "encode_decode_audit", "waterfall"):
        monkeypatch.setattr(f"ratefront.cli.commands.{module}.forbid_sweep_imports", lambda: None)
    folder, outside = tmp_path / "sweep", tmp_path / "outside"
    shutil.copytree(honest, folder)
    outside.mkdir()
    for name in TRIAL_FILES:
        (outside / name).write_bytes(b"mine\n")
        os.utime(outside / name, (0, 0))
    return Forged(folder, outside)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_follows_a_link(forged: Forged, command: str) -> None:
    for entry in ENTRIES:
        with forged.link(entry) as place:
            assert forged.refusal(command).startswith(f"{place} is a symbolic link")


@pytest.mark.parametrize("call", CALLS)
def test_no_call_of_the_library_follows_a_link(forged: Forged, call: str) -> None:
    for entry in ENTRIES:
        with forged.link(entry), pytest.raises(InputError, match="is a symbolic link"):
            CALLS[call](forged.folder)


@pytest.mark.parametrize("command", [*(word for word in COMMANDS if "t0000" in word or "clean" in word)])
def test_no_command_follows_a_link_of_a_trial(forged: Forged, command: str) -> None:
    for file in TRIAL_FILES:
        with forged.link(f"trials/t0000/{file}") as place:
            files = sorted(forged.folder.rglob("*"))
            assert forged.refusal(command).startswith(f"{place} is a symbolic link")
            assert sorted(forged.folder.rglob("*")) == files, "nothing is deleted before it is refused"


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_waits_for_a_pipe(forged: Forged, command: str) -> None:
    (forged.folder / "spec.yaml").unlink()
    os.mkfifo(forged.folder / "spec.yaml")
    assert "spec.yaml is neither a file nor a folder" in forged.refusal(command)


# The command ``ui`` reads the first entry of a ledger, and no trial.
@pytest.mark.parametrize("command", [word for word in COMMANDS if not word.startswith("ui")])
def test_an_id_in_the_ledger_is_no_path(forged: Forged, command: str) -> None:
    for trial_id in FORGED_IDS:
        with forged.planned(trial_id):
            assert f"a trial is named as t0000 is, got {trial_id!r}" in forged.refusal(command)


@pytest.mark.parametrize(
    "command", ["stop DIR --trial t0000", *(word for word in COMMANDS if " t0000" in word)]
)
def test_an_id_on_the_command_line_is_no_path(forged: Forged, command: str) -> None:
    for trial_id in filter(None, FORGED_IDS):
        with forged.untouched():
            assert repr(trial_id) in forged.refusal(command.replace("t0000", trial_id))


def test_the_folder_itself_may_be_reached_over_a_link(forged: Forged) -> None:
    linked = forged.folder.with_name("link")
    linked.symlink_to(forged.folder)
    assert rf.open(linked).name == "digits"
