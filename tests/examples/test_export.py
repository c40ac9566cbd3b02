"""The receiver that docs/export.md shows decodes coded files of real trials, from the exported files alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.export.conftest import ExportedSweep, exported, exported_sweep

from ratefront.export.export_trial import Export

__all__ = ["exported", "exported_sweep"]  # fixtures

pytestmark = pytest.mark.medium

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["label-time-shared", "split-categorical", "split-map-cosine"])
def test_the_receiver_shown_decodes_what_a_trial_coded(
    exported: Callable[[str], Export], exported_sweep: ExportedSweep, name: str
) -> None:
    (receiver,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    files, folder = exported_sweep.files(name), exported(name).folder
    command = [sys.executable, "-W", "error", "-c", receiver, folder, files.stream]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    with np.load(files.samples) as samples:
        decoded = samples["decoded"]
    classes = np.array(done.stdout.split(), dtype=np.int64)
    # The scores of two classes may tie within rounding, and nothing else may differ.
    assert len(classes) == len(decoded)
    assert (classes != decoded).sum() <= (name != "label-time-shared")
