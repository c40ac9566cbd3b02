"""With your own data and network: replaced ones are refused, moved ones are accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

pytestmark = pytest.mark.slow

SWEEP = """
name: mine
dataset: {name: arrays, path: digits.npz}
task_model: {name: module, target: "networks:net", epochs: 2}
space: {family: {label: {method: {lossless: {}, merged: {merged_classes: [3, 4, 5]}}}}}
trials: 1
"""
NETWORK = """
from collections import OrderedDict
from torch import nn
from helping import width

def net(classes, shape):
    layers = OrderedDict(flat=nn.Flatten(), hidden=nn.Linear(64, width()), classifier=nn.Linear(width(), classes))
    return nn.Sequential(layers)
"""
HELPING = "def width():\n    return {}\n"


class WorkFolder:
    """A folder with a sweep file, data and code, in which commands run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "mine.yaml").write_text(SWEEP)
        (path / "networks.py").write_text(NETWORK)
        (path / "helping.py").write_text(HELPING.format(16))
        self.write_data(0)
        environment = {"RATEFRONT_CACHE": str(path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        paths = os.pathsep.join(filter(None, [str(path), os.environ.get("PYTHONPATH")]))
        self._environment = {**os.environ, **environment, "PYTHONPATH": paths}

    def write_data(self, seed: int) -> None:
        x, y = load_digits(return_X_y=True)
        x, order = (
            (x * 15).astype(np.uint8).reshape(-1, 8, 8),
            np.random.default_rng(seed).permutation(len(x)),
        )
        train, test = order[:1400], order[1400:]
        np.savez(self.path / "digits.npz", x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])

    def ratefront(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = "from ratefront.cli import main; main()"
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=self.path,
            env=self._environment,
            check=False,
            timeout=300,
        )

    def ledger(self) -> bytes:
        return (self.path / "run" / "ledger.jsonl").read_bytes()


def test_replaced_data_and_code_are_refused_and_moved_data_taken(tmp_path: Path) -> None:
    place = WorkFolder(tmp_path)
    begun = place.ratefront("sweep", "mine.yaml", "--out", "run")
    assert begun.returncode == 0, begun.stderr
    before = place.ledger()
    commands = ["sweep", "--out", "run", "--extend", "1"], ["reproduce", "run", "t0000"]

    place.write_data(1)
    for words in commands:
        refused = place.ratefront(*words)
        assert refused.returncode == 2, refused.stderr
        assert f"content of the data set arrays path {tmp_path / 'digits.npz'} has changed" in refused.stderr
    place.write_data(0)
    (tmp_path / "helping.py").write_text(HELPING.format(17))
    for words in commands:
        refused = place.ratefront(*words)
        assert refused.returncode == 2, refused.stderr
        known = "this machine has run it for you before, but helping has changed since"
        assert f"(--own-module): {known}" in refused.stderr
    for words in commands:
        refused = place.ratefront(*words, "--own-module")
        assert refused.returncode == 2, refused.stderr
        assert "the code of the module helping has changed" in refused.stderr
        assert "networks" not in refused.stderr, "which is as it was"
    assert place.ledger() == before

    (tmp_path / "helping.py").write_text(HELPING.format(16))
    (tmp_path / "digits.npz").rename(tmp_path / "moved.npz")
    lost = place.ratefront(*commands[0])
    assert lost.returncode == 2
    assert "--set dataset.path=" in lost.stderr
    found = place.ratefront(*commands[0], "--set", "dataset.path=moved.npz")
    assert found.returncode == 0, found.stderr
    same = place.ratefront("reproduce", "run", "t0001")
    assert (same.returncode, same.stderr.splitlines()[-1]) == (0, "same bits")
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert set(environment["inputs"]) == {"dataset", "code networks", "code helping", "loaded"}
