"""Builds an Optuna study from a sweep, for browsing and for Optuna's own plots. No search reads it.

The state of a trial in the study:

=========  ===========================================================================================================
planned    WAITING
running    RUNNING, also if its driver is gone and the sweep has not been resumed
finished   COMPLETE with its objectives on validation
collapsed  PRUNED and infeasible, with its objectives on validation: a COMPLETE one at 0 bit would count as best
pruned     PRUNED: the search stopped it
stopped    PRUNED: a person stopped it
failed     FAIL
=========  ===========================================================================================================

The attribute ``status`` has ratefront's status. Parameters have the search's names: their path in the space.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ratefront.catalogue.datasets import dataset_name
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.optuna_space import directions_of, to_optuna
from ratefront.spec.check_spec import LoadedSpec
from ratefront.spec.load_spec import load_spec_without_data
from ratefront.spec.space.dimensions import Space
from ratefront.tracking.run_keys import final_metrics
from ratefront.trial_records import Objectives, Scalar, Status

_STATES: Mapping[Status, TrialState] = {
    "planned": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "collapsed": TrialState.PRUNED,
    "pruned": TrialState.PRUNED,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}

#: The metric that shows an objective while a trial runs.
CURVES: Mapping[str, str] = {"rate_bits": "rate_bits_estimated", "accuracy": "accuracy"}


def study_of(history: SweepHistory, source: str = "the ledger's spec") -> Study:
    """Return the sweep as a study in memory, under the sweep's name. ``source`` names it in errors.

    Trials have the sweep's own numbers, distributions and times. User attributes hold what was measured on test
    (bit/sample, fractions), the costs (bytes, MACs, ms, s), and why a trial ended. With one objective, the reports of
    running trials are intermediate values; Optuna has none for several objectives.

    Raises:
        SpecError: The sweep's spec does not fit what is installed here.
    """
    loaded = load_spec_without_data(history.spec, name=source)
    return study_in(storage_of(history, loaded))


def study_in(storage: BaseStorage) -> Study:
    """Return the only study of a storage."""
    return optuna.load_study(study_name=None, storage=storage)


def storage_of(history: SweepHistory, loaded: LoadedSpec) -> BaseStorage:
    """Return a storage in memory with the study of the sweep. ``loaded`` is the sweep's spec."""
    objectives, storage = loaded.spec.directions, InMemoryStorage()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=storage, study_name=loaded.spec.name, directions=directions_of(objectives)
    )
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(list(objectives))
    for name, value in _about(history, loaded).items():
        study.set_user_attr(name, value)
    study.add_trials(_frozen(trial, loaded.space, objectives) for trial in history.trials.values())
    return storage


def _about(history: SweepHistory, loaded: LoadedSpec) -> dict[str, Any]:
    spec, model = loaded.spec, history.task_model
    return {
        "dataset": dataset_name(spec.dataset.model_dump()),
        "task_model": spec.task_model.name,
        "sampler": spec.sampler.name,
        "trials_requested": history.trials_requested,
        **({} if model is None else {"task_model_accuracy": model.accuracy}),
    }


def _frozen(trial: TrialHistory, space: Space, objectives: Objectives) -> FrozenTrial:
    params, distributions = to_optuna(space, trial.params.values)
    curve = _curve(trial, objectives)
    return FrozenTrial(
        number=trial.number,
        trial_id=trial.number,
        state=_STATES[trial.status],
        value=None,
        values=_values(trial, objectives, curve),
        datetime_start=None if trial.status == "planned" else _datetime(_start_time(trial)),
        datetime_complete=_datetime(trial.ended_time) if trial.ended else None,
        params=params,
        distributions=distributions,
        user_attrs=_attributes(trial),
        system_attrs=_system_attributes(trial, params),
        intermediate_values=curve,
    )


def _start_time(trial: TrialHistory) -> float:
    """Return when the last attempt began, or when the trial was planned (seconds since the epoch)."""
    return trial.planned_time if trial.started_time is None else trial.started_time


def _datetime(seconds: float | None) -> datetime | None:
    """Convert to local time without a zone, as Optuna's own times are."""
    return None if seconds is None else datetime.fromtimestamp(seconds)


def _values(
    trial: TrialHistory, objectives: Objectives, curve: Mapping[int, float]
) -> Sequence[float] | None:
    if trial.result is not None:
        return [trial.result.objective(name) for name in objectives]
    if trial.status in ("pruned", "stopped") and curve:
        return [curve[max(curve)]]  # as Optuna does
    return None


def _curve(trial: TrialHistory, objectives: Objectives) -> dict[int, float]:
    first, *others = objectives
    if others or first not in CURVES:
        return {}
    metric = CURVES[first]
    return {step: metrics[metric] for step, metrics in trial.reports if metric in metrics}


def _system_attributes(trial: TrialHistory, params: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return what the dashboard reads under Optuna's own keys."""
    if trial.status == "planned":
        return {"fixed_params": dict(params)}  # the parameters of a waiting trial
    if trial.status == "collapsed":
        return {"constraints": [1.0]}  # Optuna's older form: the dashboard does not read the newer one
    return {}


def _attributes(trial: TrialHistory) -> dict[str, Any]:
    shown: dict[str, Any] = {"trial_id": trial.params.trial_id, "status": trial.status}
    if trial.reason:
        shown["status_reason"] = trial.reason
    if trial.result is not None:
        measured = final_metrics(trial.result, objectives=())  # the objectives are the trial's values
        shown |= {name: value for name, value in measured.items() if value is not None}
    if trial.reports:
        step, metrics = trial.reports[-1]
        shown |= {"epochs": step, **{f"epoch/{name}": value for name, value in metrics.items()}}
    return shown | {"family": trial.params.family, "seed": trial.params.seed, "attempts": trial.attempts}
