"""From the ledger to ``trials.csv`` and ``summary.json``: may be deleted and written again at any time."""

from __future__ import annotations

from ratefront.history.sweep_history import SweepHistory
from ratefront.store.files.atomic_files import write_json, write_text
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.sweep_summary import Summary
from ratefront.store.views.trials_csv import trials_csv


def write_tables(folder: SweepFolder, history: SweepHistory, summary: Summary) -> None:
    """Write ``trials.csv``, and as ``summary.json`` the summary that ``summarise`` made of this history."""
    write_text(folder.trials_csv, trials_csv(history))
    write_json(folder.summary, summary.to_json())
