"""What a driver's latency costs the slots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ratefront.simulate.driver_capacity import DriverCapacity, measure_capacity
from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario
from ratefront.spec.settings.stopping_settings import Stopping

pytestmark = pytest.mark.medium


@pytest.mark.parametrize(("slots", "latency_s", "busy"), [(10, 0.0, 1.0), (10, 0.1, 0.99), (100, 0.5, 0.5)])
def test_a_slow_driver_leaves_slots_idle(slots: int, latency_s: float, busy: float) -> None:
    """A driver that needs 22 times 0.5 s for a trial starts one every 11 s, however many slots there are."""
    scenario = make_scenario(
        None, None, trials=20 * slots, slots=slots, sampler="random", trial_s=600, latency_s=latency_s
    )
    without_stopping = scenario.spec.model_copy(update={"stopping": Stopping(rule="none")})
    capacity = DriverCapacity.of(run(replace(scenario, spec=without_stopping)))
    assert capacity.busy_share == pytest.approx(busy, abs=0.05)
    assert capacity.driver_s == pytest.approx(24 * latency_s, rel=0.05)


def test_capacity_counts_the_time_that_events_take_here() -> None:
    capacity = measure_capacity(slots=20, trials=100, trial_s=60.0, reports=2, sampler="random")
    assert 0.5 < capacity.busy_share <= 1.0
    assert capacity.busy_share_whole <= capacity.busy_share
    assert 1e-5 < capacity.driver_s < 1.0
    assert capacity.virtual_s > 5 * 57
