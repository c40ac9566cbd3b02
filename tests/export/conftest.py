"""A sweep whose trials were really run, and the exports of their codecs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.builders import FakeSweep
from tests.small_sweep import small_sweep_spec
from tests.trial.real_sweep import RealSweep

from ratefront.export.export_trial import Export, export_trial
from ratefront.spec.load_spec import spec_from_plain, to_plain
from ratefront.store.sweep_folder import TrialFolder
from ratefront.trial.trial_context import TrialContext


@dataclass
class ExportedSweep(RealSweep):
    """Runs and exports a configuration when it is first asked for."""

    out: Path
    _trials: dict[str, str] = field(default_factory=dict)
    _exports: dict[str, Export] = field(default_factory=dict)

    def trial(self, name: str) -> str:
        if name not in self._trials:
            self._trials[name] = self.finish(name)
        return self._trials[name]

    def files(self, name: str) -> TrialFolder:
        return self.folder.trial(self.trial(name))

    def export(self, name: str) -> Export:
        if name not in self._exports:
            trial_id = self.trial(name)
            self._exports[name] = export_trial(self.folder, self.history, trial_id, self.out / name)
        return self._exports[name]


@pytest.fixture(scope="session")
def exported_sweep(task_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportedSweep:
    path = tmp_path_factory.mktemp("exported")
    plain = to_plain(small_sweep_spec(training={"epochs": 3}))
    spec = spec_from_plain({**plain, "space": {"family": {"label": {"method": {"lossless": {}}}}}}).spec
    fake = FakeSweep(path / "sweep", to_plain(spec), task_model=False)
    shutil.copytree(task_model_folder, fake.folder.task_model)
    return ExportedSweep(fake, TrialContext(spec, fake.folder.path), path)


@pytest.fixture(scope="session")
def exported(exported_sweep: ExportedSweep) -> Callable[[str], Export]:
    return exported_sweep.export
