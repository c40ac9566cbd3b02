"""Keeps the followers of a running sweep up to date: display, tracker and report. None of them may delay the sweep."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ratefront.history.sweep_history import SweepHistory
from ratefront.orchestrate.report_redraw import Redrawer
from ratefront.orchestrate.tracked_ending import ending_of
from ratefront.safe_text import without_credentials
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking import open_tracking
from ratefront.tracking.mlflow.registration import check_model_name
from ratefront.tracking.tracker_protocol import TrackedEnding
from ratefront.tracking.tracking_uri import resolve_uri

if TYPE_CHECKING:
    from ratefront.tracking.delivery.follower import Follower

_log = logging.getLogger(__name__)

#: How long the driver waits at its end for a tracker that accepts nothing more. `ratefront track` delivers the rest.
PATIENCE_S = 60.0
PATIENCE_FAILED_S = 10.0

#: How long a driver that was asked to end goes on to deliver: it ends within 5 s, and Ray takes its part of them.
LEAVING_S = 1.5

#: How long another thread of this process may compute while the driver's thread waits to go on. Followers compute a
#: lot, and each write to the ledger lets them run: Python's own 5 ms would be most of what a result costs.
SWITCH_INTERVAL_S = 0.0005


class SweepFollowers:
    """Tells display, tracker and report that the ledger has grown, and at the end how the sweep ended.

    It is a context manager: inside, the tracker follows the ledger.

    Raises:
        InputError: The tracking address cannot hold a sweep, or the model's name cannot be registered.
    """

    def __init__(
        self,
        folder: SweepFolder,
        spec: SweepSpec,
        tracking_uri: str | None,
        redrawer: Redrawer,
        on_update: Callable[[SweepHistory], None] | None,
    ) -> None:
        self._uri = resolve_uri(tracking_uri or spec.tracking.uri, folder.path)
        check_model_name(spec.tracking.register_as)
        self._folder, self._tracking = folder, spec.tracking
        self._redrawer, self._on_update = redrawer, on_update
        self._follower: Follower | None = None
        self._usual_switch_interval_s = sys.getswitchinterval()

    def __enter__(self) -> Self:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._follower = open_tracking(
            self._folder, self._uri, self._tracking.experiment, register=self._tracking.register_as
        )
        return self

    def changed(self, history: SweepHistory) -> None:
        """Wake the tracker's thread and update the display. Call it after each entry of the ledger."""
        if self._follower is not None:
            self._follower.wake()
        if self._on_update is not None:
            try:
                self._on_update(history)
            except Exception as error:  # the sweep goes on without its display
                self._on_update = None
                _log.warning("the progress is not shown any more: %s", error)

    def tick(self, history: SweepHistory) -> None:
        """Redraw the report if it is due. Called several times a second while trials run."""
        self._redrawer.draw_if_due(history)

    def ended(self, history: SweepHistory) -> None:
        """Draw the report of the ended sweep and close its run in the tracker."""
        drawn = self._redrawer.draw_final(history)
        self._close(ending_of(drawn, self._folder, history, self._tracking.models), PATIENCE_S)

    def failed(self, error: Exception) -> None:
        """Close the run in the tracker as that of a sweep that cannot go on. As ``ended``, it may take long."""
        self._close(_ending_after(error), PATIENCE_FAILED_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run as interrupted or failed unless it is closed. What takes long is left to `ratefront track`."""
        sys.setswitchinterval(self._usual_switch_interval_s)
        self._close(_ending_after(error), LEAVING_S, at_most=LEAVING_S)

    def _close(self, ending: TrackedEnding, patience_s: float, at_most: float = math.inf) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.finish(ending, patience_s, at_most)


def _ending_after(error: BaseException | None) -> TrackedEnding:
    """Build the ending of a sweep that its driver leaves before its end."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return TrackedEnding("interrupted", shows_pareto_rank=False)
    return TrackedEnding("failed", reason=without_credentials(str(error)), shows_pareto_rank=False)
