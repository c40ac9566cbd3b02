"""What ``ratefront status`` prints."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.builders import FakeSweep, full_sweep, label

from ratefront.history.events import Ended
from ratefront.store.views.sweep_status import LastEvent, RunningTrial, SweepStatus, status_of
from ratefront.terminal import phrases
from ratefront.terminal.status_text import print_status


def shown(status: SweepStatus, width: int = 100) -> str:
    stream = io.StringIO()
    print_status(status, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_the_status_shows_counts_failures_and_the_front(tmp_path: Path) -> None:
    text = shown(status_of(full_sweep(tmp_path)))
    assert text.splitlines()[0] == "digits has ended"
    for text_part in (
        "30/30 trials",
        "24 finished, 2 collapsed, 1 pruned, 1 stopped, 2 failed",
        "t0028  1 attempt  DivergedError: loss is NaN at epoch 3 (β = 900)",
        "<b>worker</b> died",
        "on the front, measured on test, 8 of them shown",
        "3.35 bit   98.3 %   51.2 KiB",
    ):
        assert text_part in text
    assert "to go" not in text
    assert "running" not in text


def test_a_sweep_that_ended_early_says_why(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.finish(label(), 3.3, 0.97, 52_000)
    sweep.append(Ended("the space holds no more configurations"))
    lines = shown(status_of(sweep.folder)).splitlines()
    assert lines[0] == "digits has ended: the space holds no more configurations"
    assert "1/30 trials" in lines[1]


def test_a_running_sweep_shows_running_trials_and_remaining_time(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    sweep.plan(label())
    status = replace(
        status_of(sweep.folder),
        state="running",
        driver="process 7 on lab",
        running=1,
        planned=0,
        trials_per_hour=7.26,
        remaining_s=3 * 86400.0 + 7265,
        running_trials=(
            RunningTrial("t0000", 2, 3, "label", label(), {"loss": 0.125}, 1000.0),
            RunningTrial("t0001", 1, 3, "label", label(), {"loss": 0.5}, 100.0, silent_s=725.0),
        ),
        last_event=LastEvent("reported", 1060.0, 5.0),
    )
    text = shown(status)
    assert "digits is running, driven by process 7 on lab" in text
    assert "7.3 trials an hour, about 3 d 2:01:05 to go, last event 0:05 ago" in text
    assert "t0000  label     1:05  epoch 3  loss 0.125  (attempt 2)" in text
    assert "epoch 3  loss 0.5  (no report for 12:05)" in text
    assert text.count("no report for") == 1
    assert "on the front" not in text, "there is none yet"


def test_a_sweep_that_is_starting(tmp_path: Path) -> None:
    status = status_of(FakeSweep(tmp_path, task_model=False).folder)
    text = shown(replace(status, state="starting"))
    assert text.splitlines()[0] == "digits is starting"
    assert "the task model is not ready yet" in text


def test_long_lists_are_cut_and_say_so(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path)
    for number in range(12):
        sweep.fail(label(), f"reason {number} [/] of [bold]many[/bold]")
    text = shown(status_of(sweep.folder))
    assert "12 failed, 5 of them shown" in text
    assert "reason 11 [/] of [bold]many[/bold]" in text
    assert "reason 6 " not in text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.4, "0:00"), (42, "0:42"), (725, "12:05"), (11400, "3:10:00"), (356400 + 62, "4 d 3:01:02")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert phrases.duration(seconds) == expected
