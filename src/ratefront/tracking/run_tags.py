"""A run's name, status and tags, and its data set. The same in every tracker."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Literal, TypeAlias

from ratefront.history.sweep_history import TrialHistory
from ratefront.safe_text import plain_markdown
from ratefront.store.task_model_info import DatasetInfo
from ratefront.tracking.run_keys import VALUE_CHARACTERS, shorten
from ratefront.tracking.run_notes import first_note, percent, rate_text, trial_note
from ratefront.tracking.tracker_protocol import (
    Outcome,
    ParetoRank,
    Provenance,
    TrackedEnding,
    TrackedSweep,
    TrialUpdate,
)
from ratefront.trial_records import Status, series_of

RunStatus: TypeAlias = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]
#: MLflow's status of a run for each status of a trial.
RUN_STATUS: Mapping[Status, RunStatus] = {
    "planned": "RUNNING",
    "running": "RUNNING",
    "finished": "FINISHED",
    "collapsed": "FINISHED",
    "pruned": "KILLED",
    "stopped": "KILLED",
    "failed": "FAILED",
}
#: MLflow's status of a run for each outcome of a sweep.
SWEEP_STATUS: Mapping[Outcome, RunStatus] = {
    "finished": "FINISHED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
SWEEP_TAG = "sweep_id"
TRIAL_TAG = "trial_id"
NOTE_TAG = "mlflow.note.content"
COMMIT_TAG = "mlflow.source.git.commit"
SOURCE_TAGS: Mapping[str, str] = {"mlflow.source.name": "ratefront", "mlflow.source.type": "LOCAL"}
REASON_CHARACTERS = 500
DIGEST_CHARACTERS = 16


def sweep_run_name(sweep: TrackedSweep) -> str:
    """Return the sweep's name and local time of creation."""
    return f"{sweep.name} {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(sweep.created_time))}"


def trial_run_name(trial: TrialHistory) -> str:
    """Return ``t0042 split conv2`` while it runs, then ``t0042 split conv2 8.1 bit 98.2 %`` (test values)."""
    values = trial.params.values
    parts = [
        trial.params.trial_id,
        trial.params.family,
        *([str(values["split"])] if "split" in values else []),
    ]
    if trial.result is not None:
        parts += [rate_text(trial.result.test.rate_bits), percent(trial.result.test.accuracy)]
    return " ".join(parts)


def sweep_tags(sweep: TrackedSweep) -> dict[str, str]:
    """Return the tags of a sweep's run when it is made."""
    return {
        SWEEP_TAG: sweep.identity,
        "sweep": sweep.name,
        "ratefront_version": sweep.ratefront_version,
        "status": "running",
        NOTE_TAG: first_note(sweep),
        **SOURCE_TAGS,
    }


def folder_tags(provenance: Provenance) -> dict[str, str]:
    """Return the tags that a sweep's run gets from its folder."""
    return {"folder": str(provenance.folder), **provenance_tags(provenance)}


def provenance_tags(provenance: Provenance | None) -> dict[str, str]:
    """Return the tags for commit and data set, as far as they are known."""
    if provenance is None:
        return {}
    commit, dataset = provenance.git_commit, provenance.dataset
    return {
        **({COMMIT_TAG: commit} if commit else {}),
        **({"dataset": dataset.called} if dataset else {}),
    }


def ending_tags(ending: TrackedEnding) -> dict[str, str]:
    """Return the tags that say how the sweep ended.

    Without a new note and a reason, the note stays as it was. An interrupted sweep keeps the reason of an earlier
    failure, because the cause may still be there.
    """
    reason = shorten(ending.reason, REASON_CHARACTERS)
    note = ending.note or (f"The sweep broke off: {plain_markdown(reason)}" if reason else "")
    shown = {NOTE_TAG: shorten(note, VALUE_CHARACTERS)} if note else {}
    why = {} if ending.outcome == "interrupted" else {"status_reason": reason}
    return {"status": ending.outcome, **why, **shown}


def trial_tags(sweep: TrackedSweep, update: TrialUpdate, provenance: Provenance | None) -> dict[str, str]:
    """Return the tags of the trial as it is now. ``status_reason`` is empty if there is nothing to explain."""
    trial = update.trial
    tags = {
        SWEEP_TAG: sweep.identity,
        TRIAL_TAG: trial.params.trial_id,
        "family": trial.params.family,
        "series": series_of(trial.params.values),
        "status": trial.status,
        "status_reason": shorten(trial.reason, REASON_CHARACTERS),
        NOTE_TAG: trial_note(update),
        **SOURCE_TAGS,
        **provenance_tags(provenance),
        **pareto_tags(update.pareto_rank),
    }
    if trial.repeat_of:
        tags["repeat_of"] = trial.repeat_of
    if trial.attempts > 1:
        tags["attempts"] = str(trial.attempts)
    return tags


def pareto_tags(pareto_rank: ParetoRank | None) -> dict[str, str]:
    """Return the tags ``pareto`` and ``pareto_rank``; none before the front is final."""
    if pareto_rank is None:
        return {}
    return {"pareto": str(pareto_rank.is_on_front).lower(), "pareto_rank": str(pareto_rank.rank)}


def dataset_fields(dataset: DatasetInfo) -> dict[str, str]:
    """Return MLflow's fields of a data set. Each is text, some of it JSON."""
    source = json.dumps({"name": dataset.name, **dataset.parameters}, sort_keys=True, default=str)
    shape = {"shape": dataset.shape, "classes": dataset.classes}
    return {
        "name": dataset.called,
        "digest": (dataset.digest or hashlib.sha256(source.encode()).hexdigest())[:DIGEST_CHARACTERS],
        "source_type": "ratefront",
        "source": source,
        "schema": json.dumps({name: value for name, value in shape.items() if value is not None}),
        "profile": json.dumps({"samples": dataset.samples or {}}),
    }
