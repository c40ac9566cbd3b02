"""The sweep's own folder: where each of its files lies. Others rely on these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def progress_path(task_model: Path) -> Path:
    """Beside the folder of a task model, the file that says how far its training is."""
    return task_model.with_name(f"{task_model.name}.progress.json")


@dataclass(frozen=True)
class TrialFolder:
    """What one trial leaves behind."""

    path: Path

    @property
    def codec_weights(self) -> Path:
        return self.path / "codec.safetensors"

    @property
    def codec_config(self) -> Path:
        return self.path / "codec.json"

    @property
    def stream(self) -> Path:
        return self.path / "stream.bin"

    @property
    def samples(self) -> Path:
        return self.path / "samples.npz"

    @property
    def checkpoint(self) -> Path:
        """Where a trial that has not ended goes on from."""
        return self.path / "checkpoint.safetensors"

    @property
    def outcome(self) -> tuple[Path, ...]:
        """All that a trial that ran to its end leaves: its codec, the coded test split, each sample's class."""
        return self.codec_config, self.codec_weights, self.stream, self.samples


@dataclass(frozen=True)
class SweepFolder:
    """A sweep's folder; nothing is created before it is asked for."""

    path: Path

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def lock(self) -> Path:
        """The name of who writes the ledger, or wrote it last; the lock itself is on the ledger."""
        return self.path / "ledger.lock"

    @property
    def spec(self) -> Path:
        return self.path / "spec.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def trials_csv(self) -> Path:
        return self.path / "trials.csv"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def front_png(self) -> Path:
        return self.path / "front.png"

    @property
    def front_csv(self) -> Path:
        return self.path / "front.csv"

    @property
    def task_model(self) -> Path:
        return self.path / "task_model"

    @property
    def task_model_progress(self) -> Path:
        """How far its training is, while it is trained; see ``store.task_model_progress``."""
        return progress_path(self.task_model)

    @property
    def predictions(self) -> Path:
        """Labels and logits of validation and test: labels_validation, logits_validation, labels_test, logits_test."""
        return self.task_model / "predictions.npz"

    @property
    def requests(self) -> Path:
        """What people ask of the driver, a file each; see ``store.requests``."""
        return self.path / "requests"

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    def trial(self, trial_id: str) -> TrialFolder:
        return TrialFolder(self.trials / trial_id)
