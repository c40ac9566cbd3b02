"""One experiment in MLflow, and runs that are written in as few requests as MLflow's limits allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from ratefront.errors import InputError
from ratefront.safe_text import without_credentials
from ratefront.store.task_model_info import DatasetInfo
from ratefront.tracking import run_tags
from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.mlflow.database_tables import prepare_database
from ratefront.tracking.mlflow.mlflow_logging import import_quiet_mlflow
from ratefront.tracking.mlflow.run_calls import run_calls
from ratefront.tracking.run_keys import MetricPoint, milliseconds
from ratefront.tracking.run_tags import SWEEP_TAG, RunStatus

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

_Item = TypeVar("_Item")

#: ``log_batch`` takes at most 1000 metrics, 100 parameters, 100 tags, and 1000 of all together.
METRICS_PER_CALL, PARAMS_PER_CALL, TAGS_PER_CALL = 800, 100, 100
RUNS_PER_PAGE = 1000
NAME_TAG = "mlflow.runName"


@dataclass
class StoredRun:
    """A run in the store, with the tags that we know it has."""

    run_id: str
    status: RunStatus
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    has_params: bool = False
    has_dataset: bool = False
    metrics: int = 0

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read a run that MLflow has found."""
        info, data = run.info, run.data
        return cls(
            info.run_id,
            info.status,
            info.start_time or 0,
            dict(data.tags),
            bool(data.params),
            bool(run.inputs and run.inputs.dataset_inputs),
            len(data.metrics),
        )

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.status != "RUNNING"


class MlflowStore:
    """One experiment of one store. Creating it creates a missing database schema and a missing experiment.

    ``client`` is for models. ``artifacts`` is the folder where a new experiment of a database keeps its files.

    Raises:
        InputError: The experiment was deleted, its files are on a server and ``uri`` is not that server, or ``uri`` is
            a database that cannot be used (see ``prepare_database``).
    """

    def __init__(self, uri: str, experiment: str, artifacts: Path | None = None) -> None:
        import_quiet_mlflow()
        if not addresses.is_server(uri):
            prepare_database(uri)
        from mlflow import MlflowClient

        self.client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._calls = run_calls(uri, self.client)
        self._experiment_tags: dict[str, str] = {}
        self.experiment_id = self._experiment(uri, experiment, artifacts)

    def _experiment(self, uri: str, name: str, artifacts: Path | None) -> str:
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            return str(self.client.create_experiment(name, addresses.artifact_location(uri, artifacts)))
        check_not_deleted(experiment, uri)
        if experiment.artifact_location.startswith("mlflow-artifacts:") and not addresses.is_server(uri):
            raise InputError(
                f"experiment {name!r} keeps its files with a server: give that server's address instead of its "
                "database's, or another experiment"
            )
        self._experiment_tags = dict(experiment.tags)
        return str(experiment.experiment_id)

    def tag_experiment(self, tags: Mapping[str, str]) -> None:
        """Set those tags that the experiment does not have."""
        for name, value in tags.items():
            if self._experiment_tags.get(name) != value:
                self.client.set_experiment_tag(self.experiment_id, name, value)
                self._experiment_tags[name] = value

    def runs_of(self, sweep_id: str) -> list[StoredRun]:
        """Return every run with the sweep's identity, the oldest first, without deleted ones."""
        runs: list[StoredRun] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                f"tags.{SWEEP_TAG} = '{sweep_id}'",
                max_results=RUNS_PER_PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            runs += map(StoredRun.of, page)
            token = page.token
            if not token:
                return runs

    def create(self, name: str, start_ms: int, tags: Mapping[str, str]) -> StoredRun:
        """Create a running run."""
        run_id = self._calls.create(self.experiment_id, name, start_ms, tags)
        return StoredRun(run_id, "RUNNING", start_ms, {NAME_TAG: name, **tags})

    def write(
        self,
        run: StoredRun,
        points: Sequence[MetricPoint],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        """Log points and parameters, and those tags that differ from the run's."""
        changed = {name: value for name, value in tags.items() if run.tags.get(name, "") != value}
        calls = zip_longest(
            batches(points, METRICS_PER_CALL),
            batches(list(params.items()), PARAMS_PER_CALL),
            batches(list(changed.items()), TAGS_PER_CALL),
            fillvalue=(),
        )
        for some_points, some_params, some_tags in calls:
            self._calls.log(run.run_id, some_points, some_params, some_tags)
        run.tags |= changed
        run.has_params = run.has_params or bool(params)

    def add_dataset(self, run: StoredRun, dataset: DatasetInfo) -> None:
        """Add the data set as an input of the run."""
        self._calls.add_dataset(run.run_id, run_tags.dataset_fields(dataset), "train, validation, test")
        run.has_dataset = True

    def add_artifact(self, run: StoredRun, path: Path) -> None:
        """Upload a file."""
        self.client.log_artifact(run.run_id, str(path))

    def end(self, run: StoredRun, status: RunStatus, time: float) -> None:
        """End the run at ``time`` (seconds since the epoch), and not before it began: a clock may be set back."""
        self._calls.update(run.run_id, status, max(run.start_ms, milliseconds(time)))
        run.status = status

    def reopen(self, run: StoredRun) -> None:
        """Let an ended run be running again."""
        self._calls.update(run.run_id, "RUNNING")
        run.status = "RUNNING"

    def delete(self, run: StoredRun) -> None:
        """Delete the run."""
        self.client.delete_run(run.run_id)


def check_not_deleted(experiment: Experiment, uri: str) -> None:
    """Check that runs can be added to an experiment.

    Raises:
        InputError: It was deleted.
    """
    if experiment.lifecycle_stage != "active":
        raise InputError(
            f"experiment {experiment.name!r} was deleted in {without_credentials(uri)}; restore it or name another"
        )


def batches(items: Sequence[_Item], size: int) -> list[Sequence[_Item]]:
    """Divide the items into parts of at most ``size``, in their order."""
    return [items[start : start + size] for start in range(0, len(items), size)]
