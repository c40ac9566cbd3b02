"""NaN, infinities and missing objectives from real workers: they fail with a reason and are never on the front."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.invalid_results_trial import DEFECTS
from tests.chaos.trial_accounting import assert_accounted

from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of

HERE = Path(__file__).parent
TRIALS = 10


@pytest.mark.slow
@pytest.mark.chaos
def test_invalid_results_fail_and_valid_ones_finish(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "runs" / "odd")
    command = [sys.executable, str(HERE / "invalid_results_sweep.py"), str(folder.path), str(TRIALS)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    counted = assert_accounted(folder, TRIALS)
    assert counted == {"failed": len(DEFECTS), "finished": TRIALS - len(DEFECTS)}
    history = read_history(folder)
    odd = {f"t{number:04d}" for number in DEFECTS}
    assert {t.params.trial_id for t in history.with_status("failed")} == odd
    assert not odd & {trial.params.trial_id for trial in front_of(history)}
