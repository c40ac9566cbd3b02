"""Optuna's Gaussian process sampler, branch by branch, where a branch has few trials."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.samplers import GPSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from typing_extensions import override

from ratefront.engine.search.sampler_study import BranchwiseTpe
from ratefront.optuna_space import Distributions

#: With more trials of a branch a suggestion takes seconds; TPE draws the parameters then.
MOST_TRIALS = 100


class BranchwiseGp(BranchwiseTpe):
    """Draws the parameters of a branch by a Gaussian process over the trials that took the branch.

    Optuna's sampler knows no conditional spaces: it gets a study that holds nothing but these trials and parameters.
    """

    def __init__(self, branches: Mapping[str, Distributions], startup_trials: int, seed: int) -> None:
        super().__init__(branches, startup_trials, seed)
        self._startup_trials, self._seed = startup_trials, seed

    @override
    def _draw(self, study: Study, trial: FrozenTrial, together: Distributions) -> dict[str, Any]:
        states = (TrialState.COMPLETE, TrialState.RUNNING)
        taken = [
            each
            for each in study.get_trials(deepcopy=False, states=states)
            if together.keys() <= each.params.keys()
        ]
        if not together or not self._startup_trials <= len(taken) <= MOST_TRIALS:
            return super()._draw(study, trial, together)
        inner = optuna.create_study(directions=study.directions)
        has_limits = any(each.constraints for each in taken)
        inner.add_trials([_of_branch(each, together, has_limits) for each in taken])
        asked = inner.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = GPSampler(seed=self._seed, n_startup_trials=self._startup_trials)
        return sampler.sample_relative(inner, inner.get_trials(deepcopy=False)[asked.number], together)


def _of_branch(trial: FrozenTrial, together: Distributions, has_limits: bool) -> FrozenTrial:
    """The trial with the branch's parameters alone, and with its largest violation, which all have or none."""
    beyond = max((trial.constraints or {}).values(), default=0.0)
    return create_trial(
        state=trial.state,
        params={name: trial.params[name] for name in together},
        distributions=together,
        values=trial.values,
        constraints={"beyond": beyond} if has_limits and trial.state is TrialState.COMPLETE else None,
    )
