"""Shows a running sweep: a live table with a bar on a terminal or in a notebook, plain lines elsewhere."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.safe_text import visible_line
from ratefront.store.task_model_progress import TaskModelProgress
from ratefront.store.views.chosen_front import FIRST_TRIALS, none_meets
from ratefront.terminal import phrases
from ratefront.terminal.console import SafeConsole
from ratefront.terminal.terminal_or_notebook import (
    DisplaySurface,
    NotebookSurface,
    TerminalSurface,
    is_notebook,
)

_log = logging.getLogger(__name__)

_REDRAW_S = 0.25
_MOST_RUNNING = 20
#: Lines of the live block that show no trial.
_OTHER_LINES = 4

#: Without a terminal, lines about epochs of the task model are at least this far apart.
_EPOCHS_APART_S = 10.0

ENDING = "ending the sweep; it can be resumed (once more to end at once)"


#: The methods that ``open_display`` asks of a display.
_DISPLAY_METHODS = ("__enter__", "__exit__", "update", "train", "ending")


class Display(Protocol):
    """Shows the training of a sweep's task model, and then the sweep's history whenever it has changed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def update(self, history: SweepHistory) -> None:
        """Show the sweep, whose history has changed."""

    def train(self, progress: TaskModelProgress) -> None:
        """Show how far the training of the task model is."""

    def ending(self) -> None:
        """Show that the sweep was asked to end, which takes a moment.

        A signal handler calls this, so that it may interrupt any other method.
        """


def display_for(console: Console) -> Display:
    """Return the display that fits the console: in a notebook, on a terminal, or elsewhere."""
    if is_notebook():
        return LiveDisplay(NotebookSurface())
    can_move = console.is_terminal and not console.is_dumb_terminal
    return LiveDisplay(TerminalSurface(console)) if can_move else PlainDisplay(console)


@contextmanager
def open_display(progress: bool | Display) -> Iterator[Display | None]:
    """Give the display that is asked for while the block runs.

    Args:
        progress: True for the display that fits, False for none, or a display.

    Raises:
        InputError: ``progress`` is neither a boolean nor a display.
    """
    if progress is False:
        yield None
        return
    if progress is not True and not all(hasattr(progress, name) for name in _DISPLAY_METHODS):
        raise InputError(
            f"progress: pass True, False, or an object with {', '.join(_DISPLAY_METHODS)}, got {progress!r}"
        )
    with display_for(SafeConsole(stderr=True)) if progress is True else progress as display:
        yield display


class _EndedTrials:
    """Makes a line for every trial that ends.

    One line counts the trials that had ended before, as in a sweep that is resumed.
    """

    def __init__(self, history: SweepHistory) -> None:
        self.ended_before = len(history.ended_order)
        self._is_constraint_checked = False
        ended = (history.trials[trial_id] for trial_id in history.ended_order)
        # A reopened trial ends twice, so that the time of its end belongs to what is remembered.
        self._printed = set(map(_trial_and_end_time, ended))

    def new_lines(self, history: SweepHistory) -> list[Text]:
        """Return lines for the trials that have ended since the last call.

        ``ended_order`` is the order of the ends, so that they stand behind those that were printed.
        """
        not_printed: list[tuple[int, TrialHistory]] = []
        for place in range(len(history.ended_order), 0, -1):
            trial = history.trials[history.ended_order[place - 1]]
            if _trial_and_end_time(trial) in self._printed:
                break
            not_printed.insert(0, (place, trial))
        self._printed.update(_trial_and_end_time(trial) for _, trial in not_printed)
        lines = [
            Text(
                visible_line(_ended_line(place, trial, _most_trials(history))),
                style=phrases.status_style(trial),
            )
            for place, trial in not_printed
        ]
        return [*lines, *self._line_of_unmet_constraints(history)]

    def _line_of_unmet_constraints(self, history: SweepHistory) -> list[Text]:
        """Return a line if none of the first trials meets the sweep's constraints; once, when so many have ended."""
        measured = history.counts["finished"] + history.counts["collapsed"]
        if self._is_constraint_checked or measured < FIRST_TRIALS:
            return []
        self._is_constraint_checked = True
        sentence = none_meets(history)
        return [Text(visible_line(f"{sentence} The sweep goes on."), style="yellow")] if sentence else []

    def line_of_earlier_ends(self, history: SweepHistory) -> list[Text]:
        """Return a line with the number of trials that had ended before, or nothing if there are none."""
        line = f"{self.ended_before} of {_most_trials(history)} trials have ended before"
        return [Text(line)] if self.ended_before else []


