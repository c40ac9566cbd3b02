"""Outcomes of simulated sweeps can be compared."""

from __future__ import annotations

import pytest

from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.run_simulation import run
from ratefront.simulate.simulation_input import make_scenario


def test_outcomes_compare_samplers_and_slots() -> None:
    outcomes = [
        outcome_of(run(make_scenario(None, None, trials=40, slots=slots, sampler=sampler, latency_s=0.0)))  # type: ignore[arg-type]
        for sampler, slots in (("random", 2), ("tpe", 2), ("random", 8))
    ]
    volumes = [list(outcome.hypervolume.values()) for outcome in outcomes]
    assert all(volume == sorted(volume) and volume[0] > 0 for volume in volumes)
    assert volumes[0] != volumes[1]
    assert outcomes[0].virtual_seconds == pytest.approx(4 * outcomes[2].virtual_seconds, rel=0.2)
