"""Keeps the codecs on the front as MLflow models, linked to the run of their trial, and registers them if asked."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ratefront.columns import tracker_key
from ratefront.tracking.mlflow.model_folder import write_model
from ratefront.tracking.mlflow.registration import check_model_name, register
from ratefront.tracking.run_tags import NOTE_TAG, SWEEP_TAG, TRIAL_TAG
from ratefront.tracking.tracker_protocol import FrontCodec

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Metric, Run

MODEL_TYPE = "codec"
FRONT_TAG = "pareto"
_FORBIDDEN_IN_NAME = re.compile(r"[^\w-]")
_log = logging.getLogger(__name__)


class CodecModels:
    """The models of codecs in one experiment. With a name in ``register``, they are versions of that registered model.

    Every call may be repeated without effect.

    Raises:
        InputError: ``register`` cannot be a model's name.
    """

    def __init__(self, client: MlflowClient, experiment_id: str, register: str | None = None) -> None:
        check_model_name(register)
        self._client, self._experiment_id, self._register = client, experiment_id, register

    def log(self, run_id: str, sweep_id: str, codec: FrontCodec) -> None:
        """Keep the codec of a trial whose run has ended. If its files are gone, only log a warning."""
        from mlflow.entities import LoggedModelStatus

        missing = [path for path in (codec.config, codec.weights) if not path.is_file()]
        if missing:
            _log.warning("tracking: %s does not exist, trial %s is no model", missing[0], codec.trial_id)
            return
        run = self._client.get_run(run_id)
        model = self._find_model(run_id) or self._create(run, sweep_id, codec)
        if model.status != LoggedModelStatus.READY:
            self._complete(model, run, sweep_id, codec)
        if self._register is not None:
            register(
                self._client,
                self._register,
                model,
                alias=codec.trial_id,
                tags=_tags(sweep_id, codec),
                description=_note(codec),
            )

    def mark_front(self, sweep_id: str, trial_ids: Collection[str]) -> None:
        """Set the tag ``pareto`` of all models of a sweep: a trial may have left the front since."""
        for model in self._search(f"tags.{SWEEP_TAG} = '{sweep_id}' AND model_type = '{MODEL_TYPE}'"):
            is_on_front = str(model.tags.get(TRIAL_TAG) in trial_ids).lower()
            if model.tags.get(FRONT_TAG) != is_on_front:
                self._client.set_logged_model_tags(model.model_id, {FRONT_TAG: is_on_front})

    def _find_model(self, run_id: str) -> LoggedModel | None:
        """Return the run's model. A request whose answer was lost may have made a second, empty one: it is deleted."""
        from mlflow.entities import LoggedModelStatus

        filter_string = f"source_run_id = '{run_id}' AND model_type = '{MODEL_TYPE}'"
        models = sorted(
            self._search(filter_string),
            key=lambda model: (model.status != LoggedModelStatus.READY, model.creation_timestamp),
        )
        for model in models[1:]:
            self._client.delete_logged_model(model.model_id)
        return models[0] if models else None

    def _search(self, filter_string: str) -> list[LoggedModel]:
        models: list[LoggedModel] = []
        token: str | None = None
        while True:
            page = self._client.search_logged_models([self._experiment_id], filter_string, page_token=token)
            models += page
            token = page.token
            if not token:
                return models

    def _create(self, run: Run, sweep_id: str, codec: FrontCodec) -> LoggedModel:
        return self._client.create_logged_model(
            self._experiment_id,
            _FORBIDDEN_IN_NAME.sub("_", f"{codec.trial_id}-{codec.family}"),
            source_run_id=run.info.run_id,
            tags={**_tags(sweep_id, codec), FRONT_TAG: "true", NOTE_TAG: _note(codec)},
            params=dict(run.data.params),
            model_type=MODEL_TYPE,
        )

    def _complete(self, model: LoggedModel, run: Run, sweep_id: str, codec: FrontCodec) -> None:
        """Write all parts of a model; its status becomes READY last."""
        self._upload(model, run, sweep_id, codec)
        self._client.log_batch(run.info.run_id, metrics=_metrics(model, run, codec))
        self._link(model, run)
        self._client.finalize_logged_model(model.model_id, "READY")

    def _upload(self, model: LoggedModel, run: Run, sweep_id: str, codec: FrontCodec) -> None:
        from mlflow.models import Model

        description = Model(
            artifact_path=model.artifact_location,
            model_uuid=model.model_id,
            model_id=model.model_id,
            run_id=run.info.run_id,
        )
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            write_model(folder, description, codec, _tags(sweep_id, codec))
            self._client.log_model_artifacts(model.model_id, str(folder))

    def _link(self, model: LoggedModel, run: Run) -> None:
        from mlflow.entities import LoggedModelOutput

        outputs = run.outputs.model_outputs if run.outputs else []
        if model.model_id not in {output.model_id for output in outputs}:
            self._client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])


def _metrics(model: LoggedModel, run: Run, codec: FrontCodec) -> list[Metric]:
    """Return the model's metrics with the run's data set.

    Their time is that of the run's own metrics, so that the run gets no further points.
    """
    from mlflow.entities import Metric

    used = run.inputs.dataset_inputs if run.inputs else []
    dataset = used[0].dataset if used else None
    return [
        Metric(
            key,
            value,
            run.info.end_time or run.info.start_time,
            0,
            model_id=model.model_id,
            dataset_name=dataset.name if dataset else None,
            dataset_digest=dataset.digest if dataset else None,
            run_id=run.info.run_id,
        )
        for key, value in {
            tracker_key("rate_bits"): codec.rate_bits,
            tracker_key("accuracy"): codec.accuracy,
        }.items()
    ]


def _tags(sweep_id: str, codec: FrontCodec) -> dict[str, str]:
    return {
        SWEEP_TAG: sweep_id,
        TRIAL_TAG: codec.trial_id,
        "family": codec.family,
        "rate_bits": repr(codec.rate_bits),
        "accuracy": repr(codec.accuracy),
        "block_size": str(codec.block_size),
    }


def _note(codec: FrontCodec) -> str:
    """Return a description without markup: a page shows it as Markdown, a table as plain text."""
    accuracy = f"{codec.accuracy:.2%}".replace("%", " %")
    return (
        f"{codec.trial_id} {codec.family}: {codec.rate_bits:.3f} bit/sample, accuracy {accuracy} on test, in "
        f"blocks of {codec.block_size} samples."
    )