class PlainDisplay(Display):
    """Prints a few lines while the task model is trained, one when it is ready, one for every trial that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended_trials: _EndedTrials | None = None
        self._printed_task_model = self._printed_grace = False
        self._training = TaskModelProgress()
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @override
    def update(self, history: SweepHistory) -> None:
        if history.task_model is not None and not self._printed_task_model:
            self._printed_task_model = True
            self._print(Text(_task_model_line(history)))
        if self._ended_trials is None:
            self._ended_trials = _EndedTrials(history)
            self._print(*self._ended_trials.line_of_earlier_ends(history))
        self._print(*self._ended_trials.new_lines(history))
        if history.budget_spent is not None and not self._printed_grace:
            self._printed_grace = True
            self._print(Text(phrases.grace(history)))

    @override
    def train(self, progress: TaskModelProgress) -> None:
        """Print whole epochs, at most one line in ``_EPOCHS_APART_S``."""
        is_new = (progress.epochs_done, progress.waits) > (self._training.epochs_done, self._training.waits)
        if is_new and not progress.share and time.monotonic() >= self._next_s:
            self._training, self._next_s = progress, time.monotonic() + _EPOCHS_APART_S
            self._print(Text(f"task model: {phrases.training_progress(progress)}"))

    @override
    def ending(self) -> None:
        with suppress(OSError):  # the terminal may have been closed
            os.write(2, f"{ENDING}\n".encode())

    def _print(self, *lines: Text) -> None:
        for line in lines:
            self._console.print(line, soft_wrap=True)


def _trial_and_end_time(trial: TrialHistory) -> tuple[str, float]:
    return trial.params.trial_id, trial.ended_time or 0.0


def _most_trials(history: SweepHistory) -> int:
    """Return how many trials there will be at most, once there are repeats; before that, those that are requested."""
    repeats = history.repeats
    return history.trials_requested + (repeats.most if repeats.planned else 0)


def _ended_line(place: int, trial: TrialHistory, trials: int) -> str:
    counted = f"[{place:>{len(str(trials))}}/{trials}]"
    series = phrases.series_and_split(trial.params.values)
    repeated = f"  (repeats {trial.repeat_of})" if trial.repeat_of else ""
    return f"{counted} {trial.params.trial_id}  {series:<32} {phrases.trial_outcome(trial)}{repeated}"


class LiveDisplay(Display):
    """Trials that end are lines that stay; below them a block shows the running trials and a bar.

    A thread draws a few times a second, so that drawing never delays the sweep.
    """

    def __init__(self, surface: DisplaySurface) -> None:
        self._surface = surface
        self._history, self._ended_trials = SweepHistory(), _EndedTrials(SweepHistory())
        self._has_history = self._is_asked_to_end = self._is_over = False
        self._training: TaskModelProgress | None = None
        self._stop_drawing = threading.Event()
        self._thread = threading.Thread(
            target=self._redraw_until_stopped, name="ratefront-display", daemon=True
        )

    def __enter__(self) -> Self:
        self._surface.start(self._block)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the block for the last time, without running trials."""
        try:
            self._stop_drawing.set()
            self._thread.join()
            self._is_over = True
            with suppress(OSError):  # the output may be closed
                self._draw()
        finally:  # restores the terminal, also if Ctrl-C is pressed meanwhile
            with suppress(OSError):
                self._surface.stop()

    @override
    def update(self, history: SweepHistory) -> None:
        if not self._has_history:
            self._ended_trials = _EndedTrials(history)
        self._history, self._has_history = history, True

    @override
    def train(self, progress: TaskModelProgress) -> None:
        self._training = progress

    @override
    def ending(self) -> None:
        self._is_asked_to_end = True

    def _redraw_until_stopped(self) -> None:
        """Redraw until the display is left. An error ends the display, not the sweep."""
        try:
            while not self._stop_drawing.wait(_REDRAW_S):
                self._draw()
        except OSError:
            pass
        except Exception as error:
            _log.warning("the progress is not shown any more: %s", error)

    def _draw(self) -> None:
        new_lines = self._ended_trials.new_lines(self._history)
        if self._has_history and self._ended_trials.ended_before:
            new_lines = [*self._ended_trials.line_of_earlier_ends(self._history), *new_lines]
            self._ended_trials.ended_before = 0
        if new_lines:
            self._surface.add_lines(new_lines)
        self._surface.draw()

    def _block(self) -> RenderableType:
        history = self._history
        lines: list[RenderableType] = [Text(self._heading(), style="dim", no_wrap=True, overflow="ellipsis")]
        if not self._is_over:
            others = _OTHER_LINES + (history.budget_spent is not None)
            lines.append(_running(history, min(_MOST_RUNNING, self._surface.height - others)))
        lines.append(_bar(history, self._is_over))
        if history.budget_spent is not None and not self._is_over:
            lines.append(Text(phrases.grace(history)))
        if self._is_asked_to_end and not self._is_over:
            lines.append(Text(ENDING))
        return Group(*lines)

    def _heading(self) -> str:
        if self._history.task_model:
            return _task_model_line(self._history)
        if self._training is None:
            return "preparing the task model"
        return f"task model: {phrases.training_progress(self._training)}"


def _task_model_line(history: SweepHistory) -> str:
    ready = history.task_model
    if ready is None:
        return ""
    given = "" if ready.accuracy_given is None else f" ({100 * ready.accuracy_given:.2f} % before rounding)"
    return f"task model: {100 * ready.accuracy:.2f} % on test{given}, {phrases.size(ready.task_model_bytes)}"


def _running(history: SweepHistory, most: int) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    running = history.with_status("running")
    for trial in running[: max(1, most)]:
        table.add_row(*_row(trial), style=phrases.status_style(trial))
    if len(running) > table.row_count:
        table.add_row(Text(f"… and {len(running) - table.row_count} more", style="dim"))
    return table


def _row(trial: TrialHistory) -> Iterator[Text]:
    cells = (
        trial.params.trial_id,
        phrases.series_and_split(trial.params.values),
        phrases.trial_outcome(trial),
    )
    return map(Text, map(visible_line, cells))


def _bar(history: SweepHistory, is_over: bool) -> Table:
    """Return the bar with counts and the time in which a driver was at work, the same as in ``status``."""
    done, requested = history.trials_ended, history.trials_requested
    repeats = history.repeats.describe(is_over=history.ended)
    line = Table.grid(padding=(0, 1))
    stands = is_over or history.ended or not history.spec
    elapsed = phrases.duration(history.speed.worked_s if stands else history.worked_s(time.time()))
    line.add_row(
        ProgressBar(total=max(1, requested), completed=done, width=30),
        f"{done}/{requested}{repeats}",
        phrases.status_counts(history, with_running=not is_over),
        elapsed,
    )
    return line
