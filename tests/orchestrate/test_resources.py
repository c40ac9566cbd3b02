"""Families that need different things, and trials that share a GPU. The GPU is one by its name only."""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.history.events import Failed, Finished, Started
from ratefront.store.ledger.ledger_file import read_entries

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("gpu_cluster", "module_follower")]


def most_at_a_time(folder: Path, trials: Set[str]) -> int:
    running: set[str] = set()
    most = 0
    for entry in read_entries(folder / "ledger.jsonl"):
        if isinstance(entry.event, Started) and entry.event.trial_id in trials:
            running.add(entry.event.trial_id)
        if isinstance(entry.event, Finished | Failed):
            running.discard(entry.event.trial_id)
        most = max(most, len(running))
    return most


@pytest.fixture(scope="module")
def mixed(fake: SimpleNamespace, gpu_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Label takes all four cores and no GPU; split one core and a share of the GPU that its first trial measures
    (0.3, so that two fit with a margin). One of split's workers dies when its trial has ended.
    """
    folder = tmp_path_factory.mktemp("mixed") / "sweep"
    spec = fake.loaded(
        7,
        families={"label": (7,), "split": (8, 14)},
        concurrent=4,
        trials_per_gpu="auto",
        families_need={"label": {"cpus": 4.0, "gpus": 0.0}},
    )
    history = fake.run(spec, folder)
    by_family = {
        family: [trial for trial in history.trials.values() if trial.params.family == family]
        for family in ("label", "split")
    }
    return SimpleNamespace(history=history, folder=folder, by_family=by_family)


def test_an_idle_worker_gives_its_cores_to_another_family(mixed: Any) -> None:
    assert {trial.status for trial in mixed.history.trials.values()} == {"finished"}
    assert min(map(len, mixed.by_family.values())) >= 2, "and they came in turn"


def test_each_family_has_its_own_cores(mixed: Any) -> None:
    threads = {
        family: {trial.result.extra["threads"] for trial in trials}
        for family, trials in mixed.by_family.items()
    }
    assert threads == {"label": {4}, "split": {1}}
    assert most_at_a_time(mixed.folder, {trial.params.trial_id for trial in mixed.by_family["label"]}) == 1


def test_the_first_trial_measures_the_gpu_share_of_the_others(mixed: Any) -> None:
    gpus = [trial.result.extra["gpus"] for trial in mixed.by_family["split"]]
    assert (gpus[0], set(gpus[1:])) == (1.0, {0.5})
    assert most_at_a_time(mixed.folder, {trial.params.trial_id for trial in mixed.by_family["split"]}) <= 2


def test_a_trial_without_a_gpu_runs_on_the_cpu(mixed: Any) -> None:
    assert all("gpus" not in trial.result.extra for trial in mixed.by_family["label"])
    assert json.loads((mixed.folder / "task_model" / "facts.json").read_text())["device"] == "cuda"


def test_six_sixths_of_a_gpu_are_one(fake: SimpleNamespace, tmp_path: Path) -> None:
    spec = fake.loaded(12, (13,), trials_per_gpu=6, cpus=0.5, concurrent=6)
    history = fake.run(spec, tmp_path / "sweep")
    assert {trial.status for trial in history.trials.values()} == {"finished"}
    assert most_at_a_time(tmp_path / "sweep", history.trials.keys()) == 6
