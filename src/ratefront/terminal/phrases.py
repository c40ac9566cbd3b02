"""Phrases for trials and sweeps on a terminal: sizes, durations, states, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ratefront.history.budget import recorded_budget
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.task_model_progress import TaskModelProgress
from ratefront.trial_records import ENDED, Scalar, Status, series_of

#: Words a number.
Shown: TypeAlias = Callable[[float], str]

_STYLES: Mapping[Status, str] = {
    "finished": "green",
    "collapsed": "yellow",
    "pruned": "cyan",
    "stopped": "cyan",
    "failed": "red",
    "running": "bold",
}


def size(bytes_: float) -> str:
    """Return a size with a binary unit, as ``24.2 KiB``."""
    for unit, power in (("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if bytes_ >= 1024**power:
            return f"{bytes_ / 1024**power:.1f} {unit}"
    return f"{bytes_:.0f} B"


def duration(seconds: float) -> str:
    """Return a duration as ``0:42``, ``12:05``, ``3:10:00`` or ``4 d 3:10:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours}:{minutes:02d}:{rest:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def series_and_split(values: Mapping[str, Scalar]) -> str:
    """Return series and split point of a trial with these parameters, as ``split (factorized) at conv2``."""
    split = values.get("split")
    return series_of(values) + (f" at {split}" if split else "")


def operating_point(rate_bits: float, accuracy: float, transmitter_bytes: int) -> str:
    """Return rate in bit/sample, accuracy and transmitter size, in columns."""
    return f"{rate_bits:7.2f} bit  {100 * accuracy:5.1f} %  {size(transmitter_bytes):>9}"


def epoch_progress(step: int, metrics: Mapping[str, float]) -> str:
    """Return ``epoch 7  loss 0.31``. Step 0 is before the first report."""
    return "  ".join(
        [f"epoch {step}" if step else "starting", *(f"{name} {value:.3g}" for name, value in metrics.items())]
    )


def training_progress(progress: TaskModelProgress) -> str:
    """Return how far the task model's training is.

    As ``epoch 3 of 30, loss 0.412, 88.2 % on validation, about 1:20 to go``.
    """
    if progress.waits:
        return "waiting for another process, which trains the same one"
    done, share = progress.epochs_done, progress.share
    epoch = done + 1 if share or not done else done
    parts = [f"epoch {epoch} of {progress.epochs}" + (f" ({share:.0%})" if share else "")]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3g}")
    if progress.accuracy is not None:
        parts.append(f"{100 * progress.accuracy:.1f} % on validation")
    if progress.remaining_s:
        parts.append(f"about {duration(progress.remaining_s)} to go")
    return ", ".join(parts)


def trial_outcome(trial: TrialHistory) -> str:
    """Return the result of a trial on the test split, why it has none, or how far it is."""
    if trial.result is not None:
        test = trial.result.test
        values = operating_point(test.rate_bits, test.accuracy, trial.result.transmitter_bytes)
        return values if trial.status == "finished" else f"{values}  {trial.status}"
    if trial.ended:
        return f"{trial.status}: {trial.reason}"
    if trial.step:
        return epoch_progress(trial.step, trial.reports[-1].metrics)
    return f"again, after: {trial.reason}" if trial.reason else epoch_progress(0, {})


def status_style(trial: TrialHistory) -> str:
    """Return the Rich style of a trial's status."""
    return _STYLES.get(trial.status, "")


def nonzero_counts(counted: Iterable[tuple[int, str]]) -> str:
    """Return the counts that are not zero, as ``30 finished, 2 collapsed``."""
    return ", ".join(f"{number} {status}" for number, status in counted if number) or "nothing yet"


def status_counts(history: SweepHistory, *, with_running: bool) -> str:
    """Return the counts of a sweep by status, as ``30 finished, 2 collapsed, 1 failed, 2 running``."""
    statuses: tuple[Status, ...] = (*ENDED, "running") if with_running else (*ENDED,)
    return nonzero_counts((history.counts[status], status) for status in statuses)


def grace(history: SweepHistory) -> str:
    """Return what happens now that the budget is spent."""
    minutes = recorded_budget(history.spec).grace_minutes
    is_training = history.task_model is None
    if not minutes or not (is_training or history.counts["running"]):
        return "the budget is spent: the sweep ends"
    what = "the task model's training" if is_training else "trials that run"
    return f"the budget is spent: {what} may end within {duration(60 * minutes)}; no further trial begins"
