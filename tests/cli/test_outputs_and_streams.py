"""Every command: what ``--out`` may be, and what happens without stdout or stderr."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.builders import full_sweep
from tests.cli.forked_commands import run_commands
from tests.small_sweep import CODEC_CONFIGURATIONS, small_sweep_spec
from typer.testing import CliRunner

import ratefront as rf
from ratefront.cli.app import COMMANDS, app
from ratefront.data.load_dataset import load_dataset
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext
from ratefront.trial_records import TrialParams

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"


@pytest.fixture(scope="module")
def files(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep, a trial with a codec, images, a coded file, counts and predictions."""
    path = tmp_path_factory.mktemp("files")
    full_sweep(path / "sweep")
    shutil.copytree(task_model_folder, path / "lab" / "task_model")
    params = TrialParams("cli", 0, CODEC_CONFIGURATIONS["label-lossless"])
    run_trial(params, TrialContext(small_sweep_spec(), path / "lab"))
    images = load_dataset(small_sweep_spec().dataset).test.images[:20]
    np.save(path / "x.npy", images)
    (path / "x.rf").write_bytes(bytes(rf.load_codec(path / "lab" / "trials" / "cli").compress(images)))
    (path / "counts.json").write_text("[3, 4, 5]")
    (path / "made").mkdir()
    return path


def writing_commands(out: str) -> list[list[str | Path]]:
    """Each command that writes one file which the user names, with ``out`` as that file."""
    table = out if out.endswith("json.gz") else f"{out}.json.gz"
    figure, numbers = f"{out}.png", f"{out}.json"
    return [
        ["schema", "--out", out],
        ["init", "--data", "digits", "--task-model", "small_cnn", "--out", out],
        ["bounds", "--prior", "counts.json", "--out", out],
        ["bounds", "--prior", "counts.json", "--figure", figure],
        ["waterfall", "sweep", "t0000", "--out", figure],
        ["waterfall", "sweep", "t0000", "--out", numbers],
        ["encode", "lab", "cli", "x.npy", "--out", out],
        ["decode", "lab", "cli", "x.rf", "--out", out],
        ["simulate", "--record", "sweep", "--out", table],
    ]


def test_links_and_pipes_are_refused_by_every_command(files: Path) -> None:
    victim = files / "victim"
    victim.write_text("kept")
    for name in ("link", "link.png", "link.json", "link.json.gz"):
        (files / name).symlink_to(victim)
        os.mkfifo(files / name.replace("link", "pipe"))
    before = sorted(path.name for path in files.iterdir())
    commands = [*writing_commands("link"), *writing_commands("pipe")]
    for words, done in zip(commands, run_commands(commands, cwd=files), strict=True):
        assert done.code == 2, (words, done)
        assert done.stderr.count("\n") == 1, done.stderr
        assert "cannot be written: it is a " in done.stderr or "is there already" in done.stderr
    assert victim.read_text() == "kept"
    assert all((files / name).is_symlink() for name in ("link", "link.png", "link.json", "link.json.gz"))
    assert all((files / name).is_fifo() for name in ("pipe", "pipe.png", "pipe.json", "pipe.json.gz"))
    assert sorted(path.name for path in files.iterdir()) == before


