"""Deletes files of a sweep: checkpoints of trials that have ended, and what ``keep`` does not keep.

The ledger and all files of a trial that has not ended are never touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ratefront.errors import UnknownNameError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.files.inside import inside
from ratefront.store.sweep_folder import SweepFolder, TrialFolder
from ratefront.store.views.front_trials import front_of

Keep: TypeAlias = Literal["all", "front", "none"]

#: A draft of this age was left by a process that died before it could rename the draft.
DRAFT_AGE_S = 3600.0


@dataclass(frozen=True)
class Removed:
    """How many files, with how many bytes, were deleted or would be."""

    files: int
    bytes: int


def apply_retention(
    folder: SweepFolder, history: SweepHistory, keep: Keep | None = None, *, dry_run: bool = False
) -> Removed:
    """Delete what need not be kept. A driver may run meanwhile.

    A trial that is off the front stays off: another trial dominates or equals it, and whatever dominates that one later
    dominates this one as well. So nothing is deleted that a later front would need. Where trials start from neighbours,
    the codecs of finished trials stay until the sweep has ended.

    Args:
        folder: The sweep's folder.
        history: The sweep as its ledger records it.
        keep: What to keep; None for what the sweep file says.
        dry_run: Count only, and delete nothing.

    Raises:
        UnknownNameError: ``keep`` is not one of the choices; nothing is deleted then.
    """
    if keep not in (None, *get_args(Keep)):
        raise UnknownNameError("keep", str(keep), get_args(Keep))
    files = bytes_ = 0
    # All of them are found first, so that a link in the folder is refused before anything is deleted.
    for path in list(deletable_files(folder, history, keep or history.spec.get("keep", "all"))):
        try:
            size = path.lstat().st_size
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue
        files, bytes_ = files + 1, bytes_ + size
    return Removed(files, bytes_)


def deletable_files(folder: SweepFolder, history: SweepHistory, keep: Keep) -> Iterator[Path]:
    """The files that may be deleted, some of which may not exist. Another thread may extend the history meanwhile."""
    trials = [(trial_id, history.trials[trial_id]) for trial_id in list(history.ended_order)]
    # Read before the front is computed, so that the front knows all of them.
    ended = {trial_id for trial_id, trial in trials if trial.ended}
    kept = {trial.params.trial_id for trial in front_of(history)} if keep == "front" else set()
    yield from _abandoned_drafts(folder.path)
    yield from _abandoned_drafts(folder.requests)
    for trial_id in list(history.trials):
        files = folder.trial(trial_id)
        if trial_id in ended:
            yield files.checkpoint
            if keep != "all" and trial_id not in kept:
                sources = _starting_weights(history, history.trials[trial_id], files)
                yield from (path for path in files.outcome if path not in sources)
        yield from _abandoned_drafts(files.path)


def _starting_weights(history: SweepHistory, trial: TrialHistory, files: TrialFolder) -> tuple[Path, ...]:
    """The files of a trial that a later one may start from: its codec, until the sweep has ended for good."""
    is_over = history.ended and not history.ended_by_budget
    training = history.spec.get("training") or {}
    may_be_needed = training.get("start_from_neighbour", False) and not is_over and trial.status == "finished"
    return (files.codec_config, files.codec_weights) if may_be_needed else ()


def _abandoned_drafts(place: Path) -> Iterator[Path]:
    latest = time.time() - DRAFT_AGE_S
    for found in place.glob(".*.tmp"):
        draft = inside(place, found.name)
        try:
            if draft.lstat().st_mtime < latest:
                yield draft
        except FileNotFoundError:
            continue
