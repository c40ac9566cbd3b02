"""The findings as Markdown, for places that show a short text beside a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratefront.bounds import ORACLE
from ratefront.columns import OfTrial, named
from ratefront.records import metric_names
from ratefront.report.findings import findings, status_line
from ratefront.report.sweep_view import MeasuredTrial, SweepView
from ratefront.safe_text import plain_markdown

SHOWN = 30

#: The rate's heading is its unit: there is no legend beside the note.
_COLUMNS: tuple[OfTrial, ...] = (
    named("trial_id"),
    named("series"),
    replace(named("rate_bits"), heading=named("rate_bits").unit),
    named("accuracy"),
    named("transmitter_bytes"),
)


def markdown_note(view: SweepView) -> str:
    """Status, findings and the front (its first ``SHOWN`` points by rate)."""
    parts = [
        f"**{plain_markdown(view.name)}**",
        plain_markdown(status_line(view)),
        *map(plain_markdown, findings(view)),
    ]
    return "\n\n".join([*parts, *_table(view)]) + "\n"


def _table(view: SweepView) -> list[str]:
    if not view.front:
        return []
    metrics = metric_names(view.spec)
    columns = [*_COLUMNS, *(named(name, metrics) for name in metrics)]
    headings = [plain_markdown(column.heading) for column in columns]
    head = [f"| {' | '.join(headings)} | gap to oRD |", f"|---|---|{'--:|' * (len(headings) - 1)}"]
    rest = len(view.front) - SHOWN
    more = [f"{rest} more in front.csv."] if rest > 0 else []
    return ["\n".join([*head, *(_line(trial, columns) for trial in view.front[:SHOWN])]), *more]


def _line(trial: MeasuredTrial, columns: Sequence[OfTrial]) -> str:
    gap = trial.gaps.get(ORACLE)
    bits = "–" if gap is None or gap.bits is None else f"{gap.bits:+.2f}"
    cells = [_cell(column, trial) for column in columns]
    return f"| {' | '.join(map(plain_markdown, [*cells, bits]))} |"


def _cell(column: OfTrial, trial: MeasuredTrial) -> str:
    value = column.value(trial.trial)
    return "–" if value is None else column.brief(value)
