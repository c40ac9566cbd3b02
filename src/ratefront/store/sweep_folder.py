"""The sweep's own folder: the path of each of its files. Other programs rely on these names.

A sweep's folder may come from a stranger. So each path is looked at when it is asked for: every property raises
InputError where a symbolic link, a pipe or a device lies on the way (see ``store.files.inside``). A path is asked for
just before it is used, and not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ratefront.errors import InputError
from ratefront.store.files.inside import check_entries, inside

#: Names of trials' folders: those of a sweep, and what a caller of ``run_trial`` names a single trial.
_TRIAL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


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
        return inside(self.path, "codec.safetensors")

    @property
    def codec_config(self) -> Path:
        """What its codec is made of, besides the weights."""
        return inside(self.path, "codec.json")

    @property
    def stream(self) -> Path:
        """The coded test split."""
        return inside(self.path, "stream.bin")

    @property
    def samples(self) -> Path:
        """The decoded class of each sample."""
        return inside(self.path, "samples.npz")

    @property
    def checkpoint(self) -> Path:
        """What a trial that has not ended goes on from."""
        return inside(self.path, "checkpoint.safetensors")

    @property
    def outcome(self) -> tuple[Path, ...]:
        """All files of a trial that ran to its end: its codec, the coded test split, the class of each sample."""
        return self.codec_config, self.codec_weights, self.stream, self.samples


@dataclass(frozen=True)
class SweepFolder:
    """The paths of a sweep's files. Nothing is created here."""

    path: Path

    def check_entries(self) -> None:
        """Look at everything in the folder, except at the files of trials, before the first of it is used.

        Raises:
            InputError: There is a link, a pipe or a device.
        """
        for folder in (self.path, self.task_model, self.requests, self.trials):
            check_entries(folder)

    @property
    def ledger(self) -> Path:
        """Every event of the sweep, in order."""
        return inside(self.path, "ledger.jsonl")

    @property
    def lock(self) -> Path:
        """The name of the process that writes the ledger, or wrote it last. The lock itself is on the ledger."""
        return inside(self.path, "ledger.lock")

    @property
    def spec(self) -> Path:
        """The sweep file, resolved."""
        return inside(self.path, "spec.yaml")

    @property
    def environment(self) -> Path:
        """Where the first start ran (see ``store.environment_files``)."""
        return inside(self.path, "environment.json")

    @property
    def trials_csv(self) -> Path:
        """A row for each trial that has ended."""
        return inside(self.path, "trials.csv")

    @property
    def summary(self) -> Path:
        """The sweep in one JSON object."""
        return inside(self.path, "summary.json")

    @property
    def importance(self) -> Path:
        """How much each parameter decides, for each objective."""
        return inside(self.path, "importance.json")

    @property
    def report(self) -> Path:
        """The report's page."""
        return inside(self.path, "report.html")

    @property
    def front_png(self) -> Path:
        """The figure of the front."""
        return inside(self.path, "front.png")

    @property
    def front_csv(self) -> Path:
        """A row for each trial on the front."""
        return inside(self.path, "front.csv")

    @property
    def forecast(self) -> Path:
        """What the sweep may take, as calibration trials said before it began."""
        return inside(self.path, "forecast.json")

    @property
    def task_model(self) -> Path:
        """The folder of the task model, of which each file was looked at as well."""
        folder = inside(self.path, "task_model")
        check_entries(folder)
        return folder

    @property
    def task_model_progress(self) -> Path:
        """How far the task model's training is, while it is trained (see ``store.task_model_progress``)."""
        return inside(self.path, progress_path(self.path / "task_model").name)

    @property
    def predictions(self) -> Path:
        """The task model's predictions: arrays ``labels_validation``, ``logits_validation`` and the same of test."""
        return inside(self.path, "task_model", "predictions.npz")

    @property
    def requests(self) -> Path:
        """Requests to the driver, a file each (see ``store.ledger.stop_requests``)."""
        return inside(self.path, "requests")

    @property
    def trials(self) -> Path:
        """The folders of the trials."""
        return inside(self.path, "trials")

    def trial(self, trial_id: str) -> TrialFolder:
        """The files of one trial, each of which was looked at.

        Raises:
            InputError: ``trial_id`` is not the name of a trial: it may hold a path. Or there is a link.
        """
        if not _TRIAL_NAME.fullmatch(trial_id):
            raise InputError(f"{trial_id!r} is not the name of a trial, as t0000 is")
        folder = inside(self.path, "trials", trial_id)
        check_entries(folder)
        return TrialFolder(folder)
