"""The findings as Markdown, for places that show a short text beside a run, as MLflow does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratefront.bounds import ORACLE
from ratefront.columns import FreshSeeds, TrialColumn, column_named, percent
from ratefront.report.findings import findings, status_line
from ratefront.report.importance_rows import importance_rows
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.safe_text import plain_markdown
from ratefront.store.views.parameter_importance import Importance
from ratefront.trial_records import metric_names

SHOWN = 30

#: The heading of the rate is its unit, since no legend stands beside the note.
_COLUMNS: tuple[TrialColumn, ...] = (
    column_named("trial_id"),
    column_named("series"),
    replace(column_named("rate_bits"), heading=column_named("rate_bits").unit),
    column_named("accuracy"),
    column_named("transmitter_bytes"),
)


def markdown_note(view: SweepView, importance: Importance | None = None) -> str:
    """Return the status, the findings, and the first ``SHOWN`` points of the front by rate.

    Where ``importance`` is given, what decided each objective stands below.
    """
    parts = [
        f"**{plain_markdown(view.name)}**",
        plain_markdown(status_line(view)),
        *map(plain_markdown, findings(view)),
    ]
    return "\n\n".join([*parts, *_table(view), *_importance(view, importance)]) + "\n"


def _importance(view: SweepView, importance: Importance | None) -> list[str]:
    rows = [] if importance is None else importance_rows(importance, view.spec)
    if not rows:
        return []
    head = ["| objective | family | trials | importance of its parameters |", "|---|---|--:|---|"]
    return ["\n".join([*head, *(f"| {' | '.join(map(plain_markdown, row))} |" for row in rows)])]


def _table(view: SweepView) -> list[str]:
    if not view.front:
        return []
    metrics = metric_names(view.spec)
    columns = [*_COLUMNS, *(column_named(name, metrics) for name in metrics)]
    headings = [plain_markdown(column.heading) for column in columns]
    head = [
        f"| {' | '.join(headings)} | gap to oRD | fresh seeds |",
        f"|---|---|{'--:|' * (len(headings) - 1)}---|",
    ]
    rest = len(view.front) - SHOWN
    more = [f"{rest} more in front.csv."] if rest > 0 else []
    return ["\n".join([*head, *(_line(trial, columns) for trial in view.front[:SHOWN])]), *more]


def _line(trial: MeasuredTrial, columns: Sequence[TrialColumn]) -> str:
    gap = trial.gaps.get(ORACLE)
    bits = "–" if gap is None or gap.bits is None else f"{gap.bits:+.2f}"
    cells = [_cell(column, trial) for column in columns]
    return f"| {' | '.join(map(plain_markdown, [*cells, bits, _seeds(trial.fresh_seeds)]))} |"


def _seeds(fresh: FreshSeeds | None) -> str:
    """Return the number of fresh seeds with the means of their rates and accuracies, and least and greatest values."""
    if fresh is None:
        return "–"
    rate, accuracy = fresh.rate_bits, fresh.accuracy
    return (
        f"{fresh.seeds}: {rate.mean:.2f} bit ({rate.low:.2f} to {rate.high:.2f}) at "
        f"{percent(accuracy.mean)} ({percent(accuracy.low)} to {percent(accuracy.high)})"
    )


def _cell(column: TrialColumn, trial: MeasuredTrial) -> str:
    value = column.value(trial.trial)
    return "–" if value is None else column.brief(value)
