"""A simulated sweep that stands for a real one, and the table of it."""

from __future__ import annotations

import pytest

from ratefront.simulate.built_in_sweep import built_in_sweep
from ratefront.simulate.problems.recorded_table import RecordedTable
from ratefront.simulate.problems.synthetic_problem import SyntheticProblem
from ratefront.simulate.problems.table_from_ledger import table_of
from ratefront.simulate.run_simulation import FinishedSimulation, run
from ratefront.simulate.scenario import Scenario
from ratefront.spec.settings.stopping_settings import Stopping


@pytest.fixture(scope="module")
def recorded() -> FinishedSimulation:
    """A simulated sweep stands for a real one: its ledger is one."""
    loaded = built_in_sweep()
    spec = loaded.spec.model_copy(update={"trials": 30, "stopping": Stopping(rule="none")})
    return run(Scenario(spec, loaded.space, SyntheticProblem(loaded.space, 60.0, reports=4), (3,)))


@pytest.fixture(scope="module")
def table(recorded: FinishedSimulation) -> RecordedTable:
    return table_of(recorded.entries)
