"""Prints what ``ratefront status`` says: the state of a sweep, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ratefront.history.sweep_history import TrialHistory
from ratefront.safe_text import visible_line
from ratefront.store.views.sweep_status import FailedTrial, RunningTrial, SweepStatus
from ratefront.terminal import phrases
from ratefront.trial_records import ENDED

#: How many items of longer lists are shown; the JSON output holds all.
_SHOWN_RUNNING = 20
_SHOWN_FAILURES = 5

_STATES = {
    "starting": ("is starting", "bold"),
    "running": ("is running", "bold green"),
    "interrupted": ("was interrupted", "bold yellow"),
    "failed": ("failed", "bold red"),
    "ended": ("has ended", "bold"),
}


def print_status(status: SweepStatus, console: Console) -> None:
    """Print the status that ``store.views.sweep_status.status_of`` has found."""
    goals = (Text(visible_line(sentence)) for sentence in status.goals)
    for part in (
        _heading(status),
        _bar(status),
        _counts(status),
        *_stopping(status),
        _times(status),
        *goals,
        *_sections(status),
    ):
        console.print(part)


def _heading(status: SweepStatus) -> Text:
    phrase, style = _STATES[status.state]
    line = Text.assemble((visible_line(status.sweep or "the sweep"), "bold"), " ", (phrase, style))
    if status.ended_early:
        line.append(f": {visible_line(status.ended_early)}")
    if status.is_budget_spent and status.state != "ended":
        line.append(": its budget is spent, no further trial begins", "bold yellow")
    if status.driver:
        line.append(f", driven by {visible_line(status.driver)}")
    if status.reason:
        line.append(f": {visible_line(status.reason)}")
    return line


def _bar(status: SweepStatus) -> Table:
    requested, ended = status.trials_requested, status.trials_ended
    line = Table.grid(padding=(0, 1))
    repeats = status.repeats.describe(is_over=status.state == "ended")
    line.add_row(
        ProgressBar(total=max(1, requested), completed=ended, width=30),
        f"{ended}/{requested} trials{repeats}",
    )
    return line


def _counts(status: SweepStatus) -> Text:
    if status.task_model_accuracy is None:
        progress = status.task_model_progress
        if progress is None:
            return Text("the task model is not ready yet")
        return Text(f"task model: {phrases.training_progress(progress)}")
    return Text(
        phrases.nonzero_counts((getattr(status, name), name) for name in (*ENDED, "running", "planned"))
    )


def _stopping(status: SweepStatus) -> Iterator[Text]:
    if status.early_stopping.sentence:
        yield Text(status.early_stopping.sentence)


def _times(status: SweepStatus) -> Text:
    parts = [f"{phrases.duration(status.elapsed_s)}{_limit(status, 'hours')} at work"]
    if status.gpu_hours or status.budget.get("gpu_hours"):
        parts.append(f"{status.gpu_hours:.3g}{_limit(status, 'gpu_hours')} GPU-hours")
    if status.trials_per_hour is not None:
        speed = status.trials_per_hour
        parts.append(f"{speed:.{0 if speed >= 10 else 1}f} trials an hour")
    if status.remaining_s is not None:
        parts.append(f"about {phrases.duration(status.remaining_s)} to go")
    if status.last_event is not None:
        parts.append(f"last event {phrases.duration(status.last_event.age_s)} ago")
    return Text(", ".join(parts), style="dim")


def _limit(status: SweepStatus, key: str) -> str:
    """Return the budget of hours or GPU-hours as `` of 6 h``; empty where there is none."""
    limit = status.budget.get(key)
    if limit is None:
        return ""
    return f" of {phrases.duration(3600 * limit)}" if key == "hours" else f" of {limit:g}"


def _sections(status: SweepStatus) -> Iterator[RenderableType]:
    running, failures, front = status.running_trials, status.failures, status.front
    yield from _section("running", len(running), [_running_row(t, status) for t in running[:_SHOWN_RUNNING]])
    yield from _section("failed", len(failures), [_failure_row(t) for t in failures[-_SHOWN_FAILURES:]])
    met = f" ({front.meeting} of them meet the constraints: ✓)" if front.constraints else ""
    rows = [(*_front_row(trial), "✓" if front.meets(trial) else "") for trial in front.trials]
    yield from _section(f"on the front{met}, measured on test", front.size, rows)


def _section(title: str, size: int, rows: Iterable[tuple[str, ...]]) -> Iterator[RenderableType]:
    if not size:
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        table.add_row(*map(Text, map(visible_line, row)))
    left_out = f", {table.row_count} of them shown" if table.row_count < size else ""
    yield Text(f"\n{size} {title}{left_out}", style="dim")
    yield table


def _running_row(trial: RunningTrial, status: SweepStatus) -> tuple[str, ...]:
    last = status.last_event
    took = phrases.duration(last.time + last.age_s - trial.since) if last and trial.since is not None else ""
    attempt = f"  (attempt {trial.attempt})" if trial.attempt > 1 else ""
    silence = "" if trial.silent_s is None else f"  (no report for {phrases.duration(trial.silent_s)})"
    progress = phrases.epoch_progress(trial.step, trial.metrics)
    return trial.trial_id, phrases.series_and_split(trial.params), f"{took:>7}", progress + attempt + silence


def _failure_row(trial: FailedTrial) -> tuple[str, ...]:
    attempts = "1 attempt" if trial.attempts == 1 else f"{trial.attempts} attempts"
    return trial.trial_id, attempts, f"{trial.error}: {trial.reason}"


def _front_row(trial: TrialHistory) -> tuple[str, ...]:
    return trial.params.trial_id, phrases.series_and_split(trial.params.values), phrases.trial_outcome(trial)
