"""Sweeps with faults from a seed keep the invariants, replay exactly, and reveal mistakes in the engine."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.testing.engine_mutants import MORE, NAMED, name_of

from ratefront.simulate.run_simulation import InvariantBrokenError
from ratefront.simulate.scenario import Parts
from ratefront.testing.faults.fault_plan import FAULT_KINDS
from ratefront.testing.faults.seeded_sweeps import try_seed
from ratefront.tracking.delivery.backlog import Backlog
from ratefront.tracking.in_memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import TrialUpdate

pytestmark = pytest.mark.medium

SEEDS = 200


def test_invariants_hold_for_all_seeds_and_faults() -> None:
    faults: Counter[str] = Counter()
    for seed in range(SEEDS):
        faults += try_seed(seed).fault_counts
    assert {kind for kind, count in faults.items() if count >= 10} == set(FAULT_KINDS), "each kind came"


@pytest.mark.parametrize("seed", [0, 7, 10, 30])  # harmless faults; any faults; TPE; NSGA-II
def test_a_seed_replays_exactly(seed: int) -> None:
    assert try_seed(seed).ledger == try_seed(seed).ledger


def first_error_of(parts: Parts) -> InvariantBrokenError | None:
    for seed in range(SEEDS):
        try:
            try_seed(seed, parts)
        except InvariantBrokenError as error:
            return error
    return None


@pytest.mark.parametrize("parts", [parts for each in NAMED.values() for parts in each] + [*MORE], ids=name_of)
def test_each_mutant_is_found(parts: Parts) -> None:
    error = first_error_of(parts)
    assert error is not None
    print(f"{name_of(parts)}: {error}")
    with pytest.raises(InvariantBrokenError, match=r"^seed \d+, after ") as again:
        try_seed(error.seed, parts)
    assert str(again.value) == str(error), "a failing seed replays exactly"


def test_a_follower_that_drops_refused_trials_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def postpone(self: Backlog, trial_id: str) -> None:
        self.delivered(trial_id)

    monkeypatch.setattr(Backlog, "postpone", postpone)
    error = first_error_of(Parts())
    assert error is not None
    assert "the tracker" in error.violation


def test_a_tracker_that_never_reopens_a_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    show = InMemoryTracker.show_trial

    def show_once(self: InMemoryTracker, update: TrialUpdate) -> None:
        run = next(iter(self.sweeps.values())).trials.get(update.trial.params.trial_id)
        if run is None or run.status != "FAILED":
            show(self, update)

    monkeypatch.setattr(InMemoryTracker, "show_trial", show_once)
    error = first_error_of(Parts())
    assert error is not None
    assert "the tracker says of" in error.violation
