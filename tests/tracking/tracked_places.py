"""Places that trackers write to and that a test reads back, and how a driver follows a story there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from tests.tracking.ledger_stories import Story

from ratefront.tracking.delivery.folder_content import FolderContent, NoFolder
from ratefront.tracking.delivery.follower import Follower, FollowerTiming
from ratefront.tracking.in_memory_tracker import InMemoryTracker, RunRecord
from ratefront.tracking.run_keys import MetricPoint
from ratefront.tracking.tracker_protocol import FrontCodec, Outcome, TrackedEnding, Tracker
from ratefront.tracking.tracking_uri import sqlite_uri

EXPERIMENT = "ratefront"
QUICK = FollowerTiming(poll=0.01, settle=0.0, retry=0.01, retry_max=0.02, retry_max_closing=0.02)


class Place(Protocol):
    """Somewhere that trackers write to and that a test reads back."""

    def tracker(self) -> Tracker:
        """A tracker as a new driver would have it, on what earlier ones left."""

    def runs(self) -> list[RunRecord]:
        """Every run; tags without the ones that MLflow adds by itself, empty ones left out."""


@dataclass
class MemoryPlace:
    kept: InMemoryTracker = field(default_factory=InMemoryTracker)

    def tracker(self) -> Tracker:
        return self.kept

    def runs(self) -> list[RunRecord]:
        sweeps = deepcopy(self.kept.sweeps).values()
        runs = [run for sweep in sweeps for run in (sweep.parent, *sweep.trials.values())]
        for run in runs:
            run.tags = {name: value for name, value in run.tags.items() if value}
        return runs


@dataclass
class MlflowPlace:
    """``behind`` is the database of a server, where there is one: curves are read there in a tenth of the time."""

    uri: str
    experiment: str = EXPERIMENT
    behind: str | None = None

    @classmethod
    def copied(cls, empty_store: Path, folder: Path) -> Self:
        return cls(sqlite_uri(Path(shutil.copy(empty_store, folder / "mlflow.db"))))

    def tracker(self) -> Tracker:
        from ratefront.tracking.mlflow.mlflow_tracker import MlflowTracker

        return MlflowTracker(self.uri, self.experiment)

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri)

    def stored(self) -> list[Any]:
        experiment = self.client.get_experiment_by_name(self.experiment)
        return [] if experiment is None else list(self.client.search_runs([experiment.experiment_id]))

    def runs(self) -> list[RunRecord]:
        return [self._record(run) for run in self.stored()]

    def _record(self, run: Any) -> RunRecord:
        info, data = run.info, run.data
        return RunRecord(
            name=info.run_name,
            status=info.status,
            start_ms=info.start_time,
            end_ms=info.end_time,
            params=dict(data.params),
            tags={name: value for name, value in data.tags.items() if value and _is_ours(name)},
            points={point for name in data.metrics for point in self.history(info.run_id, name)},
            artifacts={artifact.path for artifact in self.client.list_artifacts(info.run_id)},
            datasets={used.dataset.name for used in run.inputs.dataset_inputs},
            models=self._models(info),
        )

    def _models(self, info: Any) -> set[str]:
        """By the trials that they are of."""
        models = self.client.search_logged_models(
            [info.experiment_id], filter_string=f"source_run_id = '{info.run_id}'"
        )
        return {str(model.tags["trial_id"]) for model in models}

    def history(self, run_id: str, name: str) -> list[MetricPoint]:
        from mlflow import MlflowClient

        points = MlflowClient(tracking_uri=self.behind or self.uri).get_metric_history(run_id, name)
        return [MetricPoint(point.key, point.value, point.timestamp, point.step) for point in points]


def _is_ours(tag: str) -> bool:
    return tag.startswith(("mlflow.note.", "mlflow.source.")) or not tag.startswith("mlflow.")


def follow(story: Story, tracker: Tracker, files: FolderContent | NoFolder | None = None) -> Follower:
    return Follower(story.reader(), tracker, QUICK, files).start()


def finish(
    follower: Follower,
    *,
    figures: dict[str, float] | None = None,
    artifacts: Iterable[Path] = (),
    outcome: Outcome = "finished",
    reason: str = "",
    note: str = "**digits** done",
    shows_pareto_rank: bool = True,
    codecs: tuple[FrontCodec, ...] = (),
    patience: float = 30.0,
) -> int:
    """End as a driver does; returns the number of entries that were not delivered."""
    values = {"hypervolume": 0.5} if figures is None else figures
    ending = TrackedEnding(
        outcome, values, tuple(artifacts), note, reason, codecs=codecs, shows_pareto_rank=shows_pareto_rank
    )
    return follower.finish(ending, patience)


def fake_codec(folder: Path, trial_id: str, weights: bytes = b"weights") -> FrontCodec:
    """Files as a trial leaves them, as far as a tracker reads them."""
    files = folder / "codec.json", folder / "codec.safetensors"
    files[0].write_text('{"family": "label", "shape": [1, 8, 8], "task_model": {"name": "small_cnn"}}')
    files[1].write_bytes(weights)
    return FrontCodec(trial_id, "label", *files, 1000, 3.3, 0.97)


def show(story: Story, place: Place, **ending: Any) -> dict[str, RunRecord]:
    """Follow a story to its end and give the runs by trial, the sweep's own under ``""``."""
    assert finish(follow(story, place.tracker()), **ending) == 0
    return by_trial(place)


def by_trial(place: Place) -> dict[str, RunRecord]:
    runs = place.runs()
    named = {run.tags.get("trial_id", ""): run for run in runs}
    assert len(named) == len(runs), "one run a trial, and one for the sweep"
    return named
