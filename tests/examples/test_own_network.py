"""What docs/own-network.md describes works: a network is trained by its script, checked, and swept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.medium

PAGE = (Path(__file__).parents[2] / "docs" / "own-network.md").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(
    re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
)
RATEFRONT = [sys.executable, "-c", "from ratefront.cli import main; main()"]
PREPARE = """
from pathlib import Path
from ratefront.spec.load_spec import load_spec
from ratefront.task_models.prepare_task_model import prepare_task_model
prepare_task_model(load_spec(Path("own.yaml")).spec, Path("task_model"))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's files, in which its training script was run."""
    folder: Path = tmp_path_factory.mktemp("own")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    run(folder, [sys.executable, "train.py"])
    return folder


def run(folder: Path, command: list[str]) -> str:
    search = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search, "RATEFRONT_CACHE": str(folder / "cache")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outside(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the test split, and what the training script has decided."""
    with np.load(folder / "digits.npz", allow_pickle=False) as arrays:
        return arrays["y_test"], np.load(folder / "decided.npy", allow_pickle=False)


def test_the_function_is_under_ten_lines() -> None:
    function = FILES["my_models.py"].split("def net", 1)[1]
    assert len(function.strip().splitlines()) < 10


def test_the_short_example_is_enough(place: Path) -> None:
    """Eight lines and a command: a file of weights and arrays become a sweep file that would be swept."""
    (short, *_) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(short.strip().splitlines()) < 10
    (command, *_) = re.findall(r"```sh\nratefront (init .*?) &&", PAGE, flags=re.DOTALL)
    (place / "short").mkdir()
    (place / "short" / "my_models.py").write_text(short, encoding="utf-8")
    (place / "short" / "my.npz").write_bytes((place / "digits.npz").read_bytes())
    write = "import torch, my_models; torch.save(my_models.net(10, (1, 8, 8)).state_dict(), 'my.pt')"
    run(place / "short", [sys.executable, "-c", write])
    run(place / "short", [*RATEFRONT, *command.split()])
    assert "taken as it is: nothing is trained" in run(place / "short", [*RATEFRONT, "check", "my.yaml"])


def test_the_network_decides_each_sample_as_outside_of_ratefront(place: Path) -> None:
    assert "conv, hidden" in run(place, [*RATEFRONT, "check", "own.yaml"])
    run(place, [sys.executable, "-c", PREPARE])
    facts = json.loads((place / "task_model" / "facts.json").read_text())
    labels, decided = outside(place)
    assert facts["accuracy_given"] == (decided == labels).mean() > 0.9
    assert facts["samples"] == {"train": 1200, "validation": 200, "test": 397}
    assert facts["warnings"] == []


@pytest.mark.slow
def test_the_report_shows_the_accuracy_that_the_script_printed(place: Path) -> None:
    run(
        place,
        [*RATEFRONT, "sweep", "own.yaml", "--trials", "2", "--set", "training.epochs=2", "--out", "runs/own"],
    )
    summary = json.loads((place / "runs" / "own" / "summary.json").read_text())
    labels, decided = outside(place)
    assert summary["task_model_accuracy_given"] == (decided == labels).mean()
    assert summary["trials_finished"] + summary["trials_collapsed"] == 2
    right = int((decided == labels).sum())
    assert f"({right} of {len(labels)})" in (place / "runs" / "own" / "report.html").read_text()
