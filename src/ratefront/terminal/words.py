"""How a trial and a sweep are put into words on a terminal."""

from __future__ import annotations

from ratefront.history import SweepHistory, TrialHistory
from ratefront.records import ENDED, series_of

_STYLES = {"finished": "green", "collapsed": "yellow", "pruned": "cyan", "failed": "red", "running": "bold"}


def size(bytes_: float) -> str:
    """A size as a person reads it: ``24.2 KiB``."""
    for unit, power in (("GiB", 3), ("MiB", 2), ("KiB", 1)):
        if bytes_ >= 1024**power:
            return f"{bytes_ / 1024**power:.1f} {unit}"
    return f"{bytes_:.0f} B"


def duration(seconds: float) -> str:
    """``0:42``, ``12:05``, ``3:10:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def where(trial: TrialHistory) -> str:
    """Series and split point: ``split (factorized) at conv2``."""
    split = trial.params.values.get("split")
    return series_of(trial.params.values) + (f" at {split}" if split else "")


def outcome(trial: TrialHistory) -> str:
    """What came of a trial, or how far it is. Values are the test split's, which the search does not see."""
    if trial.result is not None:
        test = trial.result.test
        values = f"{test.rate_bits:7.2f} bit  {100 * test.accuracy:5.1f} %  {size(trial.result.transmitter_bytes):>9}"
        return values if trial.status == "finished" else f"{values}  {trial.status}"
    if trial.reason:
        return f"{trial.status}: {trial.reason}" if trial.ended else f"again, after: {trial.reason}"
    if not trial.reports:
        return "starting"
    last = trial.reports[-1]
    return f"epoch {last.step}" + "".join(f"  {name} {value:.3g}" for name, value in last.metrics.items())


def style(trial: TrialHistory) -> str:
    """The colour of a trial's state."""
    return _STYLES.get(trial.status, "")


def counts(history: SweepHistory) -> str:
    """``30 finished, 2 collapsed, 1 failed, 2 running``."""
    stati = (*ENDED, "running")
    numbers = [(len(history.with_status(status)), status) for status in stati]
    return ", ".join(f"{number} {status}" for number, status in numbers if number) or "nothing yet"
