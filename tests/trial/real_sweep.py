"""A sweep's ledger and folder with trials that were really run, in this process and without Ray."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.builders import FakeSweep
from tests.small_sweep import CODEC_CONFIGURATIONS

from ratefront.history import events
from ratefront.history.sweep_history import SweepHistory, TrialHistory
from ratefront.spec.load_spec import spec_from_plain, to_plain
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder
from ratefront.trial.run_trial import run_trial
from ratefront.trial.trial_context import TrialContext


@dataclass
class RealSweep:
    """A ledger of trials that were really run."""

    fake: FakeSweep
    context: TrialContext

    @property
    def folder(self) -> SweepFolder:
        return self.fake.folder

    @property
    def history(self) -> SweepHistory:
        return SweepHistory.of(read_entries(self.folder.ledger))

    def plan(self, example: str, starts_from: str = "") -> TrialHistory:
        trial_id = self.fake.plan(CODEC_CONFIGURATIONS[example], starts_from)
        return self.history.trials[trial_id]

    def finish(self, example: str, starts_from: str = "") -> str:
        params = self.plan(example, starts_from).params
        result = run_trial(params, self.context)
        self.fake.append(events.Finished(params.trial_id, 1, result.to_json()))
        return params.trial_id

    def fail(self, example: str, error: str, reason: str, *, final: bool = True) -> str:
        trial_id = self.plan(example).params.trial_id
        self.fake.append(events.Failed(trial_id, 1, error, reason, final=final))
        return trial_id


def real_sweep(path: Path, task_model: Path, **changes: Any) -> RealSweep:
    """A sweep without trials, with a copy of a trained task model of the digits."""
    plain: Mapping[str, Any] = {
        "name": "lab",
        "dataset": "digits",
        "task_model": {"name": "small_cnn", "epochs": 15},
        "space": {
            "family": {
                "label": {"method": {"lossless": {}}},
                "split": {
                    "split": ["conv2"],
                    "beta": 60,
                    "entropy_model": {"categorical": {"width": 2, "alphabet": 8}},
                },
            }
        },
        "trials": 3,
        "training": {"epochs": 3},
        "block_size": 150,
    }
    spec = spec_from_plain({**plain, **changes}).spec
    fake = FakeSweep(path, to_plain(spec), task_model=False)
    shutil.copytree(task_model, fake.folder.task_model)
    return RealSweep(fake, TrialContext(spec, path))
