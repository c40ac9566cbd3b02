"""The pages of MLflow's UI that show a sweep, and where in a store it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ratefront.events import Created
from ratefront.store.folder import SweepFolder
from ratefront.store.reading import entries_of, has_not_begun
from ratefront.tracking.mlflow_store import quieten, reach_database
from ratefront.tracking.presentation import SWEEP_TAG
from ratefront.tracking.protocol import TrackedSweep
from ratefront.tracking.uri import is_server
from ratefront.tracking.view_state import (
    SWEEPS_KEY,
    VIEW_TAG,
    run_address,
    runs_address,
    sweeps_address,
    table_address,
    view_tags,
    viewless_address,
)

#: How long a server may take for each of three answers, where nothing else is said.
SECONDS_TO_ANSWER = "5"


@dataclass(frozen=True)
class Place:
    """An experiment in a store with the keys of its tags; ``run_id`` is the sweep's own run, where that is there."""

    experiment_id: str
    tags: frozenset[str]
    run_id: str | None = None


def sweep_of(folder: SweepFolder) -> TrackedSweep:
    """The sweep as trackers know it; only the ledger's first entry is read.

    Raises
    ------
    InputError
        There is no ledger, or it holds nothing yet.
    LedgerDamagedError
        The first entry cannot be read.
    """
    first = next(entries_of(folder), None)
    if first is None or not isinstance(first.event, Created):
        raise has_not_begun(folder)
    event = first.event
    return TrackedSweep(event.sweep, first.time, event.ratefront_version, event.spec)


def pages(base: str, place: Place | None, sweep: TrackedSweep | None) -> dict[str, str]:
    """Addresses by what they show; MLflow itself would open an experiment on an empty page about traces.

    Where the experiment lacks our views MLflow would refuse their addresses: then its own table has to do.
    """
    if place is None:
        return {"all experiments": f"{base}/#/experiments?workflowType=machine_learning"}
    experiment = place.experiment_id
    address_of_all = sweeps_address if VIEW_TAG + SWEEPS_KEY in place.tags else runs_address
    all_sweeps = {"all sweeps": address_of_all(base, experiment)}
    if sweep is None or place.run_id is None:
        return all_sweeps
    has_view = view_tags(sweep.objectives, sweep.identity).keys() <= place.tags
    address = table_address if has_view else viewless_address
    return {
        f"trials of {sweep.name}": address(base, experiment, sweep.identity, sweep.objectives),
        "the sweep itself": run_address(base, experiment, place.run_id),
        **all_sweeps,
    }


def place_in_sqlite(store: Path, sweep: TrackedSweep | None) -> Place | None:
    """Where the sweep is, else the newest experiment; None in a store without any, or one that looks otherwise.

    Read without MLflow, whose import takes seconds.
    """
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as database:
            row = database.execute(_RUN_OF_SWEEP, [sweep.identity]).fetchone() if sweep else None
            row = row or database.execute(_NEWEST_EXPERIMENT).fetchone()
            tags = database.execute(_TAGS_OF_EXPERIMENT, row[:1]).fetchall() if row else []
    except sqlite3.Error:
        return None
    return Place(str(row[0]), frozenset(key for (key,) in tags), row[1]) if row else None


_RUN_OF_SWEEP = """
    SELECT experiment_id, run_uuid FROM runs JOIN tags AS its USING (run_uuid) JOIN tags AS own USING (run_uuid)
    WHERE its.key = 'sweep_id' AND its.value = ? AND own.key = 'sweep' AND lifecycle_stage = 'active'"""
_NEWEST_EXPERIMENT = """
    SELECT experiment_id, NULL FROM experiments WHERE lifecycle_stage = 'active' ORDER BY last_update_time DESC"""
_TAGS_OF_EXPERIMENT = "SELECT key FROM experiment_tags WHERE experiment_id = ?"


def place_in_store(uri: str, sweep: TrackedSweep | None) -> Place | None:
    """The same of a server, or of a database that MLflow reaches; MLflow knows how, and users and passwords.

    Raises
    ------
    Exception
        Whatever MLflow runs into: the store does not answer, or does not let one in.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", SECONDS_TO_ANSWER)
    quieten()
    if not is_server(uri):
        reach_database(uri)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    newest_first = client.search_experiments(order_by=["last_update_time DESC"])
    tags = {found.experiment_id: frozenset(found.tags) for found in newest_first}
    if sweep and tags:
        own_run = f"tags.{SWEEP_TAG} = '{sweep.identity}' AND tags.sweep LIKE '%'"
        for run in client.search_runs(list(tags), own_run, max_results=1):
            return Place(run.info.experiment_id, tags[run.info.experiment_id], run.info.run_id)
    return next((Place(*newest) for newest in tags.items()), None)
