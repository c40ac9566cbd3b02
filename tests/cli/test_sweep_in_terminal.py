"""``ratefront sweep`` on a real terminal, with Ctrl-C typed into it: what the terminal shows at the end."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from tests.terminal.terminal_rows import rows_of

pytestmark = pytest.mark.medium

DIGITS = Path(__file__).parents[2] / "sweeps" / "digits.yaml"

#: The command, less Ray: a sweep that trains, ends three trials, and goes on until it is asked to end.
SWEEP = """
import sys, time
from ratefront.cli import main
from ratefront.orchestrate import sweep_driver
from ratefront.orchestrate.interrupts import interrupts
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.ledger.ledger_file import Ledger
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.task_model_progress import TaskModelProgress
from tests.builders import FakeSweep, label, spec

def run_sweep(loaded, folder, *, on_update, on_training, on_interrupt, **_):
    sweep = FakeSweep(folder.path, spec(trials=9), task_model=False)
    history = read_history(sweep.folder)
    on_update(history)
    with interrupts(on_interrupt) as caught:
        on_training(TaskModelProgress(30, 3, 0.5, 7.0, 0.41, 0.88))
        time.sleep(0.6)
        for _ in range(3):
            sweep.finish(label(), 3.25, 0.975, 2048)
        sweep.plan(label())
        on_update(read_history(sweep.folder))
        time.sleep(0.6)
        print("READY", flush=True)
        while True:
            time.sleep(0.05)
            try:
                caught.check()
            except KeyboardInterrupt:
                time.sleep(0.6)  # as it takes a moment
                raise

sweep_driver.run_sweep = run_sweep
sys.argv = ["ratefront", "sweep", sys.argv[1], "--out", sys.argv[2]]
main()
"""


def on_terminal(command: list[str], until: bytes) -> tuple[int, str]:
    """Run on a terminal of its own, Ctrl-C typed once ``until`` is seen; the exit code, and all that it was sent."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 110))
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKING_THE_TERMINAL, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "110", "LINES": "30"},
    )
    os.close(theirs)
    output, deadline, is_typed = b"", time.monotonic() + 60, False
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.1)[0]:
            continue
        try:
            output += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if until in output and not is_typed:
            is_typed = True
            os.write(ours, b"\x03")
    os.close(ours)
    try:
        return process.wait(timeout=20), output.decode()
    finally:
        process.kill()


_TAKING_THE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, sys.argv[1:])\n"
)


def test_ctrl_c_ends_the_block_and_keeps_the_lines_of_ended_trials(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    code, output = on_terminal(
        [sys.executable, "-c", SWEEP, str(DIGITS), str(folder)],
        b"READY",
    )
    rows = [row for row in rows_of(output) if row]
    assert code == 130, rows
    assert [row.split()[:2] for row in rows[:3]] == [[f"[{n}/9]", f"t000{n - 1}"] for n in (1, 2, 3)]
    ended = [row for row in rows[3:] if row != "READY"]
    assert ended[0].startswith("task model: ")
    assert re.search(r"3/9 3 finished \d", ended[1])
    assert re.fullmatch(rf"interrupted; go on with: .*sweep --out {folder} --resume", " ".join(ended[2:]))
    assert "Traceback" not in output
    assert "epoch 4 of 30 (50%), loss 0.41, 88.0 % on validation" in output
    assert "ending the sweep; it can be resumed" in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l"), "the cursor is seen again"
