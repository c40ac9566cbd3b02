"""Reads a sweep's ledger from outside of its driver, which may be writing it meanwhile."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from ratefront.errors import InputError
from ratefront.history.events import Entry
from ratefront.history.sweep_history import SweepHistory, spec_in
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.ledger.skim_ledger import SkimmedLedger
from ratefront.store.sweep_folder import SweepFolder
from ratefront.wording import Argument, Message

#: The kinds of entries that say what the sweep file is (see ``spec_in``).
SPEC_KINDS = frozenset({"created", "reconfigured"})


def read_history(folder: SweepFolder, *, keeps_curves: bool = True) -> SweepHistory:
    """The sweep as its ledger records it, without the reports of ended trials where the caller needs none.

    Raises:
        InputError: There is no ledger, or it holds nothing yet.
        LedgerDamagedError: An entry cannot be read.
    """
    check_is_sweep(folder)
    if keeps_curves:
        history = SweepHistory.of(read_entries(folder.ledger))
    else:
        history = SkimmedLedger(folder.ledger).history
    if not history.spec:
        raise has_not_begun(folder)
    return history


def read_spec(folder: SweepFolder) -> Mapping[str, Any]:
    """The resolved sweep file as it is by now, as plain data.

    Raises:
        InputError: There is no ledger, or it holds nothing yet.
        LedgerDamagedError: An entry cannot be read.
    """
    spec = spec_in(entries_of(folder, SPEC_KINDS))
    if not spec:
        raise has_not_begun(folder)
    return spec


def check_is_sweep(folder: SweepFolder) -> None:
    """Check that a folder is that of a sweep, and that nothing in it leads out of it.

    Raises:
        InputError: There is no ledger, or there is a link.
    """
    if not folder.ledger.is_file():
        raise InputError(f"{folder.path} is not a sweep's folder: it has no {folder.ledger.name}")
    folder.check_entries()


def entries_of(folder: SweepFolder, kinds: Container[str] | None = None) -> Iterator[Entry]:
    """Every whole entry, in order; or only those of these ``kinds``.

    Raises:
        InputError: There is no ledger.
        LedgerDamagedError: An entry cannot be read; raised when that entry is reached.
    """
    check_is_sweep(folder)
    return read_entries(folder.ledger, kinds)


def has_not_begun(folder: SweepFolder) -> InputError:
    """The error for a ledger that is empty."""
    return InputError(
        Message(
            f"{folder.ledger} is empty: the sweep has not begun; give its file, as at first, and ",
            Argument("resume", True),
        )
    )
