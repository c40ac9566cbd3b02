"""Writes all files that are drawn from a sweep's folder. Each may be deleted and drawn again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratefront.history.sweep_history import SweepHistory
from ratefront.report.front.describe_front import describe_front
from ratefront.report.front.front_png import front_png
from ratefront.report.front_csv import front_csv
from ratefront.report.markdown_note import markdown_note
from ratefront.report.page.report_page import report_html
from ratefront.report.sweep_view import SweepView, read_view
from ratefront.store.files.atomic_files import write_bytes, write_json, write_text
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.parameter_importance import Importance, importance_of
from ratefront.store.views.sweep_summary import Summary
from ratefront.store.views.trials_csv import trials_csv


@dataclass(frozen=True)
class DrawnReport:
    """What was drawn, for trackers and scripts that show it elsewhere.

    Attributes:
        artifacts: The files written.
        numbers: The finite numbers of the summary, by name.
        front: The names of the trials on the front, by rising test rate.
        markdown_note: The findings in Markdown.
    """

    artifacts: tuple[Path, ...]
    numbers: Mapping[str, float]
    front: tuple[str, ...]
    markdown_note: str


def report_files(folder: SweepFolder) -> tuple[Path, ...]:
    """Return the files that a report consists of."""
    return (
        folder.report,
        folder.front_png,
        folder.front_csv,
        folder.trials_csv,
        folder.summary,
        folder.importance,
    )


def write_report(folder: SweepFolder, history: SweepHistory | None = None) -> DrawnReport:
    """Draw the report of a finished or running sweep, and write its tables and summaries (see ``report_files``).

    Files that are there are drawn again. All of them show the ledger as it was when the call began. Each is written
    whole or not at all.

    Args:
        folder: The sweep's folder.
        history: The state of the sweep, if the caller knows it; it must not change meanwhile. None reads the ledger.

    Raises:
        InputError: The folder holds no sweep, or one of its files cannot be used; nothing was written.
        LedgerDamagedError: An entry of the ledger cannot be read.
    """
    view = read_view(folder, history)
    front = describe_front(view)
    png = front_png(front)
    importance = importance_of(view.history)
    page = report_html(view, front, png, importance)
    write_tables(folder, view.history, view.summary)
    write_json(folder.importance, importance.to_json())
    write_text(folder.front_csv, front_csv(view))
    write_bytes(folder.front_png, png)
    write_text(folder.report, page)
    return _drawn(view, importance)


def _drawn(view: SweepView, importance: Importance) -> DrawnReport:
    return DrawnReport(
        artifacts=report_files(view.folder),
        numbers=view.summary.numbers,
        front=tuple(trial.trial_id for trial in view.front),
        markdown_note=markdown_note(view, importance),
    )


def write_tables(folder: SweepFolder, history: SweepHistory, summary: Summary) -> None:
    """Write ``trials.csv``, and as ``summary.json`` the summary that ``summarise`` made of this history."""
    write_text(folder.trials_csv, trials_csv(history))
    write_json(folder.summary, summary.to_json())
