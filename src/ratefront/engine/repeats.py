"""Repeats: which configuration runs next with a fresh seed, on top of the trials that were requested.

The run that brought a configuration to the front was lucky with its seed: what the configuration gives on average shows
only with fresh ones. There are two ways, one a sweep (``repeats`` in the sweep file):

- Every configuration has the same number of seeds: a new one is repeated at once.
- When the requested trials have ended, or ``end_when`` of the sweep file lets no more of them begin, those on the front
  get fresh seeds, and so do their rivals: the trials that would be on the front if it was not there. Without the
  rivals, only winners could lose. The front is that of the requested trials: what repeats measure does not change which
  are repeated.

Each round gives one seed to every configuration that lacks one, the front first. Those come first whose place is the
least certain: the codecs of the front with the nearest rivals, and the rivals that are nearest to the front. So a
budget that ends early leaves no codec of the front with two fresh seeds where another has none.

A configuration whose result does not depend on the seed is never repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ratefront.engine.search.sampler_ranking import search_value
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.pareto import as_costs, ranks
from ratefront.spec.settings.repeat_settings import Repeats
from ratefront.spec.space.configurations import uses_seed
from ratefront.trial_records import Configuration, Objectives

#: The non-dominated ranks of the front and of its rivals.
FRONT, RIVAL = 1, 2


class RepeatChooser:
    """Chooses what is repeated. Call it for every change of a trial, in the order of the ledger."""

    def __init__(self, settings: Repeats, objectives: Objectives) -> None:
        self._settings, self._objectives = settings, objectives
        self._seeds: Counter[Configuration] = Counter()
        self._first: dict[Configuration, str] = {}
        self._newest: TrialHistory | None = None
        self._worth_repeating: list[Configuration] | None = None

    def planned(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned."""
        configuration = trial.params.configuration
        self._seeds[configuration] += 1
        self._first.setdefault(configuration, trial.params.trial_id)
        if not trial.repeat_of:
            self._newest = trial

    def changed(self, trial: TrialHistory) -> None:
        """Take in that a trial was planned, has ended, or was reopened."""
        if not trial.repeat_of:
            self._worth_repeating = None

    def next_repeat(
        self, history: SweepHistory, *, is_search_over: bool, only_begun: bool = False
    ) -> str | None:
        """The trial to repeat now: the first one of its configuration; None where no repeat is due now.

        Args:
            history: The sweep up to now.
            is_search_over: No requested trial runs or begins any more.
            only_begun: A configuration that no trial has begun is not repeated: its first trial may never begin.
        """
        if not self._settings.front:
            return self._next_of_newest(only_begun)
        has_room = history.repeats_planned < self._settings.most(history.trials_requested)
        if not is_search_over or not has_room:
            return None
        if self._worth_repeating is None:
            self._worth_repeating = worth_repeating(history.trials.values(), self._objectives)
        due = [each for each in self._worth_repeating if self._seeds[each] <= self._settings.front]
        return self._first[min(due, key=self._seeds.__getitem__)] if due else None

    def _next_of_newest(self, only_begun: bool) -> str | None:
        """The newest configuration, as long as it has too few seeds; those before it have all of theirs."""
        if self._newest is None or self._settings.seeds == 1:
            return None
        if only_begun and not self._newest.attempts:
            return None
        configuration = self._newest.params.configuration
        is_due = self._seeds[configuration] < self._settings.seeds and uses_seed(self._newest.params.values)
        return self._first[configuration] if is_due else None


def worth_repeating(trials: Iterable[TrialHistory], objectives: Objectives) -> list[Configuration]:
    """The configurations on the front of the requested trials, then their rivals, each from the least certain one on.

    Two trials lie as far apart as they do on the axis on which they differ most; each axis is measured as the search
    sees it, in parts of the range of front and rivals.
    """
    finished = {
        trial.params.trial_id: (trial, trial.result)
        for trial in trials
        if trial.status == "finished" and trial.result is not None and not trial.repeat_of
    }
    values = {key: [result.objective(name) for name in objectives] for key, (_, result) in finished.items()}
    rank_of = ranks(values, objectives)
    front, rivals = (
        [each for key, each in finished.items() if rank_of[key] == rank] for rank in (FRONT, RIVAL)
    )
    seen = [[search_value(name, result) for name in objectives] for _, result in (*front, *rivals)]
    costs = as_costs(seen, objectives)
    distances = _distances(costs[len(front) :], costs[: len(front)])
    in_order = [
        *(front[place][0] for place in _ascending(distances.min(axis=0, initial=np.inf))),
        *(rivals[place][0] for place in _ascending(distances.min(axis=1, initial=np.inf))),
    ]
    return list(
        dict.fromkeys(trial.params.configuration for trial in in_order if uses_seed(trial.params.values))
    )


def _distances(rivals: npt.NDArray[np.float64], front: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest difference on any axis between each rival (K, M) and each point of the front (N, M).

    Returns:
        Fractions of the axes' ranges, shape (K, N).
    """
    if not len(front) or not len(rivals):
        return np.empty((len(rivals), len(front)))
    widths = np.ptp(np.concatenate([front, rivals]), axis=0)
    apart = (rivals[:, None, :] - front[None, :, :]) / np.where(widths > 0, widths, 1.0)
    return np.asarray(np.abs(apart).max(axis=2), dtype=np.float64)


def _ascending(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.argsort(distances, kind="stable")
