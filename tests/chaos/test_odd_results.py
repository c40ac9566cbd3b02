"""NaN, infinities and missing objectives from real workers: failed with a reason, never a point, never a zombie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.accounts import assert_accounted
from tests.chaos.odd_work import ODDITIES

from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of

HERE = Path(__file__).parent
TRIALS = 10


@pytest.mark.slow
@pytest.mark.chaos
def test_nonsense_fails_alone(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "runs" / "odd")
    command = [sys.executable, str(HERE / "odd_sweep.py"), str(folder.path), str(TRIALS)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    counted = assert_accounted(folder, TRIALS)
    assert counted == {"failed": len(ODDITIES), "finished": TRIALS - len(ODDITIES)}
    history = read_history(folder)
    odd = {f"t{number:04d}" for number in ODDITIES}
    assert {t.params.trial_id for t in history.with_status("failed")} == odd
    assert not odd & {trial.params.trial_id for trial in front_of(history)}
