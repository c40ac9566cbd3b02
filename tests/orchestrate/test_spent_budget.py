"""A budget ends a sweep of real workers cleanly, and a larger one lets it go on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratefront.errors import InputError
from ratefront.history.events import BudgetSpent, Started
from ratefront.orchestrate.sweep_driver import WorkerFunctions
from ratefront.spec.sweep_spec import Budget
from ratefront.store.ledger.ledger_file import read_entries
from ratefront.store.sweep_folder import SweepFolder
from ratefront.store.views.sweep_status import status_of

pytestmark = [pytest.mark.medium, pytest.mark.usefixtures("gpu_cluster")]


def statuses(history: Any) -> dict[str, int]:
    return dict(Counter(trial.status for trial in history.trials.values()))


def events_of(folder: Path, kind: type) -> list[Any]:
    events = (entry.event for entry in read_entries(folder / "ledger.jsonl"))
    return [event for event in events if isinstance(event, kind)]


def test_a_spent_budget_ends_the_sweep_and_loses_no_trial(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"

    def budget(**limits: float) -> Any:
        spec = fake.loaded(3, (15,), gpus=0.5, concurrent=2)
        return replace(spec, spec=spec.spec.model_copy(update={"budget": Budget(**limits)}))

    small = budget(gpu_hours=0.0003, grace_minutes=0.02)
    history = fake.run(small, folder, on_update=lambda history: (folder / "long").touch())
    assert history.ended_by_budget
    assert "the budget of 0.0003 GPU-hours is spent" in history.ended_early
    assert history.counts["running"] == 0
    (spent,) = events_of(folder, BudgetSpent)
    assert {event.gpus for event in events_of(folder, Started)} == {0.5}
    assert 0.0003 <= spent.gpu_hours <= spent.hours
    assert [ending.outcome for ending in follower.finished] == ["finished"]
    stopped = {trial.params.trial_id for trial in history.with_status("planned") if trial.attempts}
    assert stopped == {"t0000", "t0001"}, "both hang"
    status = status_of(SweepFolder(folder))
    assert (status.state, status.is_budget_spent) == ("ended", True)
    assert status.larger_budget["budget.gpu_hours"] > status.gpu_hours

    before = (folder / "ledger.jsonl").read_bytes()
    fake.run(small, folder, resume=True)
    with pytest.raises(InputError, match=r"extend=2: the budget of .* is spent"):
        fake.run(small, folder, resume=True, extend=2)
    assert (folder / "ledger.jsonl").read_bytes() == before, "a spent budget leaves nothing to do"

    (folder / "long").unlink()
    history = fake.run(budget(gpu_hours=1.0), folder, resume=True)
    assert statuses(history) == {"finished": 3}
    assert {name: history.trials[name].attempts for name in stopped} == dict.fromkeys(stopped, 2)
    assert not history.ended_early


def test_a_budget_ends_the_training_of_the_task_model(
    fake: SimpleNamespace, follower: Any, tmp_path: Path
) -> None:
    spec = fake.loaded(2)
    limits = Budget(hours=1 / 3600, grace_minutes=0.01)
    limited = replace(spec, spec=spec.spec.model_copy(update={"budget": limits}))
    slow = WorkerFunctions("fake_work:trial_steps", "fake_work:prepare_long", "fake_work:limit_memory")
    history = fake.run(limited, tmp_path / "sweep", functions=slow)
    assert history.ended_by_budget
    assert history.task_model is None
