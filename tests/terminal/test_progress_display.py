"""The display of a running sweep, on a terminal and without one."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from rich.console import Console
from tests.builders import label, result, spec
from tests.terminal.terminal_rows import rows_of

from ratefront.history.events import (
    BudgetSpent,
    Created,
    Entry,
    Event,
    Extended,
    Failed,
    Finished,
    Planned,
    Reopened,
    Reported,
    Resumed,
    Started,
    TaskModelReady,
)
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.task_model_progress import TaskModelProgress
from ratefront.terminal.progress_display import LiveDisplay, PlainDisplay, display_for
from ratefront.terminal.terminal_or_notebook import TerminalSurface

pytestmark = pytest.mark.medium


class FollowedSweep:
    """A history that a display follows, event by event."""

    def __init__(self, display: PlainDisplay | LiveDisplay, before: Iterable[Event] = ()) -> None:
        self.history, self._display, self._seq = SweepHistory(), display, 0
        for event in before:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        self.history.apply(Entry(self._seq, 100.0 + self._seq, event))
        self._seq += 1

    def apply_and_show(self, *events: Event) -> None:
        for event in events:
            self._apply(event)
            self._display.update(self.history)


def created(trials: int) -> Created:
    return Created("digits", spec(trials=trials), "0.1.0")


def trial(number: int) -> list[Event]:
    trial_id = f"t{number:04d}"
    return [Planned(trial_id, number, 1, label()), Started(trial_id, 1, "w"), _finished(trial_id)]


def _finished(trial_id: str, attempt: int = 1) -> Finished:
    return Finished(trial_id, attempt, result(trial_id, 3.25, 0.975, 2048).to_json())


def failed(number: int, reason: str = "[red]NaN[/red]") -> list[Event]:
    trial_id = f"t{number:04d}"
    return [*trial(number)[:2], Failed(trial_id, 1, "DivergedError", reason, final=True)]


def plain() -> tuple[PlainDisplay, io.StringIO]:
    stream = io.StringIO()
    return PlainDisplay(Console(file=stream, width=40)), stream


def test_a_line_for_the_task_model_and_for_each_end() -> None:
    display, stream = plain()
    sweep = FollowedSweep(display)
    sweep.apply_and_show(created(12), TaskModelReady("x", 0.9, 0.961, 4096), *trial(0), *failed(1))
    assert stream.getvalue().splitlines() == [
        "task model: 96.10 % on test, 4.0 KiB",
        "[ 1/12] t0000  label                               3.25 bit   97.5 %    2.0 KiB",
        "[ 2/12] t0001  label                            failed: [red]NaN[/red]",
    ]


def test_trials_that_had_ended_before_are_one_line() -> None:
    display, stream = plain()
    sweep = FollowedSweep(display, [created(9), *trial(0), *trial(1), *trial(2)[:2]])
    sweep.apply_and_show(Resumed("process 2"), Started("t0002", 2, "w"), _finished("t0002", 2))
    first, second = stream.getvalue().splitlines()
    assert first == "2 of 9 trials have ended before"
    assert second.startswith("[3/9] t0002")


def test_what_a_spent_budget_still_allows_is_said_once() -> None:
    def said(*before: Event, grace_minutes: float = 10.0) -> str:
        display, stream = plain()
        begun = Created("digits", spec(budget={"hours": 1.0, "grace_minutes": grace_minutes}), "0.1.0")
        sweep = FollowedSweep(display, [begun, *before])
        for _ in range(2):
            sweep.apply_and_show(BudgetSpent(1.0, 0.0))
        (line,) = (line for line in stream.getvalue().splitlines() if "budget" in line)
        return line

    ready = TaskModelReady("x", 0.9, 0.961, 4096)
    rest = "may end within 10:00; no further trial begins"
    assert said() == f"the budget is spent: the task model's training {rest}"
    assert said(ready, *trial(0)[:2]) == f"the budget is spent: trials that run {rest}"
    for ends in (said(ready), said(ready, *trial(0)[:2], grace_minutes=0.0), said(grace_minutes=0.0)):
        assert ends == "the budget is spent: the sweep ends"


def test_a_reopened_trial_alone_is_printed_again() -> None:
    display, stream = plain()
    sweep = FollowedSweep(display)
    sweep.apply_and_show(
        created(3), *failed(0), *trial(1), *failed(2), Resumed(""), Reopened("t0000"), Reopened("t0002")
    )
    sweep.apply_and_show(*(Started(trial_id, 2, "w") for trial_id in ("t0002", "t0000")))
    sweep.apply_and_show(_finished("t0002", 2), _finished("t0000", 2))
    places = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert places == ["[1/3] t0000", "[2/3] t0001", "[3/3] t0002", "[2/3] t0002", "[3/3] t0000"]


def test_several_ends_at_once_are_printed_in_their_order() -> None:
    display, stream = plain()
    sweep = FollowedSweep(display)
    sweep.apply_and_show(created(4))
    for event in [*trial(0), *trial(1), *trial(2)]:
        sweep._apply(event)
    display.update(sweep.history)
    places = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert places == ["[1/4] t0000", "[2/4] t0001", "[3/4] t0002"]


def test_an_extended_sweep_counts_up_to_its_new_number() -> None:
    display, stream = plain()
    sweep = FollowedSweep(display)
    sweep.apply_and_show(created(1), *trial(0), Extended(20), *trial(1))
    assert stream.getvalue().splitlines()[1].startswith("[ 2/20] t0001")


def test_an_event_costs_the_same_after_many_ended_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    display, _ = plain()
    sweep = FollowedSweep(
        display, [created(3000), *(event for number in range(2000) for event in trial(number))]
    )
    sweep.apply_and_show(Resumed(""))
    looked_at = 0

    class Counted(dict):
        def __getitem__(self, key):
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(key)

    monkeypatch.setattr(sweep.history, "trials", Counted(sweep.history.trials))
    sweep.apply_and_show(*trial(2000))
    assert 0 < looked_at < 20


class Screen(io.StringIO):
    """A terminal of 110 columns, 40 rows; what it was sent, and how it looks by now."""

    def __init__(self, height: int = 40) -> None:
        super().__init__()
        self.console = Console(file=self, force_terminal=True, width=110, height=height, color_system=None)

    def rows(self) -> list[str]:
        return rows_of(self.getvalue())

    def wait_for(self, text: str) -> list[str]:
        deadline = time.monotonic() + 20
        while not any(text in row for row in self.rows()):
            assert time.monotonic() < deadline, self.rows()
            time.sleep(0.02)
        return self.rows()


def test_ended_trials_stay_above_a_block_of_running_ones() -> None:
    screen = Screen()
    display = display_for(screen.console)
    assert isinstance(display, LiveDisplay)
    with display:
        sweep = FollowedSweep(display)
        sweep.apply_and_show(created(20), TaskModelReady("x", 0.9, 0.961, 4096))
        sweep.apply_and_show(*(event for number in range(12) for event in trial(number)), *failed(12))
        reported = {"loss": 0.25, "system/process_memory_usage_megabytes": 412}
        sweep.apply_and_show(*trial(13)[:2], Reported("t0013", 1, 7, reported), Extended(30))
        rows = screen.wait_for("t0013 label epoch 7 loss 0.25")
        assert [row.split()[:2] for row in rows[:9]] == [["[", f"{n + 1}/30]"] for n in range(9)]
        assert rows[12] == "[13/30] t0012 label failed: [red]NaN[/red]"
        assert rows[13] == "task model: 96.10 % on test, 4.0 KiB"
        assert "13/30 12 finished, 1 failed, 1 running" in rows[15]
        assert len(rows) == 16
        sweep.apply_and_show(_finished("t0013"))
    assert screen.rows()[13].startswith("[14/30] t0013 label 3.25 bit")
    assert "14/30 13 finished, 1 failed" in screen.rows()[15]
    assert screen.getvalue().count("t0003") == 1, "what has ended is said once"


def test_trials_that_had_ended_before_are_one_line_on_a_terminal() -> None:
    screen = Screen()
    with LiveDisplay(TerminalSurface(screen.console)) as display:
        sweep = FollowedSweep(display, [created(9), *trial(0), *trial(1), *trial(2)[:2]])
        sweep.apply_and_show(Resumed("process 2"), Started("t0002", 2, "w"), _finished("t0002", 2))
    assert screen.rows()[0] == "2 of 9 trials have ended before"
    assert screen.rows()[1].startswith("[3/9] t0002")


def test_after_an_interrupt_the_block_shows_no_running_trials() -> None:
    screen = Screen()
    with suppress(KeyboardInterrupt), LiveDisplay(TerminalSurface(screen.console)) as display:
        sweep = FollowedSweep(display)
        sweep.apply_and_show(created(20), TaskModelReady("x", 0.9, 0.961, 4096), *trial(0), *trial(1)[:2])
        display.ending()
        screen.wait_for("ending the sweep; it can be resumed")
        raise KeyboardInterrupt
    rows = screen.rows()
    assert rows[0].startswith("[ 1/20] t0000 label")
    assert rows[1] == "task model: 96.10 % on test, 4.0 KiB"
    assert "1/20 1 finished 0:0" in rows[2]
    assert not any(rows[3:]), "nothing is left of what was below"
    assert screen.getvalue().endswith("\x1b[?25h"), "and can be seen"


def test_a_low_terminal_shows_as_many_running_trials_as_fit() -> None:
    screen = Screen(height=10)
    with LiveDisplay(TerminalSurface(screen.console)) as display:
        sweep = FollowedSweep(display, [created(50)])
        sweep.apply_and_show(*(event for number in range(30) for event in trial(number)[:2]))
        rows = screen.wait_for("… and 24 more")
    assert "0/50 30 running" in rows[-1], "the bar is still seen"


def test_the_clock_is_that_of_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the weeks in which nobody drove the sweep."""
    screen, history = Screen(), SweepHistory()
    events = [created(9), *trial(0)[:2]]
    times = [1000.0, 1010.0, 1030.0]
    for seq, (moment, event) in enumerate(zip(times, events, strict=True)):
        history.apply(Entry(seq, moment, event))
    history.apply(Entry(3, 900_000.0, Resumed("process 2")))
    monkeypatch.setattr("ratefront.terminal.progress_display.time.time", lambda: 900_012.0)
    with LiveDisplay(TerminalSurface(screen.console)) as display:
        display.update(history)
        screen.wait_for("0/9 nothing yet 0:42")


