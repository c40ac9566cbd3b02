"""Delivers a ledger to a tracker. It has no clock: the caller decides when to deliver, and when to try again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ratefront.history.events import Entry
from ratefront.history.sweep_history import SweepHistory
from ratefront.store.views.fresh_seeds import fresh_seeds_of
from ratefront.store.views.front_trials import ranked
from ratefront.tracking.delivery.backlog import Backlog
from ratefront.tracking.delivery.folder_content import FolderContent, NoFolder
from ratefront.tracking.delivery.parallel_calls import call_in_parallel
from ratefront.tracking.tracker_protocol import (
    FrontCodec,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    Tracker,
    TrialUpdate,
)
from ratefront.trial_records import objectives_of


class Delivery:
    """Delivers every entry of a ledger to a tracker, from the first one on, with what the sweep's folder adds.

    After an error of ``deliver``, call it again later. It repeats what failed, and goes on with all that came since. A
    trial that the tracker refuses does not delay the others. Every call to a tracker may be repeated, so a delivery
    that starts again from entry 0 (a resumed sweep) doubles nothing.

    Attributes:
        ending: What the last call closes the sweep with; None leaves it open.
        calls_done: The number of calls that the tracker has carried out.
    """

    def __init__(
        self,
        read_new: Callable[[], Iterable[Entry]],
        tracker: Tracker,
        files: FolderContent | NoFolder | None = None,
    ) -> None:
        """Deliver nothing yet. ``read_new`` returns the entries since its last call, beginning with entry 0."""
        self._read_new, self._tracker, self._files = read_new, tracker, files or NoFolder()
        self._backlog = Backlog()
        self._is_open = self._shows_running = self._is_closed = self._is_abandoned = False
        self._has_failed = False
        self._shown_provenance: Provenance | None = None
        self._left_trials, self._kept_codecs = set[str](), set[str]()
        self.ending: TrackedEnding | None = None
        self.calls_done = 0

    @property
    def undelivered(self) -> int:
        """The number of entries that were read and not delivered."""
        return len(self._backlog)

    def abandon(self) -> None:
        """Let the present call of ``deliver``, in another thread, end at the next trial."""
        self._is_abandoned = True

    def deliver(self, is_last: bool) -> None:
        """Deliver all that is new. ``is_last`` also closes the sweep.

        Raises:
            Exception: Any error of the tracker, or of reading the ledger.
        """
        try:
            self._deliver(is_last)
        except Exception:
            self._is_open, self._has_failed = False, True
            raise

    def _deliver(self, is_last: bool) -> None:
        """Deliver. Errors about the sweep's files are raised last: they delay neither the trials nor the end."""
        self._backlog.add(self._read_new(), self._check_abandoned)
        sweep, history = self._backlog.sweep, self._backlog.history
        if sweep is None:
            return
        self._open(sweep)
        problems = self._try_each([self._describe])
        # An ended sweep is shown with its Pareto ranks at once, which saves a second round of calls.
        ranks = pareto_ranks(history) if history.ended else {}
        call_in_parallel(
            self._backlog.changed_trials(),
            lambda trial_id: self._show(trial_id, ranks),
            self._tracker.parallel_calls,
        )
        if is_last and self.ending is not None:
            self._leave(sweep, self.ending)
            problems += self._try_each(self._codec_calls(self.ending))
        if problems:
            raise problems[0]

    def _open(self, sweep: TrackedSweep) -> None:
        """Open the sweep's run; open it again if a sweep that had ended goes on (extended, or failed trials again)."""
        running = not self._backlog.history.ended
        if not self._is_open or (running and not self._shows_running):
            self._tracker.open_sweep(sweep, running=running)
            self._is_open, self._shows_running = True, running
            self.calls_done = max(self.calls_done, 1)  # counted once: opening again delivers nothing

    def _describe(self) -> None:
        provenance = self._files.provenance(self._backlog.history)
        if provenance is not None and provenance != self._shown_provenance:
            self._tracker.describe_sweep(provenance)
            self._shown_provenance = provenance

    def _show(self, trial_id: str, ranks: dict[str, ParetoRank]) -> None:
        self._check_abandoned()
        trial, reports = self._backlog.history.trials[trial_id], self._backlog.reports(trial_id)
        gap_bits = self._files.gap_bits(self._backlog.history, trial)
        try:
            self._tracker.show_trial(TrialUpdate(trial, reports, gap_bits, ranks.get(trial_id)))
        except Exception:
            self._backlog.postpone(trial_id)
            raise
        self._backlog.delivered(trial_id)
        self.calls_done += 1

    def _leave(self, sweep: TrackedSweep, ending: TrackedEnding) -> None:
        """Close the sweep step by step, so that another try goes on where this one failed.

        It uses the ledger's time, not the clock's: closing the same ledger again adds no point.
        """
        if self._is_closed:
            return
        history, time = self._backlog.history, self._backlog.history.last_time
        if self._shows_running or self._has_failed:
            # Find what else the store holds: runs of a request whose answer was lost, or of another follower.
            self._tracker.open_sweep(sweep, running=False)
        ranks = pareto_ranks(history) if ending.shows_pareto_rank else {}

        def leave(trial_id: str) -> None:
            self._check_abandoned()
            self._tracker.leave_trial(history.trials[trial_id], ranks.get(trial_id), time)
            self._left_trials.add(trial_id)
            self.calls_done += 1

        call_in_parallel(
            [name for name in history.trials if name not in self._left_trials],
            leave,
            self._tracker.parallel_calls,
        )
        self._tracker.close_sweep(ending, time)
        self._is_closed = True

    def _codec_calls(self, ending: TrackedEnding) -> Iterator[Callable[[], None]]:
        """Give the calls that keep the codecs. They come after the end: a codec that fails leaves the sweep ended."""
        for codec in ending.codecs:
            if codec.trial_id not in self._kept_codecs:
                yield partial(self._keep, codec)
        if ending.codecs:
            yield partial(self._tracker.mark_codecs, [codec.trial_id for codec in ending.codecs])

    def _keep(self, codec: FrontCodec) -> None:
        self._check_abandoned()
        self._tracker.keep_codec(codec)
        self._kept_codecs.add(codec.trial_id)
        self.calls_done += 1

    def _try_each(self, calls: Iterable[Callable[[], None]]) -> list[Exception]:
        problems: list[Exception] = []
        for call in calls:
            try:
                call()
            except Exception as error:
                problems.append(error)
        return problems

    def _check_abandoned(self) -> None:
        if self._is_abandoned:
            raise TimeoutError("the driver waits no longer")


def pareto_ranks(history: SweepHistory) -> dict[str, ParetoRank]:
    """Return the Pareto rank of every finished trial on validation, by the sweep's own objectives, with fresh seeds."""
    trials, fresh = ranked(history.trials.values(), objectives_of(history.spec)), fresh_seeds_of(history)
    ranks = {trial.params.trial_id: rank for trial, rank in trials}
    return {trial_id: ParetoRank(rank, fresh.get(trial_id)) for trial_id, rank in ranks.items()}
