"""What fresh seeds of a trial's configuration measured: how lucky the trial itself was.

A codec is on the front because its seed was a good one. A mean over seeds that holds this one flatters its
configuration. So the mean beside a trial leaves out the trial itself, and the configuration's first trial: that one was
chosen to be repeated because of what it had measured. Where every configuration has the same number of seeds, nothing
was chosen, and the first trial counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from ratefront.columns import FreshSeeds, Spread
from ratefront.history.repeat_counts import recorded_repeats
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.trial_records import Configuration


def fresh_seeds_of(history: SweepHistory) -> Mapping[str, FreshSeeds]:
    """The fresh seeds of each trial that has a result, by its identity; those without any are left out."""
    alike: dict[Configuration, list[TrialHistory]] = {}
    for trial in list(history.trials.values()):  # in the order of planning
        alike.setdefault(trial.params.configuration, []).append(trial)
    is_selected = recorded_repeats(history.spec).seeds == 1
    found: dict[str, FreshSeeds] = {}
    for first, *others in alike.values():
        fresh = others if is_selected else [first, *others]
        for trial in (first, *others) if others else ():
            if trial.result is not None:
                _add(found, trial, [each for each in fresh if each is not trial])
    return found


def _add(found: dict[str, FreshSeeds], trial: TrialHistory, fresh: list[TrialHistory]) -> None:
    tests = [each.result.test for each in fresh if each.result is not None]
    if tests:
        found[trial.params.trial_id] = FreshSeeds(
            len(tests),
            Spread.of([test.rate_bits for test in tests]),
            Spread.of([test.accuracy for test in tests]),
        )