def training(epochs_done: int = 0, **changes: Any) -> TaskModelProgress:
    return TaskModelProgress(
        **({"epochs": 30, "epochs_done": epochs_done, "seconds": 4.0 * epochs_done} | changes)
    )


def test_the_training_of_the_task_model_is_shown() -> None:
    screen = Screen()
    with LiveDisplay(TerminalSurface(screen.console)) as display:
        FollowedSweep(display).apply_and_show(created(20))
        screen.wait_for("preparing the task model")
        display.train(training(2, share=0.5, seconds=10.0, loss=0.4123, accuracy=0.8815))
        screen.wait_for("task model: epoch 3 of 30 (50%), loss 0.412, 88.1 % on validation, about 1:50 to go")
        display.train(training(waits=True))
        screen.wait_for("task model: waiting for another process, which trains the same one")


def test_plain_lines_show_some_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("ratefront.terminal.progress_display.time.monotonic", lambda: now)
    display, stream = plain()
    for epochs_done in range(12):
        for share in (0.0, 0.5):
            display.train(training(epochs_done, share=share, loss=0.5, accuracy=0.9))
            now += 2.0
    epochs = [line.partition(" of ")[0] for line in stream.getvalue().splitlines()]
    assert epochs == [f"task model: epoch {epoch}" for epoch in (1, 4, 7, 10)]


