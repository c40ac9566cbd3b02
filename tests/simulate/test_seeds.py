"""Faults from a seed: nothing breaks what must hold, the same seed does the same again, and a mistake is found."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
from tests.simulate.mutants import MORE, NAMED, name_of

from ratefront.simulate.fault_plan import Kind, Odds
from ratefront.simulate.fault_seeds import try_seed
from ratefront.simulate.run_simulation import InvariantBrokenError
from ratefront.simulate.scenario import Parts
from ratefront.tracking.delivery.backlog import Backlog
from ratefront.tracking.memory_tracker import InMemoryTracker
from ratefront.tracking.tracker_protocol import TrialUpdate

SEEDS = 200


def test_what_must_hold_holds_whatever_goes_wrong() -> None:
    troubles: Counter[str] = Counter()
    for seed in range(SEEDS):
        troubles += try_seed(seed).deeds.troubles
    kinds = {*get_args(Kind), *Odds.__dataclass_fields__, "extended", "reopened"}
    assert {kind for kind, count in troubles.items() if count >= 10} == kinds, "each kind came"


@pytest.mark.parametrize("seed", [0, 7, 10, 30])  # harmless faults; any faults; TPE; NSGA-II
def test_a_seed_replays_exactly(seed: int) -> None:
    assert try_seed(seed).ledger == try_seed(seed).ledger


def found_by(parts: Parts) -> InvariantBrokenError | None:
    for seed in range(SEEDS):
        try:
            try_seed(seed, parts)
        except InvariantBrokenError as error:
            return error
    return None


@pytest.mark.parametrize("parts", [parts for each in NAMED.values() for parts in each] + [*MORE], ids=name_of)
def test_a_mistake_is_found(parts: Parts) -> None:
    error = found_by(parts)
    assert error is not None
    print(f"{name_of(parts)}: {error}")
    with pytest.raises(InvariantBrokenError, match=r"^seed \d+, after ") as again:
        try_seed(error.seed, parts)
    assert str(again.value) == str(error), "a failing seed replays exactly"


def test_a_follower_that_forgets_what_was_refused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def postpone(self: Backlog, trial_id: str) -> None:
        self.delivered(trial_id)

    monkeypatch.setattr(Backlog, "postpone", postpone)
    error = found_by(Parts())
    assert error is not None
    assert "the tracker" in error.what


def test_a_tracker_that_never_opens_a_run_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    show = InMemoryTracker.show_trial

    def show_once(self: InMemoryTracker, update: TrialUpdate) -> None:
        run = next(iter(self.sweeps.values())).trials.get(update.trial.params.trial_id)
        if run is None or run.status != "FAILED":
            show(self, update)

    monkeypatch.setattr(InMemoryTracker, "show_trial", show_once)
    error = found_by(Parts())
    assert error is not None
    assert "the tracker says of" in error.what
