"""The disk of the sweep's folder fills up: the sweep ends with that reason, and goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.chaos.real_sweeps import RealSweep
from tests.chaos.trial_accounting import assert_accounted

TRIALS = 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "ratefront-test", str(place)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(place: Path) -> Path:
    """A file that takes all the space that is left."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            pass
    assert os.statvfs(place).f_bavail == 0
    return filler


@pytest.mark.slow
@pytest.mark.chaos
def test_a_full_disk_ends_the_sweep_and_loses_no_trial(
    new_sweep: Callable[..., RealSweep], small_disk: Path
) -> None:
    sweep = new_sweep(TRIALS, small_disk)
    with sweep.driver() as driver:
        sweep.wait(driver, lambda history: 1 <= history.trials_ended < TRIALS)
        filler = _fill(small_disk)
        print(f"disk full: {sweep.moment()}")
        code, errors = driver.end()
    assert code == 1, errors
    assert "No space left on device" in errors
    before = sweep.history
    assert not before.with_status("failed"), "a full disk is no trial's fault"
    filler.unlink()
    code, errors = sweep.resumed()
    assert code == 0, errors
    assert set(assert_accounted(sweep.folder, TRIALS)) <= {"finished", "collapsed"}
