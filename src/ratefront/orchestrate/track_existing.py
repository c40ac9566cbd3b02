"""Sends a sweep that exists, ended or running, to any tracking store."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ratefront.errors import InputError, SpecError, TrackingError
from ratefront.orchestrate.tracked_ending import ending_of
from ratefront.report.write_report import DrawnReport, report_files, write_report
from ratefront.spec.problem_wording import problems_of_pydantic
from ratefront.spec.sweep_spec import Models, Tracking
from ratefront.store.ledger.driver_lock import driver_of
from ratefront.store.ledger.read_ledger import read_history, read_spec
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking import open_tracking
from ratefront.tracking.known_addresses import recorded_address
from ratefront.tracking.mlflow.database_tables import check_database
from ratefront.tracking.mlflow.registration import check_model_name
from ratefront.tracking.tracker_protocol import TrackedEnding
from ratefront.tracking.tracking_uri import is_same_store, resolve_uri
from ratefront.wording import Argument, Message

if TYPE_CHECKING:
    from ratefront.tracking.delivery.follower import Follower

_log = logging.getLogger(__name__)

#: How long a tracker may accept nothing. One call may upload a large codec. An outage is reported much earlier.
PATIENCE_S = 60.0
FIRST_ANSWER_S = 120.0
POLL_S = 0.5


def track_existing_sweep(
    folder: SweepFolder,
    *,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    register: str | None = None,
) -> str:
    """Deliver a sweep to a tracking store, follow it while a driver runs it, and close its run.

    A second call changes nothing. Settings that are not given are those of the sweep's file.

    Returns:
        The address of the store.

    Raises:
        InputError: The folder holds no sweep, the address cannot hold one or was never used here and not given, its
            SQLite file is another program's, or the sweep's own driver reports there already.
        TrackingError: The store cannot be reached, refuses, or accepts nothing more.
    """
    settings = _tracking_settings(folder)
    uri = _address(folder, tracking_uri, settings)
    register_as = register or settings.register_as
    check_model_name(register_as)
    check_database(uri)
    if driver_of(folder) and _is_in_spec(folder, uri, settings):
        raise InputError(
            Message(
                f"{folder.path} is running, and its driver reports there already; give another ",
                Argument("tracking_uri"),
            )
        )
    follower = open_tracking(folder, uri, experiment or settings.experiment, register=register_as)
    try:
        _follow_driver(folder, follower)
        ending = _ending(folder, settings.models)
        _wait_for_an_answer(follower)
        if follower.finish(ending, PATIENCE_S):
            raise _incomplete(folder, follower)
    finally:
        follower.abandon()
    return uri


def _address(folder: SweepFolder, given: str | None, settings: Tracking) -> str:
    return recorded_address(settings.uri, folder.path) if given is None else resolve_uri(given, folder.path)


def _is_in_spec(folder: SweepFolder, uri: str, settings: Tracking) -> bool:
    try:
        return is_same_store(uri, resolve_uri(settings.uri, folder.path))
    except InputError:  # the driver was given another address
        return False


def _tracking_settings(folder: SweepFolder) -> Tracking:
    """Read the settings in the sweep's file, as far as this version knows them.

    Raises:
        SpecError: They are wrong.
    """
    stored = read_spec(folder).get("tracking") or {}
    known = {name: value for name, value in stored.items() if name in Tracking.model_fields}
    try:
        return Tracking.model_validate(known)
    except ValidationError as error:
        raise SpecError(str(folder.ledger), problems_of_pydantic(error, Tracking, "tracking")) from error


def _follow_driver(folder: SweepFolder, follower: Follower) -> None:
    while driver_of(folder):
        if follower.is_refused:
            raise _incomplete(folder, follower)
        time.sleep(POLL_S)


def _ending(folder: SweepFolder, models: Models) -> TrackedEnding:
    try:
        drawn = write_report(folder)
    except OSError as error:  # the folder may be read-only, such as an archive
        _log.warning("the report cannot be drawn (%s): what lies there is sent", error)
        drawn = _existing_files(folder)
    return ending_of(drawn, folder, read_history(folder), models)


def _existing_files(folder: SweepFolder) -> DrawnReport:
    return DrawnReport(
        tuple(path for path in report_files(folder) if path.is_file()), numbers={}, front=(), markdown_note=""
    )


def _wait_for_an_answer(follower: Follower) -> None:
    """Wait for the first answer: a new database gets its tables first, which takes time."""
    deadline = time.monotonic() + FIRST_ANSWER_S
    while not follower.has_answered and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _incomplete(folder: SweepFolder, follower: Follower) -> TrackingError:
    return TrackingError(
        f"{folder.path} was not delivered whole: {follower.error or 'the tracker does not answer'}"
    )
