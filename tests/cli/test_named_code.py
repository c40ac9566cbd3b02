"""Python code that a stranger's folder names is run by no command and no function, unless the user says so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.builders import FakeSweep, label
from tests.cli.forked_commands import run_commands

import ratefront as rf
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.browsing.optuna_dashboard import Dashboard

pytestmark = pytest.mark.medium

EVIL = """
from pathlib import Path
Path({canary!r}).write_text("imported")
from torch import nn

def net(classes, shape):
    Path({canary!r}).write_text("called")
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Linear(8, classes))

def metric(labels, classes):
    Path({canary!r}).write_text("called")
    return 0.5
"""
MODULE = {"name": "module", "target": "runs_.small.evil:net", "epochs": 1}
METRICS = [{"name": "metric", "target": "runs_.small.evil:metric", "direction": "maximise"}]
SHIPPED = {
    "name": "balanced_accuracy",
    "target": "ratefront.metrics:balanced_accuracy",
    "direction": "maximise",
}
QUICK = ["--slots", "1", "--latency-ms", "1"]


@dataclass
class Stranger:
    """A folder on PYTHONPATH with a forged sweep, and code beside it that leaves a trace when it is run."""

    path: Path

    def __post_init__(self) -> None:
        self.canary, self.code = self.path / "canary", self.path / "runs_" / "small" / "evil.py"
        self.code.parent.mkdir(parents=True)
        (self.path / "runs_" / "__init__.py").write_text(f"open({str(self.canary)!r}, 'w').close()")
        self.write_code()
        self.images, self.coded, self.out = self.path / "x.npy", self.path / "x.rf", self.path / "out"
        np.save(self.images, np.zeros((2, 1, 8, 8), np.float32))
        self.coded.write_bytes(bytes(100))

    def write_code(self, more: str = "") -> None:
        self.code.write_text(EVIL.format(canary=str(self.canary)) + more)

    def sweep(self, name: str, **changes: Any) -> Path:
        """Forge a sweep with one trial, and a codec that names the same task model."""
        spec = {
            "name": "lab",
            "dataset": {"name": "digits"},
            "task_model": {"name": "small_cnn"},
            "space": {"family": {"label": {"method": {"lossless": {}}}}},
            "trials": 1,
        }
        sweep = FakeSweep(self.path / name, spec | changes)
        trial = sweep.folder.trial(sweep.finish(label(), 3.0, 0.9, 5000))
        sweep.end()
        trial.path.mkdir(parents=True)
        codec = {"version": 3, "family": "label", "parameters": {"method": "lossless"}}
        codec |= {"task_model": dict((spec | changes)["task_model"]), "classes": 10, "shape": [1, 8, 8]}
        trial.codec_config.write_text(json.dumps(codec))
        save_file({"nothing": torch.zeros(1)}, trial.codec_weights)
        return sweep.folder.path

    @property
    def has_run(self) -> bool:
        return self.canary.exists()

    def run(self, *commands: list[str | Path]) -> list[Any]:
        environment = {
            "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(self.path)]),
            "RATEFRONT_CACHE": str(self.path / "cache"),
        }
        return run_commands(commands, environment, cwd=self.path)


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RATEFRONT_CACHE", str(tmp_path / "cache"))
    yield Stranger(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "runs_"]:
        del sys.modules[name]


def test_no_command_runs_what_a_strangers_folder_names(stranger: Stranger) -> None:
    sweep, table = stranger.sweep("forged", task_model=MODULE), stranger.path / "table.json.gz"
    measured = stranger.sweep("measured", metrics=METRICS)
    stopped, *harmless = stranger.run(
        ["stop", sweep],
        ["simulate", "--record", sweep, "--out", table],
        ["status", sweep],
        ["status", sweep, "--json"],
        ["report", sweep],
        ["clean", sweep, "--keep", "none", "--dry-run"],
        ["clean", measured, "--keep", "none", "--dry-run"],
        ["simulate", "--table", sweep, *QUICK],
        ["simulate", "--table", table, *QUICK],
    )
    assert (stopped.code, [done.code for done in harmless]) == (2, [0] * 8), harmless
    refused = stranger.run(
        ["reproduce", sweep, "t0000"],
        ["sweep", "--out", sweep, "--resume"],
        ["sweep", "--out", sweep, "--extend", "1"],
        ["sweep", "--out", sweep, "--retry-failed"],
        ["encode", sweep, "t0000", stranger.images, "--out", stranger.out],
        ["decode", sweep, "t0000", stranger.coded, "--out", stranger.out],
        ["export", sweep, "t0000", "--out", stranger.path / "exported"],
        ["reproduce", measured, "t0000"],
        ["sweep", "--out", measured, "--resume"],
    )
    for done in refused:
        assert done.code == 2, done
        assert done.stderr.count("\n") == 1, done
        assert "Python code, 'runs_.small.evil:" in done.stderr
        assert "only where you say that it is yours (--own-module)" in done.stderr
        assert f"has not run it for you before ({stranger.path}" in done.stderr
    assert not stranger.has_run


CALLS: dict[str, Callable[[Path], object]] = {
    "spec": lambda path: rf.open(path).spec,
    "reproduce": lambda path: rf.open(path).trials["t0000"].reproduce(path / "again"),
    "export": lambda path: rf.open(path).trials["t0000"].export(path / "exported"),
    "load_codec of a trial": lambda path: rf.open(path).front[0].load_codec(),
    "load_codec": lambda path: rf.load_codec(path, "t0000"),
    "run": lambda path: rf.run(folder=path, resume=True, progress=False),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_function_runs_what_a_strangers_folder_names(stranger: Stranger, name: str) -> None:
    folder = stranger.sweep("forged", task_model=MODULE)
    with pytest.raises(rf.InputError, match=r"only where you say that it is yours \(own_module=True\)"):
        CALLS[name](folder)
    assert not stranger.has_run


def test_a_study_a_dashboard_and_a_simulation_need_no_code(stranger: Stranger) -> None:
    folder = stranger.sweep("forged", task_model=MODULE, metrics=METRICS)
    assert len(rf.open(folder).study().trials) == 1
    assert Dashboard(SweepFolder(folder))
    measured = stranger.sweep("measured", task_model=MODULE)
    assert rf.simulate_sweep(table=measured, latency_s=0.0).trials_finished == 1
    assert not stranger.has_run


@pytest.mark.parametrize("name", ["spec", "reproduce", "run"])
def test_metrics_are_refused_where_they_would_be_run(stranger: Stranger, name: str) -> None:
    folder = stranger.sweep("forged", metrics=METRICS)
    with pytest.raises(rf.InputError, match=r"its metric is Python code, 'runs_\.small\.evil:metric'"):
        CALLS[name](folder)
    assert not stranger.has_run


def test_installed_code_that_a_ledger_names_is_not_run_either(stranger: Stranger) -> None:
    for target in ("shutil:rmtree", "os:system", "ratefront.cli.app:main", "torch.hub:load"):
        folder = stranger.sweep(target.replace(":", "_"), task_model=MODULE | {"target": target})
        with pytest.raises(rf.InputError, match=f"Python code, '{target}'"):
            _ = rf.open(folder).spec
    shipped = stranger.sweep("shipped", metrics=[SHIPPED])
    assert rf.open(shipped).spec.spec.metrics[0].target == SHIPPED["target"]


def test_own_module_allows_it_and_is_remembered(stranger: Stranger) -> None:
    sweep = stranger.sweep("forged", task_model=MODULE)
    encoded, allowed, again = stranger.run(
        ["encode", sweep, "t0000", stranger.images, "--out", stranger.out, "--own-module"],
        ["reproduce", sweep, "t0000", "--own-module"],
        ["reproduce", sweep, "t0000"],
    )
    assert "the weights lack" in encoded.stderr, "the network was built"
    for done in (allowed, again):
        assert "Python code" not in done.stderr, "the code was no obstacle"
    assert stranger.has_run
    assert rf.open(sweep).spec.spec.task_model.name == "module"


def test_an_author_is_asked_only_after_an_edit(stranger: Stranger) -> None:
    sweep = stranger.sweep("forged", task_model=MODULE, metrics=METRICS)
    rf.load_spec(rf.open(sweep).history.spec)  # as a sweep file that the user starts
    assert rf.open(sweep).spec.spec.metrics
    stranger.write_code("# edited\n")
    with pytest.raises(
        rf.InputError, match=r"run it for you before, but runs_\.small\.evil has changed since"
    ):
        _ = rf.open(sweep).spec
    stranger.write_code()
    assert rf.open(sweep).spec.spec.metrics
