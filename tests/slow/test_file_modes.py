"""The files that a sweep leaves have the mode that the user's umask asks for, so that a group may share them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"
SPACE = (
    "space.family={label: {method: lossless}, "
    "split: {split: conv3, entropy_model: {factorized: {width: 2}}, beta: 40}}"
)
SETTINGS = ["trials=2", "task_model.epochs=1", "training.epochs=1", SPACE]
PROGRAM = [sys.executable, "-c", "from ratefront.cli import main; main()"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_every_file_of_a_sweep_has_the_mode_of_the_umask(tmp_path: Path, umask: int) -> None:
    """The cache and MLflow's store, which lie beside the sweep here, have it as well.

    MLflow copies the module ``ratefront.pyfunc`` with the mode that it is installed with.
    """
    words = [
        "sweep",
        DIGITS,
        *(word for setting in SETTINGS for word in ("--set", setting)),
        "--out",
        tmp_path / "sweep",
    ]
    done = subprocess.run(
        [*PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        umask=umask,
        env=os.environ | {"RATEFRONT_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.name != "pyfunc.py"
    }
    names = {path.name for path in modes}
    assert names >= {"ledger.jsonl", "model.safetensors", "codec.safetensors", "report.html", "mlflow.db"}
    wrong = {
        str(path.relative_to(tmp_path)): oct(mode)
        for path, mode in modes.items()
        if mode != (0o777 if path.is_dir() else 0o666) & ~umask
    }
    assert wrong == {}
