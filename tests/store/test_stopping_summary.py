"""What early stopping has saved, and its regret."""

from __future__ import annotations

from pathlib import Path

from tests.builders import FakeSweep, result, spec

from ratefront.history import events
from ratefront.store.ledger.read_ledger import read_history
from ratefront.store.views.stopping_summary import stopping_summary

VALUES = {"family": "split", "split": "conv1", "entropy_model": "factorized", "width": 4, "beta": 1.0}


def spare(sweep: FakeSweep, rate_bits: float, accuracy: float) -> None:
    """A trial that was to be stopped, went on, and ends like this."""
    name = sweep.plan(VALUES)
    sweep.append(events.Reported(name, 1, 2, {"loss": 1.0}), events.Spared(name, 1, "behind", 2))
    sweep.append(events.Finished(name, 1, result(name, rate_bits, accuracy, 1000).to_json()))


def test_epochs_saved_and_the_regret_on_spared_trials(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "sweep", spec(training={"epochs": 10}))
    sweep.finish(VALUES, 4.0, 0.9, 1000)
    for rung in (2, 4):
        name = sweep.plan(VALUES)
        sweep.append(events.Reported(name, 1, rung, {"loss": 1.0}), events.Pruned(name, 1, "behind", rung))
    spare(sweep, 8.0, 0.5)
    spare(sweep, 3.0, 0.8)
    summary = stopping_summary(read_history(sweep.folder))
    assert (summary.trials_stopped, summary.epochs_saved) == (2, 8 + 6)
    assert (summary.trials_spared, summary.spared_on_front) == (2, 1)
    assert summary.seconds_saved > 0
    assert summary.sentence.startswith("The search stopped 2 trials early and saved 14 epochs, about ")
    assert summary.sentence.endswith("always goes on, 1 reached the front.")


def test_a_sweep_that_stopped_nothing_says_nothing(tmp_path: Path) -> None:
    sweep = FakeSweep(tmp_path / "sweep", spec())
    sweep.finish(VALUES, 4.0, 0.9, 1000)
    summary = stopping_summary(read_history(sweep.folder))
    assert summary.to_json() == {
        "trials_stopped": 0,
        "epochs_saved": 0,
        "seconds_saved": 0,
        "trials_spared": 0,
        "spared_on_front": 0,
    }
    assert summary.sentence == ""


def test_a_forged_rung_saves_nothing(tmp_path: Path) -> None:
    """A ledger may come from a stranger."""
    sweep = FakeSweep(tmp_path / "sweep", spec(training={"epochs": "many"}))
    for rung in (-(2**62), 2**62):
        sweep.append(events.Pruned(sweep.plan({**VALUES, "epochs": 2**62}), 1, "forged", rung))
    summary = stopping_summary(read_history(sweep.folder))
    assert (summary.epochs_saved, summary.seconds_saved) == (0, 0)
