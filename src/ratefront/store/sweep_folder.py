"""The sweep's own folder: the path of each of its files. Other programs rely on these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def progress_path(task_model: Path) -> Path:
    """The file beside the folder of a task model that says how far its training is."""
    return task_model.with_name(f"{task_model.name}.progress.json")


@dataclass(frozen=True)
class TrialFolder:
    """The files of one trial."""

    path: Path

    @property
    def codec_weights(self) -> Path:
        """The weights of its codec."""
        return self.path / "codec.safetensors"

    @property
    def codec_config(self) -> Path:
        """What its codec is made of, besides the weights."""
        return self.path / "codec.json"

    @property
    def stream(self) -> Path:
        """The coded test split."""
        return self.path / "stream.bin"

    @property
    def samples(self) -> Path:
        """The decoded class of each sample."""
        return self.path / "samples.npz"

    @property
    def checkpoint(self) -> Path:
        """What a trial that has not ended goes on from."""
        return self.path / "checkpoint.safetensors"

    @property
    def outcome(self) -> tuple[Path, ...]:
        """All files of a trial that ran to its end: its codec, the coded test split, the class of each sample."""
        return self.codec_config, self.codec_weights, self.stream, self.samples


@dataclass(frozen=True)
class SweepFolder:
    """The paths of a sweep's files. Nothing is created here."""

    path: Path

    @property
    def ledger(self) -> Path:
        """Every event of the sweep, in order."""
        return self.path / "ledger.jsonl"

    @property
    def lock(self) -> Path:
        """The name of the process that writes the ledger, or wrote it last. The lock itself is on the ledger."""
        return self.path / "ledger.lock"

    @property
    def spec(self) -> Path:
        """The sweep file, resolved."""
        return self.path / "spec.yaml"

    @property
    def environment(self) -> Path:
        """Where the first start ran (see ``store.environment_files``)."""
        return self.path / "environment.json"

    @property
    def trials_csv(self) -> Path:
        """A row for each trial that has ended."""
        return self.path / "trials.csv"

    @property
    def summary(self) -> Path:
        """The sweep in one JSON object."""
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.path / "report.html"

    @property
    def front_png(self) -> Path:
        """The figure of the front."""
        return self.path / "front.png"

    @property
    def front_csv(self) -> Path:
        """A row for each trial on the front."""
        return self.path / "front.csv"

    @property
    def task_model(self) -> Path:
        """The folder of the task model."""
        return self.path / "task_model"

    @property
    def task_model_progress(self) -> Path:
        """How far the task model's training is, while it is trained (see ``store.task_model_progress``)."""
        return progress_path(self.task_model)

    @property
    def predictions(self) -> Path:
        """The task model's predictions: arrays ``labels_validation``, ``logits_validation`` and the same of test."""
        return self.task_model / "predictions.npz"

    @property
    def requests(self) -> Path:
        """Requests to the driver, a file each (see ``store.ledger.stop_requests``)."""
        return self.path / "requests"

    @property
    def trials(self) -> Path:
        """The folders of the trials."""
        return self.path / "trials"

    def trial(self, trial_id: str) -> TrialFolder:
        """The files of one trial."""
        return TrialFolder(self.trials / trial_id)