class Torn(io.StringIO):
    """A terminal that cannot be written."""

    def write(self, text: str) -> int:
        raise ValueError("torn")


def test_an_error_of_the_display_does_not_end_the_sweep(caplog: pytest.LogCaptureFixture) -> None:
    screen = Screen()
    with LiveDisplay(TerminalSurface(screen.console)) as display:
        FollowedSweep(display).apply_and_show(created(20))
        screen.wait_for("0/20")
        screen.console.file = Torn()
        deadline = time.monotonic() + 20
        while "the progress is not shown any more: torn" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        screen.console.file = screen


def test_without_a_terminal_lines_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(display_for(Console(file=io.StringIO())), PlainDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display_for(Console(file=io.StringIO(), force_terminal=True)), PlainDisplay)


def test_unmet_constraints_are_a_line_once() -> None:
    output = io.StringIO()
    sweep = FollowedSweep(PlainDisplay(Console(file=output, width=200)))
    asked = Created("digits", spec(trials=30, constraints=["accuracy >= 0.999"]), "0.1.0")
    sweep.apply_and_show(asked, *(event for number in range(22) for event in trial(number)))
    told = [line for line in output.getvalue().splitlines() if "meets accuracy >= 0.999" in line]
    assert len(told) == 1
    assert told[0].startswith("None of the 20 trials so far")
    assert told[0].endswith("The sweep goes on.")
