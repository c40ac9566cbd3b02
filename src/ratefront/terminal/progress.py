"""A running sweep on the terminal: a live table with a bar, or plain lines where there is no terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import ENDED
from ratefront.terminal import words

_SHOWN_ENDED = 10
_REDRAWS_A_SECOND = 4


class Display(Protocol):
    """Shows a sweep's history whenever it has changed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def update(self, history: SweepHistory) -> None: ...


def display_for(console: Console, trials: int) -> Display:
    """The display that fits where the output goes."""
    return LiveDisplay(console, trials) if console.is_terminal else PlainDisplay(console, trials)


class PlainDisplay:
    """One line when the task model is ready, and one for every trial that ends."""

    def __init__(self, console: Console, trials: int) -> None:
        self._console, self._trials = console, trials
        self._told: set[str] = set()
        self._told_task_model = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, history: SweepHistory) -> None:
        if history.task_model is not None and not self._told_task_model:
            self._told_task_model = True
            self._say(_task_model_line(history))
        for trial in history.with_status(*ENDED):
            if trial.params.trial_id not in self._told:
                self._told.add(trial.params.trial_id)
                place = f"[{len(self._told):>{len(str(self._trials))}}/{self._trials}]"
                self._say(f"{place} {trial.params.trial_id}  {words.where(trial):<32} {words.outcome(trial)}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveDisplay:
    """A table of what runs and what ended last, above a bar; drawn at most a few times a second."""

    def __init__(self, console: Console, trials: int) -> None:
        self._trials = trials
        self._history = SweepHistory()
        self._live = Live(
            console=console, refresh_per_second=_REDRAWS_A_SECOND, get_renderable=self._drawn, transient=False
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def update(self, history: SweepHistory) -> None:
        self._history = history

    def _drawn(self) -> RenderableType:
        history = self._history
        heading = _task_model_line(history) if history.task_model else "preparing the task model"
        return Group(Text(heading, style="dim"), _table(history), _bar(history, self._trials))


def _task_model_line(history: SweepHistory) -> str:
    ready = history.task_model
    if ready is None:
        return ""
    return f"task model: {100 * ready.accuracy:.1f} % on test, {words.size(ready.task_model_bytes)}"


def _table(history: SweepHistory) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    ended = sorted(history.with_status(*ENDED), key=lambda trial: trial.ended_time or 0)
    for trial in [*ended[-_SHOWN_ENDED:], *history.with_status("running")]:
        table.add_row(*_row(trial), style=words.style(trial))
    return table


def _row(trial: TrialHistory) -> tuple[str, Text, Text]:
    return trial.params.trial_id, Text(words.where(trial)), Text(words.outcome(trial))


def _bar(history: SweepHistory, trials: int) -> Table:
    done = len(history.with_status(*ENDED))
    line = Table.grid(padding=(0, 1))
    elapsed = words.duration(max(0.0, history.last_time - history.created_time))
    line.add_row(
        ProgressBar(total=trials, completed=done, width=30),
        f"{done}/{trials}",
        words.counts(history),
        elapsed,
    )
    return line