def test_no_command_replaces_what_it_reads(files: Path) -> None:
    os.link(files / "x.npy", files / "same.npy")
    shutil.copytree(files / "lab", files / "codec")
    trial = Path("codec") / "trials" / "cli"
    (files / "codec" / "ledger.jsonl").touch()
    for name in ("ledger.json.gz", "ledger.json"):
        os.link(files / "sweep" / "ledger.jsonl", files / name)
    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    commands: list[list[str | Path]] = [
        ["encode", "lab", "cli", "x.npy", "--out", "x.npy"],
        ["encode", "lab", "cli", "x.npy", "--out", "same.npy"],
        ["encode", "codec", "cli", "x.npy", "--out", trial / "codec.json"],
        ["encode", "codec", "cli", "x.npy", "--out", trial / "codec.safetensors"],
        ["encode", "codec", "cli", "x.npy", "--out", "codec/ledger.jsonl"],
        ["decode", "lab", "cli", "x.rf", "--out", "x.rf"],
        ["bounds", "--prior", "counts.json", "--out", "counts.json"],
        ["bounds", "--prior", "counts.json", "--out", "b.png", "--figure", "./b.png"],
        ["simulate", "--record", "sweep", "--out", "ledger.json.gz"],
        ["waterfall", "sweep", "t0000", "--out", "ledger.json"],
        ["waterfall", "sweep", "t0000", "--out", "w.json", "--out", "./w.json"],
    ]
    for words, done in zip(commands, run_commands(commands, cwd=files), strict=True):
        assert (done.code, "must be different ones" in done.stderr) == (2, True), (words, done)
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["report", "track", "status"])
def test_settings_of_matplotlib_are_no_pipe(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("matplotlibrc")
    done = CliRunner().invoke(app, [command, str(files / "sweep")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "matplotlibrc in the current folder is a pipe or device" in done.stderr


def test_a_coded_file_is_no_pipe(files: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (done,) = run_commands(
        [["decode", files / "lab", "cli", tmp_path / "pipe", "--out", tmp_path / "new"]], cwd=tmp_path
    )
    assert (done.code, "is a FIFO, but must be a regular file" in done.stderr) == (2, True), done


@pytest.mark.parametrize("kind", ["file", "pipe", "link to nothing"])
def test_a_folder_to_fill_is_a_folder_or_new(files: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    {"file": Path.touch, "pipe": os.mkfifo, "link to nothing": lambda path: path.symlink_to("nothing")}[kind](
        out
    )
    with pytest.raises(rf.InputError, match="is not a folder"):
        rf.run_trial(DIGITS, {"family": "label", "method": "lossless"}, out)
    with pytest.raises(rf.InputError, match="is not a folder"):
        rf.open(files / "sweep").trials["t0000"].reproduce(out)


def each_command(out: str) -> list[list[str | Path]]:
    """Every command: what can be done at once with the files, and one error of those that take longer."""
    return [
        *writing_commands(out),
        ["check", DIGITS],
        ["check", "counts.json"],
        ["doctor", DIGITS, "--out", "new"],
        ["doctor", "counts.json"],
        ["doctor", "--out", "s3://bucket"],
        ["sweep", DIGITS, "--out", "counts.json"],
        ["status", "sweep"],
        ["status", "sweep", "--json"],
        ["status", "nowhere"],
        ["front", "sweep", "--min-accuracy", "0.9"],
        ["front", "sweep", "--max-rate", "-1"],
        ["stop", "sweep"],
        ["report", "sweep"],
        ["ui", "nowhere", "--tracking-uri", "ftp://nowhere"],
        ["dashboard", "nowhere"],
        ["track", "sweep", "--tracking-uri", "ftp://nowhere"],
        ["clean", "sweep", "--dry-run"],
        ["trial", DIGITS, "--params", "[]"],
        ["reproduce", "sweep", "t9999"],
        ["waterfall", "sweep", "t9999"],
        ["export", "sweep", "t9999", "--out", "new"],
        ["audit", "x.rf", "decoded.npz"],
        ["simulate", "--trials", "2", "--latency-ms", "1"],
        ["--help"],
        ["sweep", "--help"],
        ["no-such-command"],
    ]


@pytest.mark.slow
def test_missing_streams_change_no_exit_code(files: Path, tmp_path: Path) -> None:
    """Without stdout, without stderr, and without any: as with all three, and no file gets what was printed."""
    assert {command.__name__ for command in COMMANDS} <= {str(words[0]) for words in each_command("out")}
    np.savez(files / "decoded.npz", labels=np.arange(20) % 4, predicted=np.arange(20) % 4)
    closings: tuple[tuple[int, ...], ...] = (), (1,), (2,), (0, 1, 2)
    commands, closed = [], []
    for closing in closings:
        (tmp_path / f"{closing}").mkdir()
        commands += each_command(str(tmp_path / f"{closing}" / "out"))
        closed += [closing] * (len(commands) - len(closed))
    answers = run_commands(commands, cwd=files, closed=closed)
    assert not any("Traceback" in done.stdout + done.stderr for done in answers)
    count = len(answers) // len(closings)
    whole, *without = [
        [done.code for done in answers[place * count :][:count]] for place in range(len(closings))
    ]
    assert set(whole) == {0, 1, 2}, answers[:count]
    assert without == [whole] * len(without)
    written = [_contents(tmp_path / f"{closing}") for closing in closings]
    assert set(written[0]) == {"out", "out.png", "out.json", "out.json.gz"}
    assert all(other == written[0] for other in written)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("streams", [">&-", "<&- >&- 2>&-"])
def test_a_shell_may_close_streams(tmp_path: Path, streams: str) -> None:
    program = f"{sys.executable} -c 'from ratefront.cli import main; main()'"
    script = f"{program} bounds --prior counts.json --out made.json {streams}"
    (tmp_path / "counts.json").write_text("[3, 4, 5]")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert json.loads((tmp_path / "made.json").read_text())["samples"] == 12
