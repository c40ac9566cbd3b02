"""What a running sweep says where its output is no terminal, and where it is one."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from rich.console import Console
from tests.builders import label, result, spec

from ratefront.events import (
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
from ratefront.history import SweepHistory
from ratefront.terminal.progress import LiveDisplay, PlainDisplay, display_for


class Told:
    """A history that a display follows, event by event."""

    def __init__(self, display: PlainDisplay | LiveDisplay, before: Iterable[Event] = ()) -> None:
        self.history, self._display, self._seq = SweepHistory(), display, 0
        for event in before:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        self.history.apply(Entry(self._seq, 100.0 + self._seq, event))
        self._seq += 1

    def tell(self, *events: Event) -> None:
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
    return [*trial(number)[:2], Failed(trial_id, 1, "DivergedError", reason, True)]


def plain() -> tuple[PlainDisplay, io.StringIO]:
    stream = io.StringIO()
    return PlainDisplay(Console(file=stream, width=40)), stream


def test_a_line_for_the_task_model_and_for_each_end() -> None:
    display, stream = plain()
    told = Told(display)
    told.tell(created(12), TaskModelReady("x", 0.9, 0.961, 4096), *trial(0), *failed(1))
    assert stream.getvalue().splitlines() == [
        "task model: 96.10 % on test, 4.0 KiB",
        "[ 1/12] t0000  label                               3.25 bit   97.5 %    2.0 KiB",
        "[ 2/12] t0001  label                            failed: [red]NaN[/red]",
    ]


def test_what_had_ended_before_is_one_line() -> None:
    display, stream = plain()
    told = Told(display, [created(9), *trial(0), *trial(1), *trial(2)[:2]])
    told.tell(Resumed("process 2"), Started("t0002", 2, "w"), _finished("t0002", 2))
    first, second = stream.getvalue().splitlines()
    assert first == "2 of 9 trials have ended before"
    assert second.startswith("[3/9] t0002")


def test_a_reopened_trial_is_told_again_and_no_other() -> None:
    display, stream = plain()
    told = Told(display)
    told.tell(
        created(3), *failed(0), *trial(1), *failed(2), Resumed(""), Reopened("t0000"), Reopened("t0002")
    )
    told.tell(*(Started(trial_id, 2, "w") for trial_id in ("t0002", "t0000")))
    told.tell(_finished("t0002", 2), _finished("t0000", 2))
    places = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert places == ["[1/3] t0000", "[2/3] t0001", "[3/3] t0002", "[2/3] t0002", "[3/3] t0000"]


def test_several_ends_at_once_are_told_in_their_order() -> None:
    display, stream = plain()
    told = Told(display)
    told.tell(created(4))
    for event in [*trial(0), *trial(1), *trial(2)]:
        told._apply(event)
    display.update(told.history)
    places = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert places == ["[1/4] t0000", "[2/4] t0001", "[3/4] t0002"]


def test_an_extended_sweep_counts_up_to_its_new_number() -> None:
    display, stream = plain()
    told = Told(display)
    told.tell(created(1), *trial(0), Extended(20), *trial(1))
    assert stream.getvalue().splitlines()[1].startswith("[ 2/20] t0001")


def test_an_event_costs_the_same_however_many_trials_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    display, _ = plain()
    told = Told(display, [created(3000), *(event for number in range(2000) for event in trial(number))])
    told.tell(Resumed(""))
    looked_at = 0

    class Counted(dict):
        def __getitem__(self, key):
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(key)

    monkeypatch.setattr(told.history, "trials", Counted(told.history.trials))
    told.tell(*trial(2000))
    assert 0 < looked_at < 20


def test_the_live_display_shows_what_runs_the_last_ends_and_the_count() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=110, height=40, color_system=None)
    display = display_for(console)
    assert isinstance(display, LiveDisplay)
    with display:
        told = Told(display)
        told.tell(created(20), TaskModelReady("x", 0.9, 0.961, 4096))
        told.tell(*(event for number in range(12) for event in trial(number)))
        reported = {"loss": 0.25, "system/process_memory_usage_megabytes": 412}
        told.tell(*trial(12)[:2], Reported("t0012", 1, 7, reported), Extended(30))
    last = stream.getvalue().rpartition("task model: 96.1 %")[2]
    assert "t0012 label epoch 7 loss 0.25" in " ".join(last.split())
    assert "12/30" in last
    assert "system" not in last
    assert "t0001" not in last, "only the last ten"
    assert "t0002" in last


def test_the_live_display_before_anything_has_happened() -> None:
    stream = io.StringIO()
    with LiveDisplay(Console(file=stream, force_terminal=True, width=80, color_system=None)):
        pass
    assert "preparing the task model" in stream.getvalue()
    assert "0/0" in stream.getvalue()


def test_where_there_is_no_terminal_lines_are_plain() -> None:
    assert isinstance(display_for(Console(file=io.StringIO())), PlainDisplay)
