"""Sends a sweep that is there, ended or running, to a tracker of one's choice."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ratefront.errors import InputError, TrackingError
from ratefront.orchestrate.tracked_ending import ending_of
from ratefront.report.write_report import DrawnReport, report_files, write_report
from ratefront.spec.schema import Models, Tracking
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.read_ledger import read_history, read_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking import open_tracking
from ratefront.tracking.mlflow.registration import check_model_name
from ratefront.tracking.tracker_protocol import TrackedEnding
from ratefront.tracking.tracking_uri import is_same_store, resolve_uri
from ratefront.wording import Argument, Message

if TYPE_CHECKING:
    from ratefront.tracking.delivery.follower import Follower

_log = logging.getLogger(__name__)

#: How long a tracker may take nothing; one call may upload a large codec. An outage is told long before.
PATIENCE_S = 60.0
FIRST_ANSWER_S = 120.0
LOOK_S = 0.5


def catch_up(
    folder: SweepFolder,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    register: str | None = None,
) -> str:
    """Bring a tracker up to date with a sweep, follow it while a driver runs it, and close it; returns the address.

    What the sweep's file says of tracking holds where nothing is given. Said again, it changes nothing.

    Raises:
        InputError: The folder holds no sweep, the address cannot hold one, or the sweep's own driver reports
            there already.
        TrackingError: The tracker cannot be reached, refuses, or takes nothing more.
    """
    asked = _asked_for(folder)
    uri, register_as = resolve_uri(tracking_uri or asked.uri, folder.path), register or asked.register_as
    check_model_name(register_as)
    if driver_of(folder) and is_same_store(uri, resolve_uri(asked.uri, folder.path)):
        raise InputError(
            Message(
                f"{folder.path} is running, and its driver reports there already; give another ",
                Argument("tracking_uri"),
            )
        )
    follower = open_tracking(folder, uri, experiment or asked.experiment, register=register_as)
    try:
        _follow_driver(folder, follower)
        ending = _ending(folder, asked.models)
        _wait_for_an_answer(follower)
        if follower.finish(ending, PATIENCE_S):
            raise _not_whole(folder, follower)
    finally:
        follower.abandon()
    return uri


def _asked_for(folder: SweepFolder) -> Tracking:
    """What the sweep's file says, as far as this version knows it."""
    said = read_spec(folder).get("tracking") or {}
    return Tracking.model_validate(
        {name: value for name, value in said.items() if name in Tracking.model_fields}
    )


def _follow_driver(folder: SweepFolder, follower: Follower) -> None:
    while driver_of(folder):
        if follower.is_refused:
            raise _not_whole(folder, follower)
        time.sleep(LOOK_S)


def _ending(folder: SweepFolder, models: Models) -> TrackedEnding:
    try:
        drawn = write_report(folder)
    except OSError as error:  # somebody else's sweep, or an archive
        _log.warning("the report cannot be drawn (%s): what lies there is sent", error)
        drawn = _as_it_lies(folder)
    return ending_of(drawn, folder, read_history(folder), models)


def _as_it_lies(folder: SweepFolder) -> DrawnReport:
    return DrawnReport(
        tuple(path for path in report_files(folder) if path.is_file()), numbers={}, front=(), markdown_note=""
    )


def _wait_for_an_answer(follower: Follower) -> None:
    """A database that is new gets its tables first."""
    deadline = time.monotonic() + FIRST_ANSWER_S
    while not follower.has_answered and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _not_whole(folder: SweepFolder, follower: Follower) -> TrackingError:
    return TrackingError(
        f"{folder.path} was not delivered whole: {follower.error or 'the tracker does not answer'}"
    )
