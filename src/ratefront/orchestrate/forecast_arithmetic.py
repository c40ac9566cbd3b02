"""The arithmetic of a forecast: from the parts of calibration trials to hours, GPU-hours and bytes of a sweep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.forecast_file import (
    CalibrationFailure,
    CalibrationTrial,
    Forecast,
    ForecastRange,
)

#: Bytes of the ledger for each trial and for each of its epochs.
LEDGER_TRIAL_BYTES, LEDGER_EPOCH_BYTES = 2_500, 330

#: With ``keep: front``, this share of the trials is taken to be on the front.
FRONT_SHARE = 0.5

#: What a trial of each family costs: its cheapest calibration trial, their mean, its dearest one.
_OfFamilies = Mapping[str, ForecastRange]


def forecast_of(
    spec: SweepSpec,
    slots: Mapping[str, int],
    start_s: float,
    task_model_s: float,
    trials: Sequence[CalibrationTrial],
    failures: Sequence[CalibrationFailure] = (),
    trials_per_gpu: int | None = None,
) -> Forecast:
    """Return the forecast that follows from calibration trials.

    The first trials (all, where the sampler does not learn) are spread evenly over the families. Each of the others may
    be of any family: the interval reaches from sweeps that try the cheapest one from there on to those that try the
    dearest. A trial takes between the times of its family's cheapest and dearest calibration trial. At the upper end
    the start takes twice as long as measured, the last trial runs alone, and trials whose number on a GPU was measured
    take turns there. Repeats may be none, at the lower end, and are as many as allowed else.

    Args:
        spec: The sweep; where ``trials_per_gpu`` is given, its resources have that number instead of ``auto``.
        slots: How many trials of each family run at the same time.
        start_s: Seconds until the first worker is ready.
        task_model_s: Seconds for the task model.
        trials: At least one calibration trial of each family.
        failures: The configurations that could not be calibrated.
        trials_per_gpu: How many trials share a GPU by the memory of calibration trials.
    """
    seconds = _of_families(trials, lambda trial: trial.trial_s)
    if trials_per_gpu is not None:
        seconds = {
            family: _scaled(one, highest=_turns(spec, family, trials_per_gpu))
            for family, one in seconds.items()
        }
    gpus = {family: spec.resources.for_family(family).gpus for family in seconds}
    gpu_seconds = _total(spec, {family: _scaled(one, gpus[family]) for family, one in seconds.items()})
    hours = _elapsed(spec, slots, seconds)
    once_s = start_s + task_model_s
    return Forecast(
        sweep=spec.name,
        trials=spec.trials,
        repeats=spec.repeats.most(spec.trials),
        slots=max(slots.values()),
        start_s=start_s,
        task_model_s=task_model_s,
        hours=ForecastRange(
            (once_s + hours.low) / 3600,
            (once_s + hours.expected) / 3600,
            (once_s + start_s + hours.high) / 3600,
        ),
        gpu_hours=_scaled(gpu_seconds, 1 / 3600),
        disk_bytes=_disk_bytes(spec, trials),
        calibration=tuple(trials),
        failures=tuple(failures),
        slots_by_family=dict(slots),
        trials_per_gpu=trials_per_gpu,
    )


def _of_families(
    trials: Sequence[CalibrationTrial], value: Callable[[CalibrationTrial], float]
) -> dict[str, ForecastRange]:
    values: dict[str, list[float]] = {}
    for trial in trials:
        values.setdefault(trial.family, []).append(value(trial))
    return {family: ForecastRange(min(all_), fmean(all_), max(all_)) for family, all_ in values.items()}


def _scaled(one: ForecastRange, factor: float = 1.0, *, highest: float = 1.0) -> ForecastRange:
    return ForecastRange(one.low * factor, one.expected * factor, one.high * factor * highest)


def _turns(spec: SweepSpec, family: str, trials_per_gpu: int) -> int:
    """Return how many trials take turns on a GPU at worst; they were calibrated one at a time there."""
    own = spec.resources.families.get(family)
    return trials_per_gpu if own is None or own.gpus is None else 1


def _spread(spec: SweepSpec) -> int:
    """Return how many trials are spread evenly over the families."""
    return spec.trials if spec.sampler.name == "random" else min(spec.trials, spec.sampler.startup_trials)


def _total(spec: SweepSpec, costs: _OfFamilies) -> ForecastRange:
    """Return what all trials cost together, at most with all repeats."""
    spread = _spread(spec)
    rest = spec.trials - spread
    low, high = [one.low for one in costs.values()], [one.high for one in costs.values()]
    return ForecastRange(
        low=spread * fmean(low) + rest * min(low),
        expected=_most_trials(spec) * fmean(one.expected for one in costs.values()),
        high=spread * fmean(high) + (_most_trials(spec) - spread) * max(high),
    )


def _most_trials(spec: SweepSpec) -> int:
    return spec.trials + spec.repeats.most(spec.trials)


def _elapsed(spec: SweepSpec, slots: Mapping[str, int], seconds: _OfFamilies) -> ForecastRange:
    """Return the seconds in which all trials run.

    They take no less than their work spread over the slots, and no less than the rounds that trials need which do not
    fit all at once. However they are ordered, they take no longer than their work with full slots and a last trial.
    """
    work = _total(spec, {family: _scaled(one, 1 / slots[family]) for family, one in seconds.items()})
    means = {family: one.expected for family, one in seconds.items()}
    shortest = {family: one.low for family, one in seconds.items()}
    families, least_rounds = len(seconds), math.ceil(spec.trials / max(slots.values()))

    def rounds_s(of_each: int, times: Mapping[str, float]) -> float:
        """Return the seconds of the family whose rounds take longest, with so many trials of each family."""
        return max(math.ceil(of_each / slots[family]) * time for family, time in times.items())

    expected = max(
        work.expected,
        math.ceil(_most_trials(spec) / max(slots.values())) * fmean(means.values()),
        rounds_s(round(_most_trials(spec) / families), means),
    )
    last_s = max((1 - 1 / slots[family]) * one.high for family, one in seconds.items())
    return ForecastRange(
        low=max(
            work.low,
            least_rounds * min(shortest.values()),
            rounds_s(_spread(spec) // families, shortest),
        ),
        expected=expected,
        high=max(expected, work.high + last_s),
    )


def _disk_bytes(spec: SweepSpec, trials: Sequence[CalibrationTrial]) -> ForecastRange:
    """Return the bytes of the ledger, and of the trials whose files the sweep keeps."""
    ledger = _total(
        spec, _of_families(trials, lambda trial: LEDGER_TRIAL_BYTES + LEDGER_EPOCH_BYTES * trial.epochs)
    )
    outcomes = _total(spec, _of_families(trials, lambda trial: trial.disk_bytes))
    if spec.keep == "none":
        return ledger
    low, expected = outcomes.low, outcomes.expected
    if spec.keep == "front":
        low, expected = min(trial.disk_bytes for trial in trials), FRONT_SHARE * expected
    return ForecastRange(ledger.low + low, ledger.expected + expected, ledger.high + outcomes.high)
