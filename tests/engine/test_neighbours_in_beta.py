"""A new trial starts from the finished one that is nearest in log β and equal in all else."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratefront.engine.neighbours_in_beta import NeighboursInBeta
from ratefront.history.sweep_history import TrialHistory
from ratefront.trial_records import Scalar, Status, TrialParams


def values(beta: float, width: int = 4, **changes: Scalar) -> dict[str, Scalar]:
    return {
        "family": "split",
        "split": "conv1",
        "entropy_model": "factorized",
        "width": width,
        "beta": beta,
        **changes,
    }


class _Sweep:
    """Trials that are planned and end one after another."""

    def __init__(self) -> None:
        self.neighbours, self.trials = NeighboursInBeta(), list[TrialHistory]()

    def plan(self, values: dict[str, Scalar]) -> TrialHistory:
        number = len(self.trials)
        self.trials.append(TrialHistory(number, TrialParams(f"t{number:04d}", 0, values), 0.0))
        self.neighbours.planned(self.trials[-1])
        return self.trials[-1]

    def end(self, trial: TrialHistory, status: Status = "finished") -> None:
        trial.status = status
        self.neighbours.ended(trial)


def test_the_nearest_in_log_beta_is_taken() -> None:
    sweep = _Sweep()
    for beta in (10.0, 100.0, 1000.0):
        sweep.end(sweep.plan(values(beta)))
    nearest = sweep.neighbours.nearest
    assert [nearest(values(beta)) for beta in (1.0, 31.0, 32.0, 316.0, 317.0, 9999.0)] == [
        "t0000",
        "t0000",
        "t0001",
        "t0001",
        "t0002",
        "t0002",
    ]


@pytest.mark.parametrize("status", ["collapsed", "failed", "pruned", "stopped"])
def test_only_a_finished_trial_is_a_neighbour(status: Status) -> None:
    sweep = _Sweep()
    sweep.end(sweep.plan(values(10.0)), status)
    sweep.plan(values(20.0))
    assert sweep.neighbours.nearest(values(15.0)) == ""


def test_all_but_beta_must_be_equal() -> None:
    sweep = _Sweep()
    sweep.end(sweep.plan(values(10.0)))
    assert sweep.neighbours.nearest(values(11.0)) == "t0000"
    for other in (
        values(11.0, width=5),
        values(11.0, split="conv2"),
        values(11.0, objective="cross_entropy"),
    ):
        assert sweep.neighbours.nearest(other) == ""


def test_a_repeated_configuration_starts_from_scratch() -> None:
    sweep = _Sweep()
    sweep.end(sweep.plan(values(10.0)))
    sweep.end(sweep.plan(values(20.0)), "failed")
    assert sweep.neighbours.nearest(values(10.0)) == sweep.neighbours.nearest(values(20.0)) == ""


def test_families_without_a_positive_beta_start_from_scratch() -> None:
    sweep = _Sweep()
    for beta in (0.0, -1.0, "high", True):
        for _ in range(2):
            sweep.end(sweep.plan({"family": "own", "beta": beta}))
        assert sweep.neighbours.nearest({"family": "own", "beta": beta, "width": 3}) == ""
    sweep.end(sweep.plan({"family": "label", "method": "lossless"}))
    assert sweep.neighbours.nearest({"family": "label", "method": "lossless"}) == ""


@given(
    st.lists(
        st.tuples(st.sampled_from([4, 8, 16, 32, 64]), st.booleans(), st.sampled_from([1, 2])), max_size=30
    )
)
def test_the_search_finds_what_a_scan_of_all_trials_finds(steps: list[tuple[float, bool, int]]) -> None:
    """Also where trials repeat a configuration, are equally near, and end in another order than they began."""
    sweep, left = _Sweep(), list[TrialHistory]()
    for beta, ends_last, width in steps:
        wanted = values(beta, width)
        alike = [
            trial
            for trial in sweep.trials
            if trial.status == "finished" and trial.params.values["width"] == width
        ]
        is_new = all(trial.params.values != wanted for trial in sweep.trials)
        nearest = min(
            alike,
            key=lambda trial: (abs(math.log2(float(trial.params.values["beta"]) / beta)), trial.number),
            default=None,
        )
        due = nearest.params.trial_id if nearest is not None and is_new else ""
        assert sweep.neighbours.nearest(wanted) == due
        left.append(sweep.plan(wanted))
        if left and ends_last:
            sweep.end(left.pop())
        elif len(left) > 3:
            sweep.end(left.pop(0))


def test_ten_thousand_trials_stay_cheap() -> None:
    sweep, seconds = _Sweep(), 0.0
    for number in range(10_000):
        wanted = values(math.exp(8 * (number * 0.618034 % 1)))
        began = time.perf_counter()
        sweep.neighbours.nearest(wanted)
        sweep.end(sweep.plan(wanted))
        seconds += time.perf_counter() - began
    assert seconds < 3, f"{1000 * seconds / 10_000:.3f} ms for each trial"
