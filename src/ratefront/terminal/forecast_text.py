"""Prints the calibration trials of each family, and the forecast that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ratefront.safe_text import visible_line
from ratefront.spec.sweep_spec import Budget
from ratefront.store.forecast_file import CalibrationTrial, Forecast, ForecastRange
from ratefront.terminal import phrases
from ratefront.trial_records import Scalar


def print_forecast(forecast: Forecast, budget: Budget, console: Console) -> None:
    """Print the forecast of a sweep with this budget."""
    console.print(
        Text("\ncalibration trials, from the cheapest to the dearest of each family:", style="bold")
    )
    console.print(_calibration_table(forecast.calibration))
    console.print(
        Text(
            f"\n{forecast.trials} trials{_repeats(forecast)}, {_at_a_time(forecast)} at a time, take about:",
            style="bold",
        )
    )
    console.print(_grid(_forecast_rows(forecast)))
    for line in (*_failures(forecast), *_over_budget(forecast, budget)):
        console.print(Text(line, style="bold yellow"))


def _calibration_table(trials: Iterable[CalibrationTrial]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("family", "trial", "epoch", "before", "coding", "disk"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    by_family = sorted(trials, key=lambda trial: (trial.family, trial.trial_s))
    for trial in by_family:
        seconds = (trial.trial_s, trial.epoch_s, trial.begin_s, trial.coding_s)
        cells = (visible_line(trial.family), *(f"{value:.3g} s" for value in seconds))
        table.add_row(*map(Text, (*cells, phrases.size(trial.disk_bytes))))
    return table


def _repeats(forecast: Forecast) -> str:
    return f" and up to {forecast.repeats} repeats" if forecast.repeats else ""


def _at_a_time(forecast: Forecast) -> str:
    """Return the number of slots, and that of each family which has fewer."""
    fewer = [
        f"{visible_line(family)}: {slots}"
        for family, slots in forecast.slots_by_family.items()
        if slots < forecast.slots
    ]
    return f"{forecast.slots} ({', '.join(fewer)})" if fewer else str(forecast.slots)


def _failures(forecast: Forecast) -> list[str]:
    """Return a line for each family with configurations that could not be calibrated."""
    lines = []
    for family in dict.fromkeys(failure.family for failure in forecast.failures):
        failures = [failure for failure in forecast.failures if failure.family == family]
        failed = _different(failure.values for failure in failures)
        tried = _different(
            [*failed, *(trial.values for trial in forecast.calibration if trial.family == family)]
        )
        lines.append(
            f"{visible_line(family)}: {len(failed)} of {len(tried)} configurations could not be calibrated, and such "
            f"trials may fail in the sweep: {visible_line(failures[-1].error)}"
        )
    return lines


def _different(configurations: Iterable[Mapping[str, Scalar]]) -> list[Mapping[str, Scalar]]:
    different: list[Mapping[str, Scalar]] = []
    for values in configurations:
        if values not in different:
            different.append(values)
    return different


def _forecast_rows(forecast: Forecast) -> list[tuple[str, str]]:
    rows = [("time at work", _range(forecast.hours, lambda hours: phrases.duration(3600 * hours)))]
    if forecast.gpu_hours.high:
        rows.append(("GPU-hours", _range(forecast.gpu_hours, "{:.3g}".format)))
    if forecast.trials_per_gpu is not None:
        rows.append(("on a GPU", f"{forecast.trials_per_gpu} trials, by the memory of calibration trials"))
    once = f"{phrases.duration(forecast.start_s)} to start, {phrases.duration(forecast.task_model_s)}"
    cached = "" if forecast.task_model_s else " (it is in the cache, or not trained)"
    return [
        *rows,
        ("disk", _range(forecast.disk_bytes, phrases.size)),
        ("of the time", f"{once} for the task model{cached}"),
    ]


def _range(value: ForecastRange, shown: phrases.Shown) -> str:
    return f"{shown(value.expected)}, between {shown(value.low)} and {shown(value.high)}"


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(f"  {name}", style="bold"), Text(value))
    return table


def _over_budget(forecast: Forecast, budget: Budget) -> list[str]:
    """Return a line for each part of the budget that the sweep may not keep."""
    parts = (
        ("hours", budget.hours, forecast.hours),
        ("gpu_hours", budget.gpu_hours, forecast.gpu_hours),
    )
    return [
        f"budget.{key} {limit:g} {'is' if value.expected > limit else 'may be'} spent before the last trial"
        for key, limit, value in parts
        if limit is not None and value.high > limit
    ]
