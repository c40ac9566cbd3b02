"""What a sweep's folder adds to its ledger for those who browse it: files, the data set, gaps to the bounds, codecs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from ratefront.errors import InputError
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.store.environment_files import environment_files, git_commit_of
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.task_model_info import DatasetInfo, read_dataset_info, read_overlay
from ratefront.store.views.front_trials import front_of, point_of, result_of
from ratefront.tracking.tracker_protocol import FrontCodec, Provenance

_log = logging.getLogger(__name__)


class NoFolder:
    """A ledger without a folder."""

    def provenance(self, history: SweepHistory) -> Provenance | None:
        return None

    def gap_bits(self, history: SweepHistory, trial: TrialHistory) -> Mapping[str, float]:
        return {}


class FolderContent:
    """The folder of a sweep. What in it cannot be used is said once, and left out."""

    def __init__(self, folder: SweepFolder) -> None:
        self._folder = folder
        self._said: set[str] = set()
        self._solving = threading.Lock()  # of several lanes one solves the bounds

    def provenance(self, history: SweepHistory) -> Provenance:
        folder = self._folder
        artifacts = [folder.spec, *environment_files(folder)]
        return Provenance(
            folder.path.resolve(),
            git_commit_of(folder),
            tuple(path for path in artifacts if path.is_file()),
            self._dataset(history),
        )

    def _dataset(self, history: SweepHistory) -> DatasetInfo | None:
        """Known whole once the task model is there: MLflow keeps what it is told first."""
        if history.task_model is None:
            return None
        try:
            return read_dataset_info(self._folder, history)
        except (InputError, OSError) as error:
            self._say(error)
            return None

    def gap_bits(self, history: SweepHistory, trial: TrialHistory) -> Mapping[str, float]:
        """Bits of the trial, on test, above each bound that says something there; none without a result."""
        if trial.result is None:
            return {}
        try:
            with self._solving:
                overlay = read_overlay(self._folder, history)
        except (InputError, OSError) as error:
            self._say(error)
            return {}
        point = point_of(trial)
        gaps = {} if overlay is None else overlay.gaps(point.rate_bits, point.accuracy)
        return {name: gap.bits for name, gap in gaps.items() if gap.bits is not None}

    def _say(self, error: Exception) -> None:
        if str(error) not in self._said:
            self._said.add(str(error))
            _log.warning("tracking: %s; it is left out", error)


def front_codecs(folder: SweepFolder, history: SweepHistory) -> tuple[FrontCodec, ...]:
    """The codecs on the front whose files are there, by test rate."""
    found = ((trial, folder.trial(trial.params.trial_id)) for trial in front_of(history))
    return tuple(
        _codec(trial, files.codec_config, files.codec_weights, history)
        for trial, files in found
        if files.codec_config.is_file() and files.codec_weights.is_file()
    )


def _codec(trial: TrialHistory, config: Path, weights: Path, history: SweepHistory) -> FrontCodec:
    test = result_of(trial).test
    return FrontCodec(
        trial_id=trial.params.trial_id,
        family=trial.params.family,
        config=config,
        weights=weights,
        block_size=int(history.spec["block_size"]),
        rate_bits=test.rate_bits,
        accuracy=test.accuracy,
    )
