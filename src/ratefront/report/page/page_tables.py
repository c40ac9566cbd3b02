"""What stands in the tables of the page; the template says how they look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ratefront.bounds import Gap
from ratefront.columns import (
    COSTS,
    FreshSeeds,
    Spread,
    TrialColumn,
    accuracy_interval,
    brief_value,
    column_named,
    number_format,
    percent,
)
from ratefront.report.colours import bound_style
from ratefront.report.importance_rows import importance_rows
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.store.views.parameter_importance import Importance
from ratefront.trial_records import Scalar, Status, TrialResult, metric_names

MISSING = "–"


@dataclass(frozen=True)
class PageCell:
    """A cell of a table.

    Attributes:
        text: What is shown.
        value: What the column is sorted by; None comes last.
        title: Shown when the mouse points at the cell.
    """

    text: str
    value: float | str | None = None
    title: str = ""


@dataclass(frozen=True)
class PageTable:
    """The headings of the columns, and the rows."""

    columns: tuple[PageCell, ...]
    rows: tuple[tuple[PageCell, ...], ...]


@dataclass(frozen=True)
class _PageColumn:
    """A column as the page shows it: its heading, and the cell of each trial."""

    heading: PageCell
    cell: Callable[[MeasuredTrial], PageCell]


def _table(shown: Iterable[_PageColumn], trials: Iterable[MeasuredTrial]) -> PageTable:
    columns = tuple(shown)
    rows = tuple(tuple(column.cell(trial) for column in columns) for trial in trials)
    return PageTable(tuple(column.heading for column in columns), rows)


def front_table(view: SweepView) -> PageTable:
    """Return the front by rising rate, with the gaps to every drawn bound."""
    shown = [
        _PageColumn(PageCell(column_named("trial_id").heading), _marked),
        *_constraints(view),
        *map(_column, map(column_named, ("series", "split", "beta", "rate_bits", "accuracy"))),
        _PageColumn(PageCell("95 % interval", title="of the accuracy on test"), _interval_cell),
        _column(column_named("accuracy_validation"), "validation"),
        *_seed_columns(view),
        *map(_column, _where_measured(view)),
        _column(column_named("transmitter_bytes")),
        _PageColumn(PageCell("share"), lambda trial: _share(trial, view.task_model.task_model_bytes)),
        *map(_gap, view.bound_names),
    ]
    return _table(shown, view.front)


def _interval_cell(trial: MeasuredTrial) -> PageCell:
    low, high = accuracy_interval(trial.test.accuracy, trial.result.test.samples)
    return PageCell(f"{percent(low)} to {percent(high)}", low)


def _seed_columns(view: SweepView) -> list[_PageColumn]:
    """Return the columns of fresh seeds, if a trial of the front has any."""
    if not any(trial.fresh_seeds for trial in view.front):
        return []
    title = "mean of other seeds of the same configuration, and their least and greatest value"

    def column(heading: str, cell: Callable[[FreshSeeds], PageCell]) -> _PageColumn:
        def cell_of(trial: MeasuredTrial) -> PageCell:
            return PageCell(MISSING) if trial.fresh_seeds is None else cell(trial.fresh_seeds)

        return _PageColumn(PageCell(heading, title=title), cell_of)

    return [
        column("fresh seeds", lambda fresh: PageCell(str(fresh.seeds), fresh.seeds)),
        column("their rate", lambda fresh: _spread_cell(fresh.rate_bits, number_format(".3f"))),
        column("their accuracy", lambda fresh: _spread_cell(fresh.accuracy, percent)),
    ]


def _spread_cell(spread: Spread, form: Callable[[float], str]) -> PageCell:
    return PageCell(f"{form(spread.mean)} ({form(spread.low)} to {form(spread.high)})", spread.mean)


def _column(column: TrialColumn, heading: str = "") -> _PageColumn:
    """Return a column under its own heading, or under the heading that is given."""
    return _PageColumn(
        PageCell(heading or column.heading), lambda trial: _cell(column, column.value(trial.trial))
    )


def _cell(column: TrialColumn, value: Scalar | None) -> PageCell:
    return PageCell(MISSING) if value in (None, "") else PageCell(column.brief(value), value)


def _where_measured(view: SweepView) -> list[TrialColumn]:
    """Return the columns of log loss and of the sweep's own metrics, if a trial of the front has them."""
    metrics = metric_names(view.spec)
    columns = [column_named(name, metrics) for name in ("log_loss_bits", *metrics)]
    return [column for column in columns if any(column.value(t.trial) is not None for t in view.front)]


def _marked(trial: MeasuredTrial) -> PageCell:
    mark, why = ("*", "dominated on test") if trial.dominated_on_test else ("", "")
    return PageCell(trial.trial_id + mark, trial.trial_id, why)


def _constraints(view: SweepView) -> list[_PageColumn]:
    """Return the column that marks who meets the sweep's constraints, if it has some."""
    asked = " and ".join(map(str, view.constraints))

    def cell(trial: MeasuredTrial) -> PageCell:
        is_met = view.meets_constraints(trial) is True
        return PageCell(
            "✓" if is_met else "", float(not is_met), f"{'meets' if is_met else 'does not meet'} {asked}"
        )

    return [_PageColumn(PageCell("meets", title=asked), cell)] if asked else []


