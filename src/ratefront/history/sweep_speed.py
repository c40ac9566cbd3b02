"""How fast a sweep goes: its time at work, that of its GPUs, and trials per hour.

Time in which no driver ran does not count.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ratefront.history.events import (
    Entry,
    Extended,
    Failed,
    Finished,
    Pruned,
    Reconfigured,
    Reopened,
    Resumed,
    Stopped,
)

#: The speed is that of so many last trials: the first ones wait for workers, and later ones may take longer.
WINDOW = 50

#: Fewer trials than this say nothing about the speed.
FEWEST = 3

_OPENINGS = frozenset({Reconfigured, Resumed, Extended, Reopened})
_ENDS = frozenset({Finished, Pruned, Stopped, Failed})  # of a trial; a failure only where it is final


@dataclass
class SweepSpeed:
    """The sweep's time at work up to the last entry of the ledger that was applied, and its speed.

    Attributes:
        worked_s: The time at work, in seconds.
        gpu_s: The same, times the GPUs that attempts had meanwhile.
        gpus_in_use: The GPUs of the attempts that run now; a fraction where several share one.
    """

    worked_s: float = 0.0
    gpu_s: float = 0.0
    gpus_in_use: float = 0.0
    _gpus: dict[str, float] = field(default_factory=dict)  # of each trial that runs and has some
    _last_time: float | None = None
    # Up to trials that a person stopped, which can be where no driver runs.
    _stopping_s: float = 0.0
    _stopping_gpu_s: float = 0.0
    _ends_s: deque[float] = field(
        default_factory=lambda: deque(maxlen=WINDOW)
    )  # on the clock of ``worked_s``

    def apply(self, entry: Entry) -> None:
        """Take in the next entry of the ledger."""
        kind = type(entry.event)  # not isinstance: a long sweep has hundreds of thousands of entries
        if kind is Stopped:
            since_last_s = self._since_last_s(entry.time)
            self._stopping_s += since_last_s
            self._stopping_gpu_s += since_last_s * self.gpus_in_use
        elif kind in _OPENINGS:
            self._since_last_s(entry.time)
            self._stopping_s = self._stopping_gpu_s = 0.0
        else:
            self.pass_over(entry.time)
        if kind in _ENDS and getattr(entry.event, "final", True):
            self._ends_s.append(self.worked_s)

    def pass_over(self, time: float) -> None:
        """Take in that the driver recorded something at work, whatever it was."""
        since_last_s = self._since_last_s(time)
        self.worked_s += self._stopping_s + since_last_s
        self.gpu_s += self._stopping_gpu_s + since_last_s * self.gpus_in_use
        self._stopping_s = self._stopping_gpu_s = 0.0

    def attempt_has(self, trial_id: str, gpus: float) -> None:
        """Take in the GPUs of the trial's attempt from now on; 0 where none runs any more."""
        if gpus:
            self._gpus[trial_id] = gpus
        elif self._gpus.pop(trial_id, None) is None:
            return
        self.gpus_in_use = sum(self._gpus.values())  # anew: adding and subtracting shares leaves a rest

    def _since_last_s(self, time: float) -> float:
        """Return the seconds since the last entry, and take this one for the last. A clock may be set back."""
        since_last_s = 0.0 if self._last_time is None else max(0.0, time - self._last_time)
        self._last_time = time
        return since_last_s

    @property
    def worked_at_work_s(self) -> float:
        """``worked_s`` where a driver is at work: the time up to trials that a person stopped then counts at once."""
        return self.worked_s + self._stopping_s

    @property
    def gpu_at_work_s(self) -> float:
        """``gpu_s`` where a driver is at work (see ``worked_at_work_s``)."""
        return self.gpu_s + self._stopping_gpu_s

    def trials_per_hour(self, worked_s: float) -> float | None:
        """The speed when the sweep has been at work for ``worked_s`` seconds; None while too few trials have ended."""
        if len(self._ends_s) < FEWEST:
            return None
        span_s = worked_s - self._ends_s[0]
        return 3600.0 * (len(self._ends_s) - 1) / span_s if span_s > 0 else None
