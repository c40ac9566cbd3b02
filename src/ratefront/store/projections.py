"""From the ledger to ``trials.csv`` and ``summary.json``: may be deleted and written again at any time."""

from __future__ import annotations

from ratefront.history import SweepHistory
from ratefront.store.atomic import write_json, write_text
from ratefront.store.facts import read_facts, read_overlay
from ratefront.store.folder import SweepFolder
from ratefront.store.reading import read_history
from ratefront.store.summary import Summary, summarise
from ratefront.store.table import trials_csv


def write_projections(folder: SweepFolder, history: SweepHistory | None = None) -> Summary:
    """Write ``trials.csv`` and ``summary.json``, each at once and whole; returns the summary.

    Raises
    ------
    InputError
        The folder holds no sweep, or the task model's files in it cannot be used.
    """
    history = history or read_history(folder)
    summary = summarise(history, read_facts(folder, history), read_overlay(folder, history))
    write_tables(folder, history, summary)
    return summary


def write_tables(folder: SweepFolder, history: SweepHistory, summary: Summary) -> None:
    """Write ``trials.csv``, and as ``summary.json`` the summary that ``summarise`` made of this history."""
    write_text(folder.trials_csv, trials_csv(history))
    write_json(folder.summary, summary.to_json())
