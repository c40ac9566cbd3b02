"""The script that shows a sweep on a GPU, as far as a CPU goes: sweeps, error and retry, comparison, report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.cluster.launch_files import CLUSTER

pytestmark = pytest.mark.slow

SCRIPT = CLUSTER / "gpu_sweep.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> object:
    import importlib

    monkeypatch.syspath_prepend(CLUSTER)
    return importlib.import_module(SCRIPT.stem)


def test_the_script_runs_to_its_report_on_a_cpu(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--on-cpu", "--trials", "1", "--out", tmp_path / "gpu"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "gpu" / "gpu.md").read_text()
    assert done.stdout == report
    assert report.startswith("No GPU (a trial run of the script).")
    assert "OutOfMemoryError: simulated" in report
    assert "| t0000 | label | finished | 2 | CPU |" in report
    assert "2 streams of 360 samples, 0 differences" in report
    assert "**no**" not in report


class Shifted:
    """A codec of one integer a sample, whose decoder or classifier may be off by one."""

    device = torch.device("cpu")

    def __init__(self, decoded: int = 0, classes: int = 0) -> None:
        self._decoded, self._classes = decoded, classes

    def analyse(self, images: torch.Tensor) -> np.ndarray:
        return images.numpy().astype(np.int32)

    def encode(self, latents: np.ndarray) -> bytes:
        return latents.tobytes()

    def decode(self, data: bytes, samples: int) -> np.ndarray:
        return np.frombuffer(data, np.int32).reshape(samples, 1) + self._decoded

    def classify(self, latents: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(latents[:, 0].copy()) + self._classes


def test_what_differs_between_devices_is_named(script: object) -> None:
    images = torch.arange(4.0)[:, None]
    differences = script.differences  # type: ignore[attr-defined]
    assert differences(Shifted(), Shifted(), images) == []
    assert differences(Shifted(), Shifted(classes=1), images) == ["classes"]
    assert differences(Shifted(), Shifted(decoded=1), images) == ["latents", "bytes", "classes"]
