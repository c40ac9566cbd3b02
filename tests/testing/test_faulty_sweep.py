"""Faults in any sweep."""

from __future__ import annotations

from ratefront.simulate.outcome import outcome_of
from ratefront.simulate.simulation_input import make_scenario
from ratefront.testing.faults.faulty_sweep import draw_faults_for, run_with_faults


def test_faults_drawn_for_a_sweep_replay_exactly() -> None:
    scenario, plan = draw_faults_for(make_scenario(None, None, trials=20, slots=7, sampler="random"), seed=11)
    assert scenario.nodes == (3, 2, 2)
    first, second = run_with_faults(scenario, plan), run_with_faults(scenario, plan)
    assert first.ledger == second.ledger
    assert outcome_of(first) == outcome_of(second)
