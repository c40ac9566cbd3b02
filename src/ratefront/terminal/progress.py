"""A running sweep on the terminal: a live table with a bar, or plain lines where there is no terminal."""

from __future__ import annotations

from itertools import takewhile
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ratefront.history import SweepHistory, TrialHistory
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


def display_for(console: Console) -> Display:
    """The display that fits where the output goes."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


class PlainDisplay:
    """One line when the task model is ready, and one for every trial that ends.

    Of those that had ended before, as where a sweep is resumed, one line tells the number.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[tuple[str, float]] = set()  # with the time of its end: a reopened trial ends twice
        self._has_begun = self._told_task_model = False

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
        untold = self._untold(history)
        self._told.update(map(_end_of, untold))
        if self._has_begun:
            for place, trial in enumerate(untold, history.trials_ended - len(untold) + 1):
                self._say(_ended_line(place, trial, history.trials_requested))
        elif untold:
            self._say(f"{len(untold)} of {history.trials_requested} trials have ended before")
        self._has_begun = True

    def _untold(self, history: SweepHistory) -> list[TrialHistory]:
        """What ended since the last time: behind all that was told, as the order is that of the ends."""
        backwards = (history.trials[trial_id] for trial_id in reversed(history.ended_order))
        return list(takewhile(lambda trial: _end_of(trial) not in self._told, backwards))[::-1]

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _end_of(trial: TrialHistory) -> tuple[str, float]:
    return trial.params.trial_id, trial.ended_time or 0.0


def _ended_line(place: int, trial: TrialHistory, requested: int) -> str:
    counted = f"[{place:>{len(str(requested))}}/{requested}]"
    return f"{counted} {trial.params.trial_id}  {words.where(trial):<32} {words.outcome(trial)}"


class LiveDisplay:
    """A table of what runs and what ended last, above a bar; drawn at most a few times a second."""

    def __init__(self, console: Console) -> None:
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
        return Group(Text(heading, style="dim"), _table(history), _bar(history))


def _task_model_line(history: SweepHistory) -> str:
    ready = history.task_model
    if ready is None:
        return ""
    given = "" if ready.accuracy_given is None else f" ({100 * ready.accuracy_given:.2f} % before rounding)"
    return f"task model: {100 * ready.accuracy:.2f} % on test{given}, {words.size(ready.task_model_bytes)}"


def _table(history: SweepHistory) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    ended = [history.trials[trial_id] for trial_id in history.ended_order[-_SHOWN_ENDED:]]
    for trial in [*ended, *history.with_status("running")]:
        table.add_row(*_row(trial), style=words.style(trial))
    return table


def _row(trial: TrialHistory) -> tuple[str, Text, Text]:
    return trial.params.trial_id, Text(words.where(trial)), Text(words.outcome(trial))


def _bar(history: SweepHistory) -> Table:
    done, requested = history.trials_ended, history.trials_requested
    line = Table.grid(padding=(0, 1))
    elapsed = words.duration(max(0.0, history.last_time - history.created_time))
    line.add_row(
        ProgressBar(total=max(1, requested), completed=done, width=30),
        f"{done}/{requested}",
        words.counts(history),
        elapsed,
    )
    return line
