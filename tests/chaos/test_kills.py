"""Workers and drivers killed again and again, in the middle of trials: the front is that of an undisturbed sweep."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from tests.chaos.real_sweeps import ProgressSince, RealSweep, pause, training, worker_of
from tests.chaos.trial_accounting import assert_accounted, measured

from ratefront.history.events import Resumed
from ratefront.store.ledger.ledger_file import read_entries

FEW, MANY = pytest.param(2, 6, marks=pytest.mark.slow), pytest.param(20, 24, marks=pytest.mark.chaos)


@pytest.mark.parametrize(("kills", "trials"), [FEW, MANY])
def test_killed_workers_change_neither_front_nor_results(
    new_sweep: Callable[..., RealSweep], undisturbed: Callable[[int], Any], kills: int, trials: int
) -> None:
    sweep, random = new_sweep(trials), Random(kills)
    with sweep.driver() as driver:
        for kill in range(kills):
            sweep.wait(driver, ProgressSince(sweep.history))
            pause(random, 0.5)
            worker = worker_of(driver)
            assert 1 <= sweep.history.trials_ended < trials
            print(f"worker killed ({kill + 1} of {kills}): {sweep.moment()}")
            worker.kill()
        code, errors = driver.end()
    assert code == 0, errors
    assert set(assert_accounted(sweep.folder, trials)) <= {"finished", "collapsed"}
    assert measured(sweep.folder) == undisturbed(trials)


@pytest.mark.parametrize(("kills", "trials"), [FEW, MANY])
def test_killed_drivers_change_neither_front_nor_results(
    new_sweep: Callable[..., RealSweep], undisturbed: Callable[[int], Any], kills: int, trials: int
) -> None:
    sweep, random = new_sweep(trials), Random(kills)
    for kill in range(kills):
        with sweep.driver(*(["--resume"] if kill else [])) as driver:
            sweep.wait(driver, ProgressSince(sweep.history))
            pause(random, 1.0)
            print(f"driver killed ({kill + 1} of {kills}): {sweep.moment()}")
            driver.kill()
        assert 1 <= sweep.history.trials_ended < trials
        sweep.assert_nothing_left()
    code, errors = sweep.resumed()
    assert code == 0, errors
    assert sum(isinstance(entry.event, Resumed) for entry in read_entries(sweep.folder.ledger)) == kills
    assert_accounted(sweep.folder, trials)
    assert measured(sweep.folder) == undisturbed(trials)


@pytest.mark.slow
@pytest.mark.chaos
def test_a_corrupt_checkpoint_costs_only_its_epochs(
    new_sweep: Callable[..., RealSweep], undisturbed: Callable[[int], Any]
) -> None:
    sweep = new_sweep(6)
    with sweep.driver() as driver:
        sweep.wait(driver, lambda history: training(history) is not None)
        driver.kill()
    trial = training(sweep.history)
    assert trial is not None
    checkpoint = sweep.folder.trial(trial.params.trial_id).checkpoint
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 0x10
    checkpoint.write_bytes(content)
    code, errors = sweep.resumed()
    assert code == 0, errors
    assert_accounted(sweep.folder, 6)
    assert measured(sweep.folder) == undisturbed(6)


@pytest.mark.slow
@pytest.mark.chaos
def test_a_second_driver_is_refused_and_disturbs_nothing(
    new_sweep: Callable[..., RealSweep], undisturbed: Callable[[int], Any]
) -> None:
    sweep = new_sweep(6)
    with sweep.driver() as first:
        sweep.wait(first, lambda history: history.trials_ended >= 1)
        with sweep.driver("--resume") as second:
            code, errors = second.end()
        assert code != 0
        assert f"process {first.process.pid} on" in errors
        with sweep.driver() as third:
            code, errors = third.end()
        assert code == 2, errors
        code, errors = first.end()
    assert code == 0, errors
    assert_accounted(sweep.folder, 6)
    assert measured(sweep.folder) == undisturbed(6)
