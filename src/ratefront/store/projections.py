"""From the ledger to ``trials.csv`` and ``summary.json``: may be deleted and written again at any time."""

from __future__ import annotations

from typing import Any

from ratefront.errors import InputError
from ratefront.history import SweepHistory
from ratefront.store.atomic import write_json, write_text
from ratefront.store.facts import read_facts, read_overlay
from ratefront.store.folder import SweepFolder
from ratefront.store.ledger import read_entries
from ratefront.store.summary import summarise
from ratefront.store.table import trials_csv


def read_history(folder: SweepFolder) -> SweepHistory:
    """The sweep as its ledger tells it; another process may be writing it.

    Raises
    ------
    InputError
        There is no ledger, or it holds nothing yet.
    LedgerDamagedError
        An entry cannot be read.
    """
    if not folder.ledger.is_file():
        raise InputError(f"{folder.path} is not a sweep's folder: it has no {folder.ledger.name}")
    history = SweepHistory.of(read_entries(folder.ledger))
    if not history.spec:
        raise InputError(f"{folder.ledger} is empty: the sweep has not begun")
    return history


def write_projections(folder: SweepFolder, history: SweepHistory | None = None) -> dict[str, Any]:
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


def write_tables(folder: SweepFolder, history: SweepHistory, summary: dict[str, Any]) -> None:
    """Write ``trials.csv``, and as ``summary.json`` the summary that ``summarise`` made of this history."""
    write_text(folder.trials_csv, trials_csv(history))
    write_json(folder.summary, summary)
