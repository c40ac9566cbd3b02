"""The findings as Markdown, for places that show a short text beside a run."""

from __future__ import annotations

from ratefront.bounds import ORACLE
from ratefront.report.view import MeasuredTrial, SweepView
from ratefront.report.words import headline, kibibytes, percent, status_line
from ratefront.text import plain_markdown

SHOWN = 30


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
    head = [
        "| trial | series | bit/sample | accuracy | transmitter | gap to oRD |",
        "|---|---|--:|--:|--:|--:|",
    ]
    rest = len(view.front) - SHOWN
    more = [f"{rest} more in front.csv."] if rest > 0 else []
    return ["\n".join([*head, *map(_line, view.front[:SHOWN])]), *more]


def _line(trial: MeasuredTrial) -> str:
    point, gap = trial.test, trial.gaps.get(ORACLE)
    bits = "–" if gap is None or gap.bits is None else f"{gap.bits:+.2f}"
    cells = [trial.trial_id, point.series, f"{point.rate_bits:.2f}", percent(point.accuracy)]
    return f"| {' | '.join(map(plain_markdown, [*cells, kibibytes(point.transmitter_bytes), bits]))} |"
