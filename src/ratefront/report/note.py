"""The findings as Markdown, for places that show a short text beside a run."""

from __future__ import annotations

from dataclasses import replace

from ratefront.bounds import ORACLE
from ratefront.columns import named
from ratefront.report.view import MeasuredTrial, SweepView
from ratefront.report.words import headline, status_line
from ratefront.text import plain_markdown

SHOWN = 30

#: The rate's heading is its unit: there is no legend beside the note.
_COLUMNS = (
    named("trial_id"),
    named("series"),
    replace(named("rate_bits"), heading=named("rate_bits").unit),
    named("accuracy"),
    named("transmitter_bytes"),
)


def note(view: SweepView) -> str:
    """Status, headline and the front (its first ``SHOWN`` points by rate)."""
    parts = [
        f"**{plain_markdown(view.name)}**",
        plain_markdown(status_line(view)),
        *map(plain_markdown, headline(view)),
    ]
    return "\n\n".join([*parts, *_table(view)]) + "\n"


def _table(view: SweepView) -> list[str]:
    if not view.front:
        return []
    headings = [column.heading for column in _COLUMNS]
    head = [f"| {' | '.join(headings)} | gap to oRD |", f"|---|---|{'--:|' * (len(headings) - 1)}"]
    rest = len(view.front) - SHOWN
    more = [f"{rest} more in front.csv."] if rest > 0 else []
    return ["\n".join([*head, *map(_line, view.front[:SHOWN])]), *more]


def _line(trial: MeasuredTrial) -> str:
    gap = trial.gaps.get(ORACLE)
    bits = "–" if gap is None or gap.bits is None else f"{gap.bits:+.2f}"
    cells = [column.brief(column.value(trial.trial)) for column in _COLUMNS]
    return f"| {' | '.join(map(plain_markdown, [*cells, bits]))} |"
