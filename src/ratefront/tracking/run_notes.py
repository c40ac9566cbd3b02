"""The Markdown notes on the pages of a sweep and of a trial. The same in every tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ratefront.bounds import ORACLE
from ratefront.catalogue.datasets import dataset_name
from ratefront.columns import COSTS, ResultColumn, brief_value, columns_of_result, name_on_validation
from ratefront.safe_text import plain_markdown
from ratefront.tracking.run_keys import VALUE_CHARACTERS, shorten
from ratefront.tracking.tracker_protocol import TrackedSweep, TrialUpdate
from ratefront.trial_records import TrialResult, series_of


def percent(share: float) -> str:
    """Format a fraction as a percentage."""
    return f"{share:.1%}".replace("%", " %")


def rate_text(rate_bits: float) -> str:
    """Format a rate in bit/sample."""
    return f"{rate_bits:.1f} bit" if rate_bits >= 1 else f"{rate_bits:.2g} bit"


def first_note(sweep: TrackedSweep) -> str:
    """Return the note of a sweep that has no findings yet."""
    dataset, trials = sweep.spec.get("dataset"), sweep.spec.get("trials")
    about = [
        f"**{plain_markdown(sweep.name)}**",
        *([f"{trials} trials"] if trials else []),
        *([f"on {plain_markdown(dataset_name(dataset))}"] if dataset else []),
    ]
    return f"{' '.join(about)}; objectives: {plain_markdown(', '.join(sweep.objectives))}."


def trial_note(update: TrialUpdate) -> str:
    """Return the note of a trial."""
    trial, values = update.trial, update.trial.params.values
    chosen = ", ".join(
        f"{name} {brief_value(value)}" for name, value in trial.params.family_parameters.items()
    )
    parts = [
        f"**{trial.params.trial_id}** {trial.status}: {plain_markdown(series_of(values))}{_in_short(update)}",
        *([plain_markdown(chosen)] if chosen else []),
        *([f"Reason: {plain_markdown(trial.reason)}"] if trial.reason else []),
        *([] if trial.result is None else _measured(trial.result)),
        *_gap_table(update.gap_bits),
    ]
    return shorten("\n\n".join(parts), VALUE_CHARACTERS)


def _in_short(update: TrialUpdate) -> str:
    """Return the end of the first line: MLflow shows only this line until the note is opened."""
    if update.trial.result is None:
        return ""
    test, gap = update.trial.result.test, update.gap_bits.get(ORACLE)
    above = "" if gap is None else f", {gap:.2f} bit above the oracle"
    return f", {rate_text(test.rate_bits)} at {percent(test.accuracy)} on test{above}"


def _measured(result: TrialResult) -> list[str]:
    """Return a table of what was measured on both splits, and a sentence on what the codec costs."""
    columns = {column.name: column for column in columns_of_result(tuple(result.test.metrics))}
    pairs = [
        (column, columns[name_on_validation(name)])
        for name, column in columns.items()
        if name_on_validation(name) in columns
    ]
    rows = [_measured_row(test, (validation.value(result), test.value(result))) for test, validation in pairs]
    costs = ", ".join(_cost(column, result) for column in COSTS)
    return [
        "\n".join(["| | validation | test |", "|---|---|---|", *filter(None, rows)]),
        f"{_sentence(costs)}.",
    ]


def _measured_row(column: ResultColumn, values: Sequence[float | None]) -> str:
    """Return a row of the table; empty if the value is unknown on both splits."""
    if set(values) == {None}:
        return ""
    cells = ["–" if value is None else column.exact(value) for value in values]
    unit = f" ({column.unit})" if column.unit else ""
    return f"| {plain_markdown(column.heading)}{unit} | {' | '.join(cells)} |"


def _cost(column: ResultColumn, result: TrialResult) -> str:
    value = column.value(result)
    if value is None:
        return f"{column.heading} unknown ({plain_markdown(column.unknown(result))})"
    return f"{column.heading} {column.exact(value)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _gap_table(gap_bits: Mapping[str, float]) -> list[str]:
    if not gap_bits:
        return []
    rows = [f"| {plain_markdown(name.replace('_', ' '))} | {bits:+.3f} |" for name, bits in gap_bits.items()]
    return ["\n".join(["| bound, at this accuracy on test | bits above it |", "|---|---|", *rows])]