def _share(trial: MeasuredTrial, task_model_bytes: int | None) -> PageCell:
    """Return the transmitter's share of the task model's bytes."""
    if not task_model_bytes:
        return PageCell(MISSING)
    share = trial.test.transmitter_bytes / task_model_bytes
    return PageCell(f"{100 * share:.0f} %", share)


def _gap(bound: str) -> _PageColumn:
    style = bound_style(bound)
    heading = PageCell(f"gap {style.short}", title=f"gap to {style.title}")
    return _PageColumn(heading, lambda trial: _gap_cell(trial.gaps.get(bound)))


def _gap_cell(gap: Gap | None) -> PageCell:
    if gap is None or gap.bits is None:
        return PageCell(MISSING, None, "" if gap is None else gap.reason)
    return PageCell(f"{gap.bits:+.3f}", gap.bits, f"{gap.ratio:.2f} times the bound")


def rates_table(view: SweepView) -> PageTable:
    """Return estimated and coded bits, and validation and test values, of every finished trial that is drawn."""
    trials = _not_collapsed(view.drawn)
    is_any_warm = any(trial.trial.params.starts_from for trial in trials)
    shown = [
        *map(_column, map(column_named, ("trial_id", "series"))),
        *([_column(column_named("starts_from"))] if is_any_warm else []),
        _column(column_named("rate_bits_estimated")),
        _column(column_named("rate_bits"), "coded"),
        _difference("excess", _excess, number_format("+.3f")),
        *map(_column, map(column_named, ("rate_bits_alone", "overhead_bits"))),
        _difference(
            "rate v→t",
            lambda result: result.test.rate_bits - result.validation.rate_bits,
            number_format("+.3f"),
        ),
        _difference("accuracy v→t", _points_gained, number_format("+.1f", " points")),
    ]
    return _table(shown, trials)


def _difference(
    heading: str, of: Callable[[TrialResult], float], form: Callable[[float], str]
) -> _PageColumn:
    """Return a column that holds a difference of two values of a result."""

    def cell(trial: MeasuredTrial) -> PageCell:
        value = of(trial.result)
        return PageCell(form(value), value)

    return _PageColumn(PageCell(heading), cell)


def _excess(result: TrialResult) -> float:
    return result.test.rate_bits - result.test.rate_bits_estimated


def _points_gained(result: TrialResult) -> float:
    return 100 * (result.test.accuracy - result.validation.accuracy)


def _not_collapsed(trials: Iterable[MeasuredTrial]) -> list[MeasuredTrial]:
    return [trial for trial in trials if trial.front_status != "collapsed"]


def check_sentences(view: SweepView) -> list[str]:
    """Return sentences that compare coded with estimated bits, and test with validation accuracy.

    A sentence for each unknown cost follows. Without a finished trial the list is empty.
    """
    results = [trial.result for trial in _not_collapsed(view.measured)]
    if not results:
        return []
    excess, gained = [_excess(result) for result in results], [_points_gained(result) for result in results]
    return [
        f"Coded minus estimated: median {median(excess):+.3f}, greatest {max(excess):+.3f} bit/sample.",
        f"Accuracy on test minus validation: median {median(gained):+.1f}, "
        f"from {min(gained):+.1f} to {max(gained):+.1f} points.",
        *_unknown_costs(results),
    ]


def _unknown_costs(results: Sequence[TrialResult]) -> list[str]:
    """Return a sentence for each reason why a cost is unknown."""
    reasons = Counter(
        (cost.heading, cost.unknown(result))
        for cost in COSTS
        for result in results
        if cost.value(result) is None
    )
    return [
        f"{heading.capitalize()} of {count} of {len(results)} trials are unknown: {reason}."
        for (heading, reason), count in reasons.items()
    ]


def importance_table(importance: Importance, view: SweepView) -> PageTable:
    """Return what decides each objective: the family beside all parameters, and the parameters of each family."""
    columns = tuple(map(PageCell, ("objective", "family", "trials", "importance")))
    return PageTable(columns, tuple(tuple(map(_text, row)) for row in importance_rows(importance, view.spec)))


def no_point_table(view: SweepView, status: Status) -> PageTable:
    """Return the trials of one status (failed, collapsed, pruned, stopped) with their reasons."""
    trial_id, reason = column_named("trial_id"), column_named("reason")
    rows = tuple(
        (
            _cell(trial_id, trial_id.value(trial)),
            _text(", ".join(f"{name} {brief_value(value)}" for name, value in trial.params.values.items())),
            _cell(reason, reason.value(trial)),
        )
        for trial in view.history.with_status(status)
    )
    return PageTable(tuple(map(PageCell, (trial_id.heading, "parameters", reason.heading))), rows)


def _text(value: str) -> PageCell:
    return PageCell(value, value)
