"""The calls that every trial needs: through MLflow's client, or directly to a server.

MLflow's client checks at every request whether it runs on Databricks, and copies every value three times. That is a
fifth of the time that a trial costs at both ends together. docs/results/tracking.md has the cost of each way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from typing_extensions import override

from ratefront.tracking import tracking_uri as addresses
from ratefront.tracking.mlflow.server_session import ServerSession, needs_client
from ratefront.tracking.run_keys import MetricPoint
from ratefront.tracking.run_tags import RunStatus

if TYPE_CHECKING:
    from mlflow import MlflowClient

Pair: TypeAlias = tuple[str, str]


class RunCalls(Protocol):
    """Calls that concern one run. Several threads may call at the same time."""

    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        """Create a run and return its id."""

    def log(
        self, run_id: str, points: Sequence[MetricPoint], params: Sequence[Pair], tags: Sequence[Pair]
    ) -> None:
        """Log to a run, together no more than MLflow accepts in one call."""

    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        """Add a data set to the run's inputs. ``dataset`` has MLflow's fields."""

    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        """End a run, or reopen it."""


def run_calls(uri: str, client: MlflowClient) -> RunCalls:
    """Return direct calls for a server that needs at most a password or a token, else calls through MLflow's client."""
    return ServerCalls(uri) if addresses.is_server(uri) and not needs_client() else ClientCalls(client)


class ClientCalls(RunCalls):
    """Calls through MLflow's client."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    @override
    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(experiment_id, start_time=start_ms, tags=dict(tags), run_name=name)
        return str(run.info.run_id)

    @override
    def log(
        self, run_id: str, points: Sequence[MetricPoint], params: Sequence[Pair], tags: Sequence[Pair]
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run_id,
            [Metric(point.key, point.value, point.time_ms, point.step) for point in points],
            [Param(*item) for item in params],
            [RunTag(*item) for item in tags],
        )

    @override
    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        used = DatasetInput(Dataset(**dataset), [InputTag("mlflow.data.context", context)])
        self._client.log_inputs(run_id, datasets=[used])

    @override
    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        if end_ms is None:
            self._client.update_run(run_id, status=status)
        else:
            self._client.set_terminated(run_id, status, end_ms)


class ServerCalls(RunCalls):
    """Calls over HTTP, on connections that stay open."""

    def __init__(self, uri: str) -> None:
        self._session = ServerSession(uri)

    @override
    def create(self, experiment_id: str, name: str, start_ms: int, tags: Mapping[str, str]) -> str:
        answer = self._session.post(
            "runs/create",
            {
                "experiment_id": experiment_id,
                "run_name": name,
                "start_time": start_ms,
                "tags": _pairs(tags.items()),
            },
        )
        return str(answer["run"]["info"]["run_id"])

    @override
    def log(
        self, run_id: str, points: Sequence[MetricPoint], params: Sequence[Pair], tags: Sequence[Pair]
    ) -> None:
        metrics = [
            {"key": point.key, "value": point.value, "timestamp": point.time_ms, "step": point.step}
            for point in points
        ]
        self._session.post(
            "runs/log-batch",
            {"run_id": run_id, "metrics": metrics, "params": _pairs(params), "tags": _pairs(tags)},
        )

    @override
    def add_dataset(self, run_id: str, dataset: Mapping[str, str], context: str) -> None:
        used = {"dataset": dict(dataset), "tags": _pairs([("mlflow.data.context", context)])}
        self._session.post("runs/log-inputs", {"run_id": run_id, "datasets": [used]})

    @override
    def update(self, run_id: str, status: RunStatus, end_ms: int | None = None) -> None:
        end = {} if end_ms is None else {"end_time": end_ms}
        self._session.post("runs/update", {"run_id": run_id, "status": status, **end})


def _pairs(items: Iterable[Pair]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in items]
