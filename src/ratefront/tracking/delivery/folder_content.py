"""Reads what a sweep's folder adds to its ledger: files, the data set, gaps to the bounds, codecs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.sweep_spec import SweepSpec
from ratefront.store.environment_files import environment_files, git_commit_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import DatasetInfo, read_dataset_info, read_overlay
from ratefront.store.views.front_trials import front_of, point_of, result_of
from ratefront.tracking.tracker_protocol import FrontCodec, Provenance

_log = logging.getLogger(__name__)


class NoFolder:
    """Stands for the folder of a ledger without one."""

    def provenance(self, history: SweepHistory) -> Provenance | None:
        """Return None: nothing is known."""
        return None

    def gap_bits(self, history: SweepHistory, trial: TrialHistory) -> Mapping[str, float]:
        """Return no gaps: the bounds need the folder."""
        return {}


class FolderContent:
    """The folder of a sweep. What cannot be read in it is left out, with one warning."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._warnings: set[str] = set()
        self._solving = threading.Lock()  # of parallel calls, one solves the bounds

    def provenance(self, history: SweepHistory) -> Provenance:
        """Return where the sweep comes from, as far as it is known now."""
        folder = self._folder
        artifacts = [folder.spec, *environment_files(folder)]
        return Provenance(
            folder.path.resolve(),
            git_commit_of(folder),
            tuple(path for path in artifacts if path.is_file()),
            self._dataset(history),
        )

    def _dataset(self, history: SweepHistory) -> DatasetInfo | None:
        """Return the data set once the task model is there: it is complete then. MLflow keeps what it gets first."""
        if history.task_model is None:
            return None
        try:
            return read_dataset_info(self._folder, history)
        except (InputError, OSError) as error:
            self._warn_once(error)
            return None

    def gap_bits(self, history: SweepHistory, trial: TrialHistory) -> Mapping[str, float]:
        """Return the trial's bits on test above each bound that has a value there; none without a result."""
        if trial.result is None:
            return {}
        try:
            with self._solving:
                overlay = read_overlay(self._folder, history)
        except (InputError, OSError) as error:
            self._warn_once(error)
            return {}
        point = point_of(trial)
        gaps = {} if overlay is None else overlay.gaps(point.rate_bits, point.accuracy)
        return {name: gap.bits for name, gap in gaps.items() if gap.bits is not None}

    def _warn_once(self, error: Exception) -> None:
        if str(error) not in self._warnings:
            self._warnings.add(str(error))
            _log.warning("tracking: %s; it is left out", error)


def front_codecs(folder: SweepFolder, history: SweepHistory) -> tuple[FrontCodec, ...]:
    """Return the codecs on the front whose files exist, by test rate."""
    trials = ((trial, folder.trial(trial.params.trial_id)) for trial in front_of(history))
    return tuple(
        _codec(trial, files.codec_config, files.codec_weights, history)
        for trial, files in trials
        if files.codec_config.is_file() and files.codec_weights.is_file()
    )


def _codec(trial: TrialHistory, config: Path, weights: Path, history: SweepHistory) -> FrontCodec:
    test = result_of(trial).test
    return FrontCodec(
        trial_id=trial.params.trial_id,
        family=trial.params.family,
        config=config,
        weights=weights,
        block_size=int(history.spec.get("block_size", SweepSpec.model_fields["block_size"].default)),
        rate_bits=test.rate_bits,
        accuracy=test.accuracy,
    )
