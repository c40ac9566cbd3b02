"""Every requested trial has ended exactly once, in the ledger, in the tables and in MLflow, whatever was killed."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import Any

from ratefront.history.events import Failed, Finished, Planned, Pruned, Started, Stopped
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.front_trials import front_of
from ratefront.trial_records import ENDED

#: How MLflow calls the end of a trial.
MLFLOW_STATUS = {
    "finished": "FINISHED",
    "collapsed": "FINISHED",
    "pruned": "KILLED",
    "stopped": "KILLED",
    "failed": "FAILED",
}


def assert_accounted(folder: SweepFolder, trials: int) -> Counter[str]:
    """Every requested trial has ended once, by the ledger, trials.csv, summary.json and MLflow."""
    history = read_history(folder)
    statuses = {name: trial.status for name, trial in history.trials.items()}
    names = [f"t{number:04d}" for number in range(trials)]
    assert list(statuses) == names
    assert set(statuses.values()) <= set(ENDED)
    assert history.ended
    _assert_once_in_ledger(folder, names)
    _assert_once_in_table(folder, statuses)
    _assert_once_in_mlflow(folder, statuses)
    return Counter(statuses.values())


def _assert_once_in_ledger(folder: SweepFolder, names: list[str]) -> None:
    planned, ended, attempts = [], Counter[str](), Counter[tuple[str, int]]()
    for entry in read_entries(folder.ledger):
        match entry.event:
            case Planned(trial_id):
                planned.append(trial_id)
            case Started(trial_id, attempt):
                attempts[trial_id, attempt] += 1
            case Finished(trial_id) | Pruned(trial_id) | Stopped(trial_id) | Failed(trial_id, final=True):
                ended[trial_id] += 1
    assert planned == names
    assert ended == Counter(names)
    assert set(attempts.values()) <= {1}


def _assert_once_in_table(folder: SweepFolder, statuses: dict[str, Any]) -> None:
    with folder.trials_csv.open(newline="") as stream:
        rows = [(row["trial_id"], row["status"], row["reason"]) for row in csv.DictReader(stream)]
    assert [(name, status) for name, status, _ in rows] == list(statuses.items())
    assert all(reason for _, status, reason in rows if status in ("failed", "pruned", "stopped"))
    summary = json.loads(folder.summary.read_text())
    counted = Counter(statuses.values())
    assert summary["trials_requested"] == len(statuses)
    assert {status: summary[f"trials_{status}"] for status in ENDED} == {s: counted[s] for s in ENDED}


def _assert_once_in_mlflow(folder: SweepFolder, statuses: dict[str, Any]) -> None:
    from mlflow.tracking import MlflowClient

    from ratefront.tracking.tracking_uri import default_uri

    client = MlflowClient(default_uri(folder.path))
    (experiment,) = [e for e in client.search_experiments() if e.name == "ratefront"]
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(runs) == len(children) + 1
    tracked = {run.info.run_name.split()[0]: run.info.status for run in children}
    assert len(tracked) == len(children), "a trial has two runs"
    assert tracked == {name: MLFLOW_STATUS[status] for name, status in statuses.items()}


def measured(folder: SweepFolder) -> tuple[list[str], dict[str, Any]]:
    """Return the front and each trial's measurements: what must not depend on what was killed (times do)."""
    history = read_history(folder)
    trials = {
        name: (trial.params, trial.status, trial.result and (trial.result.validation, trial.result.test))
        for name, trial in history.trials.items()
    }
    return [trial.params.trial_id for trial in front_of(history)], trials
