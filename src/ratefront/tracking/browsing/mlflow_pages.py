"""Finds a sweep in an MLflow store, and the addresses of the pages that show it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ratefront.history.events import Created
from ratefront.store.ledger.read_ledger import entries_of, has_not_begun
from ratefront.store.sweep_folder import SweepFolder
from ratefront.tracking.mlflow.mlflow_logging import import_quiet_mlflow
from ratefront.tracking.mlflow.saved_views import run_address, start_address, sweeps_address, trials_address
from ratefront.tracking.run_tags import SWEEP_TAG
from ratefront.tracking.tracker_protocol import TrackedSweep

#: How long a server may take for each of three answers, unless the user sets it.
SECONDS_TO_ANSWER = "5"


@dataclass(frozen=True)
class SweepLocation:
    """An experiment with the keys of its tags. ``run_id`` is the sweep's own run, if the experiment has it."""

    experiment_id: str
    tags: frozenset[str]
    run_id: str | None = None


def sweep_of(folder: SweepFolder) -> TrackedSweep:
    """Return the sweep as trackers know it. Only the ledger's first entry is read.

    Raises:
        InputError: There is no ledger, or it is empty.
        LedgerDamagedError: The first entry cannot be read.
    """
    first = next(entries_of(folder), None)
    if first is None or not isinstance(first.event, Created):
        raise has_not_begun(folder)
    event = first.event
    return TrackedSweep(event.sweep, first.time, event.ratefront_version, event.spec)


def page_addresses(base: str, location: SweepLocation | None, sweep: TrackedSweep | None) -> dict[str, str]:
    """Return addresses by what they show. MLflow itself would open an experiment on an empty page about traces."""
    if location is None:
        return {"all experiments": start_address(base)}
    experiment, tags = location.experiment_id, location.tags
    all_sweeps = {"all sweeps": sweeps_address(base, experiment, tags)}
    if sweep is None or location.run_id is None:
        return all_sweeps
    return {
        f"trials of {sweep.name}": trials_address(base, experiment, sweep.identity, sweep.objectives, tags),
        "the sweep itself": run_address(base, experiment, location.run_id),
        **all_sweeps,
    }


def find_sweep(uri: str, sweep: TrackedSweep | None) -> SweepLocation | None:
    """Find the sweep, or else the newest experiment; None in a store without experiments.

    A database must have its tables.

    Raises:
        Exception: Any error of MLflow's: the store does not answer, or refuses access.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", SECONDS_TO_ANSWER)
    import_quiet_mlflow()
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    newest_first = client.search_experiments(order_by=["last_update_time DESC"])
    tags = {experiment.experiment_id: frozenset(experiment.tags) for experiment in newest_first}
    if sweep and tags:
        own_run = f"tags.{SWEEP_TAG} = '{sweep.identity}' AND tags.sweep LIKE '%'"
        for run in client.search_runs(list(tags), own_run, max_results=1):
            return SweepLocation(run.info.experiment_id, tags[run.info.experiment_id], run.info.run_id)
    return next((SweepLocation(*newest) for newest in tags.items()), None)
