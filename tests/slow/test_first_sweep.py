"""The sweep file that ``ratefront init`` writes for a folder of images runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def write_shades(folder: Path) -> None:
    """Dark and bright photographs, which any network tells apart."""
    draw = np.random.default_rng(0)
    for name, brightness in (("dark", 60), ("bright", 180)):
        (folder / name).mkdir(parents=True)
        for number in range(40):
            pixels = draw.integers(brightness - 50, brightness + 50, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def ratefront(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from ratefront.cli import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=600, check=True
    )


def test_a_folder_of_images_is_swept(tmp_path: Path) -> None:
    write_shades(tmp_path / "shades")
    ratefront(tmp_path, "init", "--data", "shades")
    ratefront(tmp_path, "sweep", "sweep.yaml", "--trials", "2", "--out", "swept")
    summary = json.loads((tmp_path / "swept" / "summary.json").read_text())
    facts = json.loads((tmp_path / "swept" / "task_model" / "facts.json").read_text())
    assert (
        summary["trials_finished"] + summary["trials_collapsed"] == 2
    )  # time sharing of few samples may collapse
    assert summary["trials_finished"] >= 1
    assert facts["shape"] == [3, 20, 20]
    assert facts["accuracy"] == 1
