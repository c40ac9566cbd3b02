"""Writes everything that is drawn from a sweep's folder. Any of it may be deleted and drawn again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_png import front_png
from ratefront.report.front_csv import front_csv
from ratefront.report.markdown_note import markdown_note
from ratefront.report.page.report_page import report_html
from ratefront.report.sweep_view import SweepView, read_view
from ratefront.store.files.atomic_files import write_bytes, write_text
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.write_tables import write_tables


@dataclass(frozen=True)
class DrawnReport:
    """What was drawn, for those who show it elsewhere.

    ``artifacts``: the files written; ``numbers``: the summary's finite numbers by name; ``front``: the
    trials on it; ``markdown_note``: the findings in Markdown.
    """

    artifacts: tuple[Path, ...]
    numbers: Mapping[str, float]
    front: tuple[str, ...]
    markdown_note: str


def report_files(folder: SweepFolder) -> tuple[Path, ...]:
    """What a report consists of."""
    return folder.report, folder.front_png, folder.front_csv, folder.trials_csv, folder.summary


def write_report(folder: SweepFolder) -> DrawnReport:
    """(Re)draw trials.csv, summary.json, front.csv, front.png and report.html of a finished or running sweep.

    All five show the ledger as it was when this began; each appears whole or not at all.

    Raises:
        InputError: The folder holds no sweep, or one of its files cannot be used; nothing was written.
        LedgerDamagedError: An entry of the ledger cannot be read.
    """
    view = read_view(folder)
    front = describe_front(view)
    still = front_png(front)
    page = report_html(view, front, still)
    write_tables(folder, view.history, view.summary)
    write_text(folder.front_csv, front_csv(view))
    write_bytes(folder.front_png, still)
    write_text(folder.report, page)
    return _drawn(view)


def _drawn(view: SweepView) -> DrawnReport:
    return DrawnReport(
        artifacts=report_files(view.folder),
        numbers=view.summary.figures,
        front=tuple(trial.trial_id for trial in view.front),
        markdown_note=markdown_note(view),
    )
