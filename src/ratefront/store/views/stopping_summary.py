"""What early stopping has saved, and what it may have cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ratefront.catalogue.number_limits import MOST_EPOCHS
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.views.front_trials import front_of
from ratefront.trial_records import last_epoch


@dataclass(frozen=True)
class StoppingSummary:
    """What early stopping has saved so far, and its regret.

    A random share of the trials is never stopped. Those of them that would have been are as good as the stopped trials
    would have become: how many reach the front says how many stopped ones would have (the regret).

    Attributes:
        trials_stopped: Trials that the search stopped.
        epochs_saved: Epochs that these did not train.
        seconds_saved: How long these epochs would have taken at the trials' own pace; trials that were tried more than
            once are left out.
        trials_spared: Trials that would have been stopped, went on at random, and have been measured.
        spared_on_front: How many of these are on the front now.
    """

    trials_stopped: int
    epochs_saved: int
    seconds_saved: float
    trials_spared: int
    spared_on_front: int

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """Sentences for people; empty where the search has stopped nothing, and would have stopped nothing."""
        if not self.trials_stopped and not self.trials_spared:
            return ""
        spared = (
            f"Of {_trials(self.trials_spared)} that it would have stopped but for the random share that always goes "
            f"on, {self.spared_on_front} reached the front."
            if self.trials_spared
            else "What that cost is not known yet: none of the random share that always goes on was to be stopped."
        )
        return (
            f"The search stopped {_trials(self.trials_stopped)} early and saved {self.epochs_saved} epochs, about "
            f"{self.seconds_saved / 60:.3g} minutes. {spared}"
        )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def stopping_summary(history: SweepHistory) -> StoppingSummary:
    """What early stopping has saved in a sweep, running or ended, and how many spared trials are on its front."""
    stopped = history.with_status("pruned")
    spared = [trial for trial in history.with_status("finished", "collapsed") if trial.spared_at]
    on_front = {trial.params.trial_id for trial in front_of(history)} if spared else set()
    recorded = (history.spec.get("training") or {}).get("epochs")
    epochs = recorded if isinstance(recorded, int) else 0
    return StoppingSummary(
        trials_stopped=len(stopped),
        epochs_saved=sum(_epochs_saved(trial, epochs) for trial in stopped),
        seconds_saved=sum(_seconds_saved(trial, epochs) for trial in stopped),
        trials_spared=len(spared),
        spared_on_front=sum(trial.params.trial_id in on_front for trial in spared),
    )


def _epochs_saved(trial: TrialHistory, epochs: int) -> int:
    last = min(MOST_EPOCHS, last_epoch(trial.params.values, epochs))
    return last - trial.rung if 1 <= trial.rung <= last else 0


def _seconds_saved(trial: TrialHistory, epochs: int) -> float:
    if trial.attempts != 1 or trial.started_time is None or trial.ended_time is None:
        return 0.0
    saved = _epochs_saved(trial, epochs)
    return saved and saved * (trial.ended_time - trial.started_time) / trial.rung
