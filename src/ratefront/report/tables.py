"""The tables of the page and ``front.csv``: what is in them, not how they look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ratefront.bounds import Gap
from ratefront.records import Status, TrialResult
from ratefront.report.style import bound_style
from ratefront.report.view import MeasuredTrial, SweepView
from ratefront.report.words import kibibytes, percent
from ratefront.store.table import MEASURED, Row, cells_of, other_parameters, to_csv

MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """``text`` is shown, ``value`` sorts (None last); ``title`` is shown when pointed at."""

    text: str
    value: float | str | None = None
    title: str = ""


@dataclass(frozen=True)
class Table:
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


def front_table(view: SweepView) -> Table:
    """The front by rate, with its gaps to every drawn bound."""
    headings = [
        "trial",
        "series",
        "split",
        "β",
        "rate",
        "accuracy",
        "validation",
        "transmitter",
        "share",
    ]
    names = view.bounds
    gaps = [
        Cell(f"gap {bound_style(name).short}", title=f"gap to {bound_style(name).title}") for name in names
    ]
    return Table(
        (*map(Cell, headings), *gaps),
        tuple((*_front_cells(view, t), *(_gap_cell(t.gaps.get(name)) for name in names)) for t in view.front),
    )


def _front_cells(view: SweepView, trial: MeasuredTrial) -> tuple[Cell, ...]:
    point, whole = trial.test, view.facts.task_model_bytes
    share = point.transmitter_bytes / whole if whole else None
    mark, why = ("*", "dominated on test") if trial.dominated_on_test else ("", "")
    return (
        Cell(trial.trial_id + mark, trial.trial_id, why),
        _text(point.series),
        _text(trial.parameter("split")),
        _number(trial.parameter("beta"), ".4g"),
        _number(point.rate_bits, ".3f"),
        Cell(percent(point.accuracy), point.accuracy),
        Cell(percent(trial.validation.accuracy), trial.validation.accuracy),
        Cell(kibibytes(point.transmitter_bytes), point.transmitter_bytes),
        Cell(MISSING) if share is None else Cell(f"{100 * share:.0f} %", share),
    )


def _gap_cell(gap: Gap | None) -> Cell:
    if gap is None or gap.bits is None:
        return Cell(MISSING, None, "" if gap is None else gap.reason)
    return Cell(f"{gap.bits:+.3f}", gap.bits, f"{gap.ratio:.2f} times the bound")


def rates_table(view: SweepView) -> Table:
    """Estimated against actual bits, and validation against test, of every finished trial."""
    headings = [
        "trial",
        "series",
        "estimated",
        "coded",
        "excess",
        "alone",
        "overhead",
        "rate v→t",
        "accuracy v→t",
    ]
    trials = [trial for trial in view.measured if trial.standing != "collapsed"]
    return Table(tuple(map(Cell, headings)), tuple(_rate_cells(trial) for trial in trials))


def _rate_cells(trial: MeasuredTrial) -> tuple[Cell, ...]:
    test, validation = trial.result.test, trial.result.validation
    points = 100 * (test.accuracy - validation.accuracy)
    return (
        _text(trial.trial_id),
        _text(trial.test.series),
        _number(test.rate_bits_estimated, ".3f"),
        _number(test.rate_bits, ".3f"),
        _number(test.rate_bits - test.rate_bits_estimated, "+.3f"),
        _number(test.rate_bits_alone, ".2f"),
        _number(test.overhead_bits, ".3f"),
        _number(test.rate_bits - validation.rate_bits, "+.3f"),
        Cell(f"{points:+.1f} points", points),
    )


def honesty(view: SweepView) -> list[str]:
    """The two checks in words, and what is unknown; empty where no trial has finished."""
    trials = [trial.result for trial in view.measured if trial.standing != "collapsed"]
    if not trials:
        return []
    excess = [t.test.rate_bits - t.test.rate_bits_estimated for t in trials]
    loss = [100 * (t.test.accuracy - t.validation.accuracy) for t in trials]
    return [
        f"Coded minus estimated: median {median(excess):+.3f}, greatest {max(excess):+.3f} bit/sample.",
        f"Accuracy on test minus validation: median {median(loss):+.1f}, "
        f"from {min(loss):+.1f} to {max(loss):+.1f} points.",
        *_unknown_costs(trials),
    ]


def _unknown_costs(trials: Sequence[TrialResult]) -> list[str]:
    """A sentence for each reason why multiply–accumulates are unknown."""
    reasons = Counter(trial.transmitter_macs_unknown for trial in trials if trial.transmitter_macs is None)
    return [
        f"Multiply–accumulates of {count} of {len(trials)} trials are unknown: {reason}."
        for reason, count in reasons.items()
    ]


def lost_table(view: SweepView, status: Status) -> Table:
    """The trials of one status (failed, collapsed, pruned) with their reasons."""
    trials = view.history.with_status(status)
    rows = tuple(
        (
            _text(trial.params.trial_id),
            _text(", ".join(f"{name} {_short(value)}" for name, value in trial.params.values.items())),
            _text(trial.reason or MISSING),
        )
        for trial in trials
    )
    return Table(tuple(map(Cell, ("trial", "parameters", "reason"))), rows)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _text(value: Any) -> Cell:
    return Cell(MISSING) if value is None else Cell(str(value), str(value))


def _number(value: Any, form: str) -> Cell:
    return Cell(MISSING) if value is None else Cell(format(value, form), float(value))


FRONT_COLUMNS = ("trial_id", "seed", "family", "series", "split", "beta", *MEASURED, "dominated_on_test")


def front_csv(view: SweepView) -> str:
    """One row a point of the front, by rate: test values, then gap in bit/sample and ratio to every drawn
    bound, then every other parameter.
    """
    gaps = [f"{kind}_{name}" for name in view.bounds for kind in ("gap_bits", "gap_ratio")]
    columns = [*FRONT_COLUMNS, *gaps]
    others = other_parameters((trial.trial for trial in view.front), columns)
    return to_csv([_front_row(view, trial, others) for trial in view.front], [*columns, *others])


def _front_row(view: SweepView, trial: MeasuredTrial, others: Mapping[str, str]) -> Row:
    row = cells_of(trial.trial, others)
    row |= {"series": trial.test.series, "dominated_on_test": trial.dominated_on_test}
    for name in view.bounds:
        row |= {f"gap_bits_{name}": trial.gaps[name].bits, f"gap_ratio_{name}": trial.gaps[name].ratio}
    return row
